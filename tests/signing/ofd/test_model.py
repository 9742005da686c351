"""R28: the document tree, and what real files do against the standard."""

from __future__ import annotations

import pytest

from signing.ofd.document import OfdError, load_document, open_package, page_display_list
from signing.ofd.package import Limits, update_package
from tests.signing.ofd.micro import NAMESPACE, SQUARE, fill, micro, micro_bytes

RED_SQUARE = fill("255 0 0", SQUARE)
TRIANGLE = "M 0 0 L 9 9 L 9 0 C"


def changed(parts: dict[str, bytes | None], **micro_parts: str) -> bytes:
    return update_package(open_package(micro_bytes(RED_SQUARE, **micro_parts)), parts)


def codes(data: bytes) -> set[str]:
    document = load_document(open_package(data))
    for index in range(len(document.pages)):
        page_display_list(document, index)
    return {t.code for t in document.package.tolerances}


def root(inner: str) -> bytes:
    return f'<ofd:OFD {NAMESPACE} Version="1.0">{inner}</ofd:OFD>'.encode()


def test_page_box_comes_from_the_page_then_the_template_then_the_document() -> None:
    """R28: GB/T 33190-2016, 7.5."""
    assert micro(size="0 0 50 60").pages[0].size_mm == (50.0, 60.0)
    own = "<ofd:Area><ofd:PhysicalBox>5 5 70 80</ofd:PhysicalBox></ofd:Area>"
    assert micro(page=own).pages[0].size_mm == (70.0, 80.0)
    template = {"Doc_0/T.xml": f"<ofd:Page {NAMESPACE}>{own}</ofd:Page>".encode()}
    document = micro(
        common='<ofd:TemplatePage ID="9" BaseLoc="T.xml"/>',
        page='<ofd:Template TemplateID="9"/>',
        members=template,
    )
    assert document.pages[0].size_mm == (70.0, 80.0)
    for absurd in ("0 0 0 10", "0 0 1e8 1", "zero"):
        assert micro(size=absurd).pages[0].size_mm == (210.0, 297.0)


def test_a_doc_root_may_be_a_folder_or_an_attribute() -> None:
    """R28: libofd's sample0 names a folder, another writer uses an attribute."""
    folder = root("<ofd:DocBody><ofd:DocRoot>Doc_0</ofd:DocRoot></ofd:DocBody>")
    assert codes(changed({"OFD.xml": folder})) == {"ofd.tolerance-doc-root"}
    attribute = root('<ofd:DocBody DocRoot="Doc_0/Document.xml"/>')
    assert codes(changed({"OFD.xml": attribute})) == {"ofd.tolerance-doc-root"}


def test_the_current_version_counts() -> None:
    """R28: GB/T 33190-2016, 19: of several versions the one marked Current."""
    body = (
        '<ofd:Versions><ofd:Version ID="1" Index="1" BaseLoc="Doc_0/V1.xml"/>'
        '<ofd:Version ID="2" Index="2" Current="true" BaseLoc="Doc_0/V2.xml"/></ofd:Versions>'
    )
    version = f"<ofd:DocVersion {NAMESPACE}><ofd:DocRoot>Other.xml</ofd:DocRoot></ofd:DocVersion>"
    other = (
        f"<ofd:Document {NAMESPACE}><ofd:CommonData><ofd:PageArea>"
        "<ofd:PhysicalBox>0 0 33 44</ofd:PhysicalBox>"
        '</ofd:PageArea></ofd:CommonData><ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/P.xml"/></ofd:Pages>'
        "</ofd:Document>"
    )
    data = micro_bytes(
        body=body, members={"Doc_0/V2.xml": version.encode(), "Doc_0/Other.xml": other.encode()}
    )
    assert load_document(open_package(data)).pages[0].size_mm == (33.0, 44.0)


def test_an_unknown_layer_type_is_body_and_order_follows_the_types() -> None:
    """R28: 7.7, table 15; `Backqround` is found in the wild."""
    page = f"""<ofd:Page {NAMESPACE}><ofd:Content>
      <ofd:Layer Type="Foreground">{fill("0 0 3", TRIANGLE)}</ofd:Layer>
      <ofd:Layer Type="Backqround">{fill("0 0 2", TRIANGLE)}</ofd:Layer>
      <ofd:Layer Type="Background">{fill("0 0 1", TRIANGLE)}</ofd:Layer>
      </ofd:Content></ofd:Page>"""
    document = load_document(open_package(changed({"Doc_0/Pages/P.xml": page.encode()})))
    drawn = page_display_list(document, 0)
    assert [item.fill.blue for item in drawn.items] == [1, 2, 3]  # type: ignore[union-attr]
    assert {t.code for t in document.package.tolerances} == {"ofd.tolerance-layer"}


def test_templates_lie_under_or_over_the_page() -> None:
    """R28: 7.6, ZOrder of the use before ZOrder of the template page, Background when neither says."""

    def template(blue: int) -> bytes:
        inner = fill(f"0 0 {blue}", TRIANGLE)
        layer = f"<ofd:Layer>{inner}</ofd:Layer>"
        return f"<ofd:Page {NAMESPACE}><ofd:Content>{layer}</ofd:Content></ofd:Page>".encode()

    document = micro(
        fill("0 0 5", TRIANGLE),
        common='<ofd:TemplatePage ID="10" BaseLoc="A.xml"/><ofd:TemplatePage ID="11" BaseLoc="B.xml" '
        'ZOrder="Foreground"/><ofd:TemplatePage ID="12" BaseLoc="C.xml"/>',
        page='<ofd:Template TemplateID="11"/><ofd:Template TemplateID="10"/>'
        '<ofd:Template TemplateID="12" ZOrder="Foreground"/><ofd:Template TemplateID="99"/>',
        members={f"Doc_0/{n}.xml": template(b) for n, b in (("A", 1), ("B", 8), ("C", 9))},
    )
    drawn = page_display_list(document, 0)
    assert [item.fill.blue for item in drawn.items] == [1, 5, 8, 9]  # type: ignore[union-attr]
    assert {t.code for t in document.package.tolerances} == {"ofd.tolerance-template"}


def test_a_missing_signature_list_is_neither_unsigned_nor_a_crash() -> None:
    """R28: fptpl.ofd names a Signatures file that is not in the package."""
    data = micro_bytes(body="<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures>")
    document = load_document(open_package(data))
    assert document.signatures_missing
    assert document.signatures_member is None
    assert codes(data) == {"ofd.tolerance-signatures-missing"}


def test_what_is_missing_is_told_by_name() -> None:
    """R28: no DocBody, no pages, a page without its part, a damaged part, too many pages."""
    cases = {
        "ofd.no-document": changed({"OFD.xml": root("")}),
        "ofd.missing-entry": changed({"Doc_0/Pages/P.xml": None}),
        "ofd.xml-broken": changed({"Doc_0/Document.xml": b"<broken"}),
    }
    for code, data in cases.items():
        with pytest.raises(OfdError) as caught:
            load_document(open_package(data))
        assert caught.value.code == code
    empty = micro_bytes()
    document = open_package(empty).read("Doc_0/Document.xml")
    for text, limits, code in (
        (document.replace(b"ofd:Page ", b"ofd:Leaf "), Limits(), "ofd.no-pages"),
        (document, Limits(pages=0), "ofd.too-many-pages"),
    ):
        data = update_package(open_package(empty), {"Doc_0/Document.xml": text})
        with pytest.raises(OfdError) as caught:
            load_document(open_package(data, limits))
        assert caught.value.code == code
    with pytest.raises(OfdError) as caught:
        page_display_list(micro(), 1)
    assert caught.value.code == "ofd.no-such-page"


def test_damaged_resources_and_annotations_are_left_out_and_told() -> None:
    """R28: the page is still shown."""
    data = changed(
        {"Doc_0/Res.xml": b"<oops", "Doc_0/A.xml": b"<oops"},
        document="<ofd:Annotations>A.xml</ofd:Annotations>",
    )
    assert codes(data) == {"ofd.tolerance-resource"}
    document = load_document(open_package(data))
    assert len(page_display_list(document, 0).items) == 1
