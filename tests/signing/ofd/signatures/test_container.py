"""What the ZIP of a document made by others may and may not have between its members."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.ofd.package import open_package, write_package
from signing.ofd.signatures.container import (
    audit,
    check_canonical,
    container_extension,
    read_container_extension,
)
from signing.verdict import Outcome
from tests.support.tiny_ofd import tiny_members, tiny_ofd


def _zipped(compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in tiny_members().items():
            archive.writestr(name, data)
    return out.getvalue()


def _streamed() -> bytes:
    """With data descriptors behind the members, as writers to a pipe make it."""

    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *arguments: int) -> int:
            raise OSError

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in tiny_members().items():
            archive.writestr(name, data)
    return pipe.getvalue()


@pytest.mark.parametrize("data", [tiny_ofd(), _zipped(), _zipped(zipfile.ZIP_STORED), _streamed()])
def test_usual_packages_have_nothing_to_say(data: bytes) -> None:
    assert audit(data) == []


def test_zip64_fields_of_a_local_header_are_understood() -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("OFD.xml", "w", force_zip64=True) as member:
        member.write(b"<x/>")
    assert audit(out.getvalue()) == []


def test_loose_bytes_are_warnings() -> None:
    data = _zipped()
    directory = data.index(b"PK\x01\x02")
    (check,) = audit(data + b"trailing")
    assert (check.reason, check.outcome) == ("ofdsign.zip-trailing", Outcome.WARNING)
    end = data.rindex(b"PK\x05\x06")
    start = struct.unpack_from("<I", data, end + 16)[0]
    gap = (
        data[:directory]
        + bytes(5)
        + data[directory : end + 16]
        + struct.pack("<I", start + 5)
        + data[end + 20 :]
    )
    assert {check.reason for check in audit(gap)} == {"ofdsign.zip-gap"}


@pytest.mark.parametrize("offset", [8, 14, 18, 22, 30])
def test_contradicting_headers_fail(offset: int) -> None:
    """Method, CRC, packed size, size and name of a local header must be what the directory says."""
    data = bytearray(_zipped())
    data[offset] ^= 1
    found = audit(bytes(data))
    assert ("ofdsign.zip-contradiction", Outcome.FAIL) in {(c.reason, c.outcome) for c in found}


@settings(max_examples=200)
@given(st.data())
def test_any_bytes_never_raise(data: st.DataObject) -> None:
    sample = bytearray(_zipped())
    for _ in range(data.draw(st.integers(0, 5))):
        sample[data.draw(st.integers(0, len(sample) - 1))] = data.draw(st.integers(0, 255))
    audit(bytes(sample))
    audit(data.draw(st.binary(max_size=100)))


def test_extension_holds_each_deflated_member() -> None:
    package = open_package(tiny_ofd({"a.txt": b"a" * 500, "b.bin": b"\x01\x02"}))
    extension = container_extension(package, frozenset({"OFD.xml"}))
    digests = read_container_extension(extension.value)
    assert "a.txt" in digests and "b.bin" not in digests and "OFD.xml" not in digests
    assert check_canonical(package, digests, frozenset({"OFD.xml"}), Outcome.UNDECIDED) == []
    (check,) = check_canonical(package, digests, frozenset(), Outcome.UNDECIDED)
    assert (check.reason, check.subject) == ("ofdsign.repacked", "OFD.xml")


def test_first_difference_is_placed_in_its_member() -> None:
    data = bytearray(write_package({"OFD.xml": b"<x/>", "b.bin": b"1234", "c.bin": b"5678"}))
    data[data.index(b"b.bin") - 20] ^= 1  # the local header's date
    package = open_package(bytes(data))
    (check,) = check_canonical(package, {}, frozenset(), Outcome.UNDECIDED)
    assert (check.reason, check.subject) == ("ofdsign.not-canonical", "b.bin")
