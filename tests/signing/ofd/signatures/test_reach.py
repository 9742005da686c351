"""Which members pages draw from, on the safe side."""

from __future__ import annotations

from signing.ofd.package import open_package
from signing.ofd.signatures.reach import reached_members
from tests.support.tiny_ofd import NAMESPACE, PAGE_MEMBER, tiny_ofd


def test_what_pages_use_and_what_they_do_not() -> None:
    resources = (
        f'<ofd:Res {NAMESPACE} BaseLoc="Res"><ofd:MultiMedias><ofd:MultiMedia ID="7" Type="Image">'
        "<ofd:MediaFile>image 1.png</ofd:MediaFile></ofd:MultiMedia></ofd:MultiMedias></ofd:Res>"
    )
    annotations = (
        f'<ofd:Annotations {NAMESPACE}><ofd:Page PageID="1"><ofd:FileLoc>Page_0.xml</ofd:FileLoc></ofd:Page>'
        "</ofd:Annotations>"
    )
    data = tiny_ofd(
        {
            "Doc_0/PublicRes.xml": resources.encode(),
            "Doc_0/Res/Image 1.PNG": b"png",
            "Doc_0/Annots/Annotations.xml": annotations.encode(),
            "Doc_0/Annots/Page_0.xml": b"<broken",
            "Doc_0/Attachs/Attachments.xml": b"<a><FileLoc>file.bin</FileLoc></a>",
            "Doc_0/Attachs/file.bin": b"attached",
            "Doc_0/Res/unused.png": b"png",
        },
        common="<ofd:PublicRes>PublicRes.xml</ofd:PublicRes>",
        document=(
            "<ofd:Annotations>\\Doc_0\\Annots\\Annotations.xml</ofd:Annotations>"
            "<ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments>"
        ),
    )
    assert reached_members(open_package(data)) == {
        "Doc_0/Document.xml",
        PAGE_MEMBER,
        "Doc_0/PublicRes.xml",
        "Doc_0/Res/Image 1.PNG",
        "Doc_0/Annots/Annotations.xml",
        "Doc_0/Annots/Page_0.xml",
    }


def test_version_files_are_followed() -> None:
    version = f"<ofd:DocVersion {NAMESPACE}><ofd:DocRoot>/Doc_1/Document.xml</ofd:DocRoot></ofd:DocVersion>"
    data = tiny_ofd(
        {"Doc_0/V1.xml": version.encode(), "Doc_1/Document.xml": b"<Document/>"},
        ofd_extra='<ofd:Versions><ofd:Version ID="v1" Index="1" BaseLoc="Doc_0/V1.xml"/></ofd:Versions>',
    )
    assert "Doc_1/Document.xml" in reached_members(open_package(data))
