"""Any change of a signed document outside the signature lists is noticed, and the verdict says where."""

from __future__ import annotations

import base64
import random
import zipfile
import zlib
from io import BytesIO

import pytest

from signing.ofd.package import RawEntry, open_package, update_package, write_package
from signing.ofd.signatures import document_digest, normalise, verify_ofd
from signing.ofd.signatures.container import stored
from signing.sm import sm3
from signing.verdict import CheckName, FileVerdict, Outcome, exit_status
from tests.support.hospital import Event, Hospital
from tests.support.tiny_ofd import NAMESPACE, PAGE_MEMBER, tiny_ofd

LIST = "Doc_0/Signs/Signatures.xml"
SIGNATURE = "Doc_0/Signs/Sign_0/Signature.xml"
VALUE = "Doc_0/Signs/Sign_0/SignedValue.dat"


@pytest.fixture(scope="module")
def signed(hospital: Hospital) -> bytes:
    """One signature of little ink on a document with a deflated, a stored and an attached member."""
    data = normalise(
        tiny_ofd({"Doc_0/Res/a.xml": b"<a>" + b"text " * 400 + b"</a>", "Doc_0/b.bin": b"\x81\x02\xf3"})
    )
    return hospital.sign(data, name="小")


def _verify(data: bytes, hospital: Hospital) -> FileVerdict:
    return verify_ofd(data, anchors=[hospital.root])


def _found(verdict: FileVerdict) -> dict[tuple[str, str], Outcome]:
    return {
        (check.reason, check.subject): check.outcome
        for check in verdict.all_checks()
        if check.outcome >= Outcome.UNDECIDED
    }


def _members_at(data: bytes) -> list[tuple[int, str]]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return [(info.header_offset, info.filename) for info in archive.infolist()]


def test_untouched_is_valid(hospital: Hospital, signed: bytes) -> None:
    assert exit_status([_verify(signed, hospital)]) == 0


@pytest.mark.parametrize("part", range(8))
def test_single_bits(hospital: Hospital, signed: bytes, part: int) -> None:
    """All header and directory bytes, and a sample of the members' bytes; any bit of each."""
    rng = random.Random(part)
    offsets = _members_at(signed)
    places = {offset + step for offset, _ in offsets for step in range(0, 60, 2)}
    places |= set(range(signed.rindex(b"PK\x05\x06"), len(signed)))
    directory = signed.index(b"PK\x01\x02")
    places |= set(range(directory, len(signed), 7)) | set(range(0, directory, 211))
    for place in sorted(places)[part::8]:
        changed = bytearray(signed)
        changed[place] ^= 1 << rng.randrange(8)
        verdict = _verify(bytes(changed), hospital)
        assert exit_status([verdict]) != 0, place
        assert _found(verdict), place


@pytest.mark.soak
def test_every_single_bit(hospital: Hospital, signed: bytes) -> None:
    """The same for each bit of the file."""
    for place in range(len(signed)):
        for bit in range(8):
            changed = bytearray(signed)
            changed[place] ^= 1 << bit
            assert exit_status([_verify(bytes(changed), hospital)]) != 0, (place, bit)


@pytest.mark.parametrize("name", [PAGE_MEMBER, "OFD.xml", "Doc_0/b.bin", "Doc_0/Signs/Sign_0/Seal.esl"])
def test_changed_member_is_named(hospital: Hospital, signed: bytes, name: str) -> None:
    package = open_package(signed)
    changed = bytearray(package.read(name))
    changed[-1] ^= 0x20
    if name == "OFD.xml":
        changed = bytearray(package.read(name).replace(b"5f2d4cf4", b"6f2d4cf4"))
    verdict = _verify(update_package(package, {name: bytes(changed)}), hospital)
    assert _found(verdict)[("ofdsign.member-changed", name)] is Outcome.FAIL


def test_removed_member_is_named(hospital: Hospital, signed: bytes) -> None:
    verdict = _verify(update_package(open_package(signed), {"Doc_0/b.bin": None}), hospital)
    assert ("ofdsign.member-missing", "/Doc_0/b.bin") in _found(verdict)


@pytest.mark.parametrize("change", ["trailing", "comment", "prefix", "zeros-between"])
def test_bytes_of_nobody(hospital: Hospital, signed: bytes, change: str) -> None:
    data = {
        "trailing": signed + b"x",
        "comment": signed[:-2] + b"\x04\x00note",
        "prefix": b"PK\x03\x04" + signed,
        "zeros-between": signed[: signed.index(b"PK\x01\x02")]
        + bytes(8)
        + signed[signed.index(b"PK\x01\x02") :],
    }[change]
    verdict = _verify(data, hospital)
    assert exit_status([verdict]) != 0
    assert _found(verdict)


def test_rewritten_by_another_tool(hospital: Hospital, signed: bytes) -> None:
    """Same members, other packing: the contents are as signed, the package is not; not decidable."""
    out = BytesIO()
    package = open_package(signed)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in package.names():
            archive.writestr(name, package.read(name))
    verdict = _verify(out.getvalue(), hospital)
    assert exit_status([verdict]) == 2
    assert {reason for reason, _ in _found(verdict)} == {"ofdsign.not-canonical", "ofdsign.repacked"}


def test_deflated_again_with_other_bits(hospital: Hospital, signed: bytes) -> None:
    """Canonical headers, the same contents, another deflate stream: the member is named."""
    package = open_package(signed)
    content = package.read("Doc_0/Res/a.xml")
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    other = RawEntry(8, zlib.crc32(content), len(content), packer.compress(content) + packer.flush())
    assert other != package.raw("Doc_0/Res/a.xml")
    entries = {name: package.raw(name) for name in package.names()} | {"Doc_0/Res/a.xml": other}
    verdict = _verify(write_package(entries), hospital)
    assert _found(verdict) == {("ofdsign.repacked", "Doc_0/Res/a.xml"): Outcome.UNDECIDED}


def test_name_twice_in_another_case(hospital: Hospital, signed: bytes) -> None:
    """Readers that ignore case would show the other one."""
    package = open_package(signed)
    data = update_package(package, {PAGE_MEMBER.lower(): b"<other/>"})
    assert ("ofdsign.zip-twice", PAGE_MEMBER.lower()) in _found(_verify(data, hospital))


def test_name_twice(hospital: Hospital, signed: bytes) -> None:
    out = BytesIO(signed)
    with zipfile.ZipFile(out, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("OFD.xml", b"<other/>")
    assert exit_status([_verify(out.getvalue(), hospital)]) != 0


def test_headers_that_contradict_each_other(hospital: Hospital, signed: bytes) -> None:
    """A local header that names another file than the directory does."""
    place = signed.index(b"Doc_0/b.bin")
    data = signed[:place] + b"Doc_0/c.bin" + signed[place + 11 :]
    assert ("ofdsign.zip-contradiction", "Doc_0/b.bin") in _found(_verify(data, hospital))


def test_added_member_that_no_page_uses_is_a_warning(hospital: Hospital, signed: bytes) -> None:
    data = update_package(open_package(signed), {"Doc_0/note.txt": b"hello"})
    verdict = _verify(_restored(data), hospital)
    (check,) = [c for c in verdict.all_checks() if c.name is CheckName.UNPROTECTED]
    assert (check.outcome, check.subject) == (Outcome.WARNING, "Doc_0/note.txt")
    assert exit_status([verdict]) == 0


def test_added_member_that_a_page_uses_is_named(hospital: Hospital) -> None:
    """The document names a resource that was missing when it was signed; somebody supplies it later."""
    ready = normalise(tiny_ofd(common="<ofd:PublicRes>PublicRes.xml</ofd:PublicRes>"))
    signed = hospital.sign(ready)
    assert exit_status([_verify(signed, hospital)]) == 0
    resources = f'<ofd:Res {NAMESPACE} BaseLoc="Res"><ofd:Fonts/></ofd:Res>'.encode()
    data = _restored(update_package(open_package(signed), {"Doc_0/PublicRes.xml": resources}))
    found = _found(_verify(data, hospital))
    assert found == {("ofdsign.unprotected-reached", "Doc_0/PublicRes.xml"): Outcome.UNDECIDED}


def _restored(data: bytes) -> bytes:
    """The package with every new member stored, as our own writer would."""
    package = open_package(data)
    return write_package(
        {
            name: stored(package.read(name))
            if name.endswith(("note.txt", "PublicRes.xml"))
            else package.raw(name)
            for name in package.names()
        }
    )


def test_signature_taken_out_of_the_list(hospital: Hospital, signed: bytes) -> None:
    empty = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ofd:Signatures {NAMESPACE}>'
        "<ofd:MaxSignId>0</ofd:MaxSignId></ofd:Signatures>"
    ).encode()
    data = update_package(open_package(signed), {LIST: empty})
    found = _found(_verify(data, hospital))
    assert ("ofdsign.not-listed", SIGNATURE) in found
    assert ("ofdsign.not-listed", VALUE) in found


def test_first_of_two_signatures_taken_out(hospital: Hospital, signed: bytes) -> None:
    twice = open_package(hospital.sign(signed))
    listed = twice.read(LIST)
    start = listed.index(b"<ofd:Signature ")
    end = listed.index(b"/>", start) + 2
    data = update_package(twice, {LIST: listed[:start] + listed[end:]})
    assert ("ofdsign.not-listed", SIGNATURE) in _found(_verify(data, hospital))


def test_signature_listed_twice(hospital: Hospital, signed: bytes) -> None:
    package = open_package(signed)
    listed = package.read(LIST)
    start = listed.index(b"<ofd:Signature ")
    entry = listed[start : listed.index(b"/>", start) + 2]
    data = update_package(package, {LIST: listed.replace(entry, entry * 2)})
    assert ("ofdsign.listed-twice", "") in _found(_verify(data, hospital))


def test_listed_type_must_fit(hospital: Hospital, signed: bytes) -> None:
    package = open_package(signed)
    data = update_package(package, {LIST: package.read(LIST).replace(b'"Seal"', b'"Sign"')})
    assert ("ofdsign.wrong-type", "") in _found(_verify(data, hospital))


def test_forged_entry_cannot_hide_a_page(hospital: Hospital, signed: bytes) -> None:
    """A bogus list entry that claims a page's member as its own does not excuse it, seen from signature 1."""
    package = open_package(signed)
    bogus = (
        f'<ofd:Signature {NAMESPACE}><ofd:SignedInfo><ofd:Provider ProviderName="x"/>'
        '<ofd:References CheckMethod="SM3"/></ofd:SignedInfo>'
        "<ofd:SignedValue>/Doc_1/Document.xml</ofd:SignedValue></ofd:Signature>"
    ).encode()
    entry = b'<ofd:Signature ID="2" BaseLoc="/Doc_0/Signs/Sign_1/Signature.xml"/></ofd:Signatures>'
    page = package.read(PAGE_MEMBER)
    data = update_package(
        package,
        {
            LIST: package.read(LIST).replace(b"</ofd:Signatures>", entry),
            "Doc_0/Signs/Sign_1/Signature.xml": bogus,
            "OFD.xml": package.read("OFD.xml").replace(b"Doc_0/Document.xml", b"Doc_1/Document.xml"),
            "Doc_1/Document.xml": package.read("Doc_0/Document.xml"),
            "Doc_1/Pages/Page_0/Content.xml": page.replace(b"M 0 0", b"M 1 1"),
        },
    )
    first = _verify(data, hospital).only(1).signatures[0]
    found = {(c.reason, c.subject) for c in first.checks if c.outcome >= Outcome.UNDECIDED}
    assert ("ofdsign.unprotected-reached", "Doc_1/Document.xml") in found
    assert ("ofdsign.unprotected-reached", "Doc_1/Pages/Page_0/Content.xml") in found


def test_another_signings_picture(hospital: Hospital) -> None:
    """R29: the ink of somebody else in the seal: the binding that fails is named."""
    ready = normalise(tiny_ofd())
    own, other = (hospital.event(document_digest(ready), seed=seed) for seed in (1, 2))
    mixed = Event(own.signer, own.certificate, other.picture, own.evidence)
    found = _found(_verify(hospital.sign(ready, event=mixed), hospital))
    assert found == {("evidence.picture-not-bound", "picture"): Outcome.FAIL}


def test_certificate_made_for_another_document(hospital: Hospital) -> None:
    """R29: an event certificate that binds another document digest."""
    ready = normalise(tiny_ofd())
    found = _found(_verify(hospital.sign(ready, event=hospital.event(bytes(32))), hospital))
    assert found == {("evidence.document-not-bound", "document"): Outcome.FAIL}


def test_time_stamp_taken_away(hospital: Hospital, signed: bytes) -> None:
    """The token is covered by nothing; that it is gone is still noticed."""
    from signing.sm import der

    package = open_package(signed)
    parts = [item.raw for item in der.read_sequence(package.read(VALUE)).rest()]
    data = update_package(package, {})
    entries = {name: open_package(data).raw(name) for name in package.names()}
    entries[VALUE] = stored(der.sequence(*parts[:4]))
    found = _found(_verify(write_package(entries), hospital))
    assert found == {("seal.no-time-stamp", ""): Outcome.UNDECIDED}


def test_references_of_another_signature(hospital: Hospital, signed: bytes) -> None:
    """A Signature.xml with other, correct digests no longer matches the signed hash."""
    package = open_package(signed)
    page = package.read(PAGE_MEMBER).replace(b"60 20", b"60 21")
    old, new = (base64.b64encode(sm3(data)) for data in (package.read(PAGE_MEMBER), page))
    data = update_package(package, {PAGE_MEMBER: page, SIGNATURE: package.read(SIGNATURE).replace(old, new)})
    found = _found(_verify(data, hospital))
    assert ("seal.data-hash-bad", "") in found
    assert ("evidence.document-not-bound", "document") in found
