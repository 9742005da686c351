"""R28: a document is made ready once; from then on nothing that is signed changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from signing.ofd.errors import OfdError
from signing.ofd.package import open_package, update_package, write_package
from signing.ofd.signatures import OfdSignError, document_digest, normalise, verify_ofd
from signing.ofd.signatures.listing import read_lists
from signing.sm import sm3
from tests.support.hospital import Hospital
from tests.support.tiny_ofd import NAMESPACE, PAGE_MEMBER, tiny_ofd

THIRD_PARTY = (
    "ofdrw/converter/helloworld.ofd",
    "ofdrw/converter/999.ofd",
    "ofdrw/layout/fptpl.ofd",
    "c5soft/6.2.003 使用相对路径.ofd",
)


def test_list_is_named_and_there_and_the_rest_untouched() -> None:
    data = tiny_ofd()
    ready = normalise(data)
    before, after = open_package(data), open_package(ready)
    assert [item.member for item in read_lists(after)] == ["Doc_0/Signs/Signatures.xml"]
    for name in before.names():
        if name != "OFD.xml":
            assert after.raw(name) == before.raw(name)
    assert normalise(ready) == ready
    assert b"<ofd:DocID>5f2d4cf4c1f34b5f9b1a2c3d4e5f6a7b</ofd:DocID>" in after.read("OFD.xml")


@pytest.mark.parametrize("name", THIRD_PARTY)
def test_documents_of_others(shared_testdata: Path, name: str) -> None:
    """R28: unsigned, signed, with a list that is named but missing, with relative paths."""
    data = (shared_testdata / "ofd" / name).read_bytes()
    ready = normalise(data, slots=2)
    before, after = open_package(data), open_package(ready)
    changed = {n for n in before.names() if before.read(n) != after.read(n)}
    assert changed <= {"OFD.xml"}
    assert set(after.names()) - set(before.names()) <= {"Doc_0/Signs/Signatures.xml"}
    assert verify_ofd(ready, anchors=[]).signatures == verify_ofd(data, anchors=[]).signatures
    assert len(document_digest(ready)) == 32


def test_missing_list_is_made_where_the_document_says() -> None:
    data = tiny_ofd(ofd_extra="<ofd:Signatures>/Doc_0/Elsewhere/List.xml</ofd:Signatures>")
    after = open_package(normalise(data))
    assert "Doc_0/Elsewhere/List.xml" in after.names()
    assert after.read("OFD.xml") == open_package(data).read("OFD.xml")


@pytest.mark.parametrize("location", ["/../outside.xml", "."])
def test_list_outside_the_package_is_renamed(location: str) -> None:
    data = tiny_ofd(ofd_extra=f"<ofd:Signatures>{location}</ofd:Signatures>")
    lists = read_lists(open_package(normalise(data)))
    assert lists[0].member == "Doc_0/Signs/Signatures.xml"


def test_document_digest_follows_the_rule() -> None:
    """protocol.md: SM3 over `path SP hex(SM3(member)) LF`, sorted by path, without the lists."""
    ready = normalise(tiny_ofd())
    package = open_package(ready)
    lines = sorted(
        f"/{name} {sm3(package.read(name)).hex()}\n"
        for name in package.names()
        if name != "Doc_0/Signs/Signatures.xml"
    )
    assert document_digest(ready) == sm3("".join(lines).encode())


def test_digest_of_a_document_that_is_not_ready_is_refused() -> None:
    with pytest.raises(OfdSignError) as caught:
        document_digest(tiny_ofd())
    assert caught.value.code == "ofdsign.not-normalised"


@pytest.mark.parametrize(
    ("name", "code"),
    [("Encryptions.xml", "ofdsign.encrypted"), ("OFDEntries.xml", "ofdsign.integrity-list")],
)
def test_what_cannot_be_extended_is_refused(name: str, code: str) -> None:
    with pytest.raises(OfdSignError) as caught:
        normalise(tiny_ofd({name: b"<x/>"}))
    assert caught.value.code == code


def test_locked_document_is_refused_by_name(hospital: Hospital, shared_testdata: Path) -> None:
    """R28: an earlier signature that protects the list forbids any later one."""
    data = (shared_testdata / "ofd/ofdrw/sign/allprotected.ofd").read_bytes()
    with pytest.raises(OfdSignError) as caught:
        normalise(data)
    assert caught.value.code == "ofdsign.locked"
    assert caught.value.params["name"] == "Doc_0/Signs/Signatures.xml"


def test_too_many_signatures_are_refused() -> None:
    with pytest.raises(OfdSignError) as caught:
        normalise(tiny_ofd(), slots=65)
    assert caught.value.code == "ofdsign.too-many"


def test_place_taken_by_another_case_is_refused() -> None:
    with pytest.raises(OfdSignError) as caught:
        normalise(tiny_ofd({"doc_0/signs/signatures.xml": b"<x/>"}))
    assert caught.value.code == "ofdsign.no-place"


def test_damaged_member_is_refused_before_anybody_signs() -> None:
    data = bytearray(write_package(_members()))
    place = data.index(b"unpacked marker")
    data[place] ^= 1
    with pytest.raises(OfdError) as caught:
        normalise(bytes(data))
    assert caught.value.code == "ofd.damaged-entry"


def _members() -> dict[str, bytes]:
    package = open_package(tiny_ofd())
    return {name: package.read(name) for name in package.names()} | {"note.txt": b"unpacked marker"}


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\0" * 1000])
def test_wrong_files_have_one_clear_error(data: bytes) -> None:
    with pytest.raises(OfdError):
        normalise(data)


def test_document_without_pages_is_refused() -> None:
    package = open_package(tiny_ofd())
    empty = f"<ofd:Document {NAMESPACE}><ofd:CommonData/><ofd:Pages/></ofd:Document>".encode()
    data = update_package(package, {"Doc_0/Document.xml": empty, PAGE_MEMBER: None})
    with pytest.raises(OfdError) as caught:
        normalise(data)
    assert caught.value.code == "ofd.no-pages"
