"""R28: an OFD is opened under limits, and what is wrong with it is told in one sentence."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.ofd.archive import encode_entry
from signing.ofd.document import OfdError, load_document, open_package, page_display_list
from signing.ofd.package import Limits, update_package, write_package
from signing.verdict import has_message
from tests.signing.ofd.micro import SQUARE, micro_bytes, path


def code_of(data: bytes | Path, limits: Limits | None = None) -> str:
    with pytest.raises(OfdError) as caught:
        open_package(data, limits)
    for language in ("zh_CN", "en"):
        assert has_message(caught.value.code, language)
        assert "{" not in caught.value.message(language)
    return caught.value.code


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_every_sample_opens_and_every_member_reads(samples: list[Path]) -> None:
    """R28: real files, whatever wrote them."""
    for sample in samples:
        package = open_package(sample)
        for name in package.names():
            assert len(package.read(name)) == package.size(name)


def test_wrong_files_get_one_sentence(tmp_path: Path) -> None:
    """R28: empty, not a ZIP, 1 GiB of zeros, cut off, no OFD.xml, not there."""
    assert code_of(b"") == "ofd.empty"
    assert code_of(b"%PDF-1.7 not an OFD") == "ofd.not-a-package"
    assert code_of(b"PK\x03\x04") == "ofd.damaged"
    assert code_of(zipped({"a.xml": b"<a/>"})) == "ofd.no-ofd-xml"
    assert code_of(tmp_path / "missing.ofd") == "ofd.unreadable"
    large = tmp_path / "zeros.ofd"
    with large.open("wb") as stream:
        stream.truncate(1 << 30)
    assert code_of(large) == "ofd.too-large"
    assert code_of(bytes(1 << 20)) == "ofd.not-a-package"


def test_bombs_are_refused_before_they_are_unpacked() -> None:
    """R28: one large member, many that add up, and members that share their bytes."""
    assert code_of(zipped({"OFD.xml": b"x", "bomb": bytes(20 << 20)})) == "ofd.bomb"
    many = {"OFD.xml": b"x", **{f"m{i}": bytes(2 << 20) for i in range(16)}}
    assert code_of(zipped(many)) == "ofd.bomb"
    assert (
        code_of(zipped({"OFD.xml": b"x", "m": bytes(9000)}), Limits(entry_size=8000)) == "ofd.entry-too-large"
    )
    assert code_of(zipped({f"m{i}": b"" for i in range(12)}), Limits(entries=10)) == "ofd.too-many-entries"
    shared = bytearray(write_package({"OFD.xml": b"x" * 50, "b": bytes(range(200))}))
    start = shared.rfind(b"PK\x01\x02")
    assert struct.unpack_from("<I", shared, start + 42)[0] > 0
    honest = open_package(bytes(shared))
    assert honest.read("b") == bytes(range(200))


def test_a_member_that_lies_about_its_size_is_damaged() -> None:
    """R28: the decoded length and CRC must be those of the directory."""
    data = bytearray(write_package({"OFD.xml": b"<a/>" * 100}))
    central = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 4)
    with pytest.raises(OfdError) as caught:
        open_package(bytes(data)).read("OFD.xml")
    assert caught.value.code == "ofd.damaged-entry"
    broken = bytearray(write_package({"OFD.xml": b"<a/>" * 100}))
    broken[40] ^= 0xFF
    with pytest.raises(OfdError) as caught:
        open_package(bytes(broken)).read("OFD.xml")
    assert caught.value.code == "ofd.damaged-entry"


@pytest.mark.parametrize(
    "name", ["../evil.xml", "/abs.xml", "a/../../b", "C:/x.xml", "a//b.xml", "./a.xml", "new\nline.xml"]
)
def test_names_that_leave_the_package_are_refused(name: str) -> None:
    """R28: `..`, absolute names, drive letters and control characters."""
    assert code_of(zipped({"OFD.xml": b"x", name: b"y"})) == "ofd.bad-name"


def test_a_nul_in_a_name_is_refused() -> None:
    """R28: what follows a NUL must not be lost from sight."""
    data = zipped({"OFD.xml": b"x", "aXb.xml": b"y"}).replace(b"aXb.xml", b"a\0b.xml")
    assert code_of(data) == "ofd.bad-name"


def test_two_members_of_one_name_are_refused() -> None:
    """R28: readers differ in which of them they take, so neither can be signed."""
    data = zipped({"OFD.xml": b"x", "OFX.xml": b"y"}).replace(b"OFX.xml", b"OFD.xml")
    assert code_of(data) == "ofd.duplicate-entry"


def test_encrypted_and_oddly_packed_members_are_refused() -> None:
    """R28: only stored and deflated members, as the standard has it."""
    data = bytearray(zipped({"OFD.xml": b"x" * 99}))
    central = data.rfind(b"PK\x01\x02")
    data[central + 8] |= 1
    assert code_of(bytes(data)) == "ofd.encrypted-entry"
    assert code_of(zipped({"OFD.xml": b"x" * 99}, zipfile.ZIP_BZIP2)) == "ofd.unsupported-compression"


def test_locations_are_found_as_real_files_write_them() -> None:
    """R28: absolute, relative, other case, backslash, spaces, %20, missing slash; leniencies are told."""
    package = open_package(
        write_package({"OFD.xml": b"x", "Doc_0/Document.xml": b"y", "Doc_0/Pages/Page 1.xml": b"z"})
    )
    assert package.resolve("OFD.xml", "Doc_0/Document.xml") == "Doc_0/Document.xml"
    assert package.resolve("Doc_0/Document.xml", "/Doc_0/Document.xml") == "Doc_0/Document.xml"
    assert package.resolve("Doc_0/Document.xml", "Pages/Page 1.xml") == "Doc_0/Pages/Page 1.xml"
    assert package.resolve("Doc_0/Pages/Page 1.xml", "../Document.xml") == "Doc_0/Document.xml"
    assert package.tolerances == ()
    assert package.resolve("OFD.xml", "DOC_0/document.XML") == "Doc_0/Document.xml"
    assert package.resolve("Doc_0/Document.xml", " Pages\\Page%201.xml ") == "Doc_0/Pages/Page 1.xml"
    assert package.resolve("Doc_0/Pages/Page 1.xml", "Doc_0/Document.xml") == "Doc_0/Document.xml"
    codes = {t.code for t in package.tolerances}
    assert codes == {"ofd.tolerance-case", "ofd.tolerance-location", "ofd.tolerance-root"}
    assert package.resolve("OFD.xml", "../../etc/passwd") is None
    assert package.resolve("OFD.xml", "") is None


def test_names_in_gb18030_are_read() -> None:
    """R28: ZIP writers without the UTF-8 flag."""
    encoded = "附件.xml".encode("gb18030")
    data = zipped({"OFD.xml": b"x", "a" * len(encoded): b"y"}).replace(b"a" * len(encoded), encoded)
    package = open_package(data)
    assert package.read("附件.xml") == b"y"
    assert [t.code for t in package.tolerances] == ["ofd.tolerance-entry-name"]


def test_writing_is_reproducible_and_keeps_untouched_members_as_stored() -> None:
    """R28: an update changes only what it names."""
    original = zipped({"OFD.xml": b"<a/>" * 40, "keep.bin": bytes(range(256)) * 9, "drop.xml": b"d"})
    package = open_package(original)
    changed = update_package(package, {"OFD.xml": b"<b/>", "drop.xml": None, "new/文件.xml": b"n"})
    again = open_package(changed)
    assert again.names() == ("OFD.xml", "keep.bin", "new/文件.xml")
    assert again.raw("keep.bin") == package.raw("keep.bin")
    assert again.read("new/文件.xml") == b"n"
    assert changed == update_package(package, {"OFD.xml": b"<b/>", "drop.xml": None, "new/文件.xml": b"n"})
    with zipfile.ZipFile(io.BytesIO(changed)) as archive:
        assert archive.testzip() is None
    for bad in ("../x", "/x", "", "a\0b"):
        with pytest.raises(ValueError, match="member name"):
            write_package({bad: b""})


@given(st.dictionaries(st.text("abc/文 .-", min_size=1, max_size=12), st.binary(max_size=300), max_size=8))
def test_what_is_written_is_read_back(entries: dict[str, bytes]) -> None:
    """R28: round trip of the container."""
    good = {
        name: content
        for name, content in entries.items()
        if all(part not in ("", ".", "..") for part in name.split("/"))
    }
    good["OFD.xml"] = b"<OFD/>"
    package = open_package(write_package(good))
    assert {name: package.read(name) for name in package.names()} == good
    assert all(encode_entry(c).size == len(c) for c in good.values())


@settings(max_examples=150)
@given(st.data())
def test_damaged_packages_raise_nothing_but_ofd_error(data: st.DataObject) -> None:
    """R28: any bytes changed, cut or repeated: an OfdError or a document, never another exception."""
    whole = bytearray(micro_bytes(path(SQUARE)))
    for _ in range(data.draw(st.integers(1, 6))):
        where = data.draw(st.integers(0, len(whole) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "repeat"]))
        if kind == "set":
            whole[where] = data.draw(st.integers(0, 255))
        elif kind == "cut" and len(whole) > 60:
            del whole[where : where + data.draw(st.integers(1, 40))]
        else:
            whole[where:where] = whole[where : where + data.draw(st.integers(1, 40))]
    try:
        document = load_document(open_package(bytes(whole)))
        page_display_list(document, 0)
    except OfdError:
        pass


@settings(max_examples=100)
@given(st.binary(max_size=400))
def test_noise_is_refused(noise: bytes) -> None:
    """R28: bytes that are no package."""
    for data in (noise, b"PK\x03\x04" + noise, b"PK\x03\x04" + noise + b"PK\x05\x06" + noise[:18].ljust(18)):
        with pytest.raises(OfdError):
            open_package(data)
