"""R28, R29: signing by ink: later signatures keep earlier ones valid, the picture is bound and re-made."""

from __future__ import annotations

from pathlib import Path

import pytest

from signing.evidence import EVENT_BINDING_OID, EventBinding, blob_digest
from signing.ofd.package import open_package, write_package
from signing.ofd.signatures import (
    OfdSignError,
    SealMaker,
    document_digest,
    event_signatures,
    normalise,
    read_ink_seal_picture,
    sign_ofd,
    verify_ofd,
)
from signing.ofd.signatures.listing import read_lists, read_signature_file
from signing.seal import CHAIN_OID, parse_seal, parse_seal_signature
from signing.sm import check_der
from signing.verdict import CheckName, Outcome, exit_status
from signing.wire import StampBox
from tests.signing.ofd.signatures.test_normal_form import THIRD_PARTY
from tests.support.hospital import Hospital
from tests.support.tiny_ofd import tiny_members, tiny_ofd


@pytest.fixture(scope="module")
def ready() -> bytes:
    return normalise(tiny_ofd())


@pytest.fixture(scope="module")
def signed(hospital: Hospital, ready: bytes) -> bytes:
    return hospital.sign(ready)


@pytest.mark.parametrize("who", ["station signs", "maker signs", "event seals", "station seals"])
def test_certificates_serve_their_purpose_alone(hospital: Hospital, ready: bytes, who: str) -> None:
    """A station does not sign for a person, a signer makes no seal, a seal-maker signs no document."""
    event = hospital.event(document_digest(ready))
    certificate, signer = event.certificate, event.signer
    maker, maker_signer = hospital.maker, hospital.maker_signer
    if who == "station signs":
        certificate, signer = hospital.station, hospital.station_signer
    elif who == "maker signs":
        certificate, signer = hospital.maker, hospital.maker_signer
    elif who == "event seals":
        maker, maker_signer = event.certificate, event.signer
    else:
        maker, maker_signer = hospital.station, hospital.station_signer
    signed = sign_ofd(
        ready,
        boxes=[StampBox(0, 20, 20, 60, 20)],
        picture=event.picture,
        signer=signer,
        certificate=certificate,
        chain=[hospital.ca],
        seal_maker=SealMaker(maker_signer, maker, (hospital.ca,)),
        stamper=hospital.tsa,
        signed_at=hospital.now,
    )
    verdict = verify_ofd(signed, anchors=[hospital.root])
    assert exit_status([verdict]) == 1
    assert "pki.wrong-usage" in {check.reason for check in verdict.all_checks()}


def test_own_signature_is_valid_and_every_check_passes(hospital: Hospital, signed: bytes) -> None:
    verdict = verify_ofd(signed, anchors=[hospital.root], name="a.ofd")
    assert exit_status([verdict]) == 0
    (signature,) = verdict.signatures
    assert (signature.kind, signature.signer, signature.test_anchor) == ("ses-v4", "王小明", True)
    assert signature.signed_at == signature.stamped_at == "2026-06-01T04:00:00Z"
    assert signature.outcome <= Outcome.NOTE
    found = {check.name for check in signature.checks}
    assert found >= {
        CheckName.INTEGRITY,
        CheckName.DATA_HASH,
        CheckName.SIGNATURE_VALUE,
        CheckName.SEAL,
        CheckName.SIGNER_IN_SEAL,
        CheckName.CERTIFICATE_PATH,
        CheckName.VALIDITY,
        CheckName.TIME_STAMP,
        CheckName.EVIDENCE_BINDING,
        CheckName.UNPROTECTED,
    }


def test_without_an_anchor_it_is_not_decidable(signed: bytes) -> None:
    assert exit_status([verify_ofd(signed, anchors=[])]) == 2


def test_form_allows_later_signatures(signed: bytes) -> None:
    """ContinueSign: everything is referenced but the list and the two files of the signature itself."""
    package = open_package(signed)
    (listing,) = read_lists(package)
    (entry,) = listing.entries
    assert (entry.id, entry.type, entry.location) == ("1", "Seal", "/Doc_0/Signs/Sign_0/Signature.xml")
    file = read_signature_file(package, entry.member or "")
    missing = set(package.names()) - {reference.member for reference in file.references}
    assert missing == {
        "Doc_0/Signs/Signatures.xml",
        "Doc_0/Signs/Sign_0/Signature.xml",
        "Doc_0/Signs/Sign_0/SignedValue.dat",
    }
    assert all(reference.location == f"/{reference.member}" for reference in file.references)


def test_signed_bytes_are_der_and_carry_the_issuing_certificates(hospital: Hospital, signed: bytes) -> None:
    package = open_package(signed)
    value = package.read("Doc_0/Signs/Sign_0/SignedValue.dat")
    check_der(value)
    signature = parse_seal_signature(value)
    assert hospital.ca.der in (signature.extension(CHAIN_OID) or b"")
    assert signature.seal.der == package.read("Doc_0/Signs/Sign_0/Seal.esl")
    assert parse_seal(signature.seal.der).name == "手写签名"
    assert signature.time_stamp is not None


def test_each_signature_has_a_seal_of_its_own(hospital: Hospital, ready: bytes) -> None:
    seals = {open_package(hospital.sign(ready)).read("Doc_0/Signs/Sign_0/Seal.esl") for _ in range(2)}
    assert len({parse_seal(seal).esid for seal in seals}) == 2


def test_picture_is_the_bound_ink(hospital: Hospital, ready: bytes) -> None:
    """R29: whoever has the file alone can make the bound picture again from what is shown."""
    event = hospital.event(document_digest(ready))
    data = hospital.sign(ready, event=event)
    seal = parse_seal(open_package(data).read("Doc_0/Signs/Sign_0/Seal.esl"))
    picture = read_ink_seal_picture(seal.picture.data)
    assert picture == event.picture
    binding = EventBinding.from_der(event.certificate.extension(EVENT_BINDING_OID) or b"")
    assert blob_digest(binding.picture_salt, picture.to_bytes()) == binding.picture
    (found,) = event_signatures(data)
    assert found.document_digest == document_digest(ready) == binding.document
    assert found.picture == picture.to_bytes()


@pytest.mark.parametrize("name", THIRD_PARTY)
def test_two_signers_on_documents_of_others(hospital: Hospital, shared_testdata: Path, name: str) -> None:
    """R28: earlier verdicts stay word for word what they were; ours are valid."""
    data = (shared_testdata / "ofd" / name).read_bytes()
    before = verify_ofd(data, anchors=[hospital.root]).signatures
    once = hospital.sign(normalise(data, slots=2))
    first = verify_ofd(once, anchors=[hospital.root]).signatures
    twice = hospital.sign(once, name="李明", seed=7, boxes=[StampBox(0, 20, 60, 40, 15)])
    second = verify_ofd(twice, anchors=[hospital.root]).signatures
    assert first[: len(before)] == before
    assert second[: len(first)] == first
    assert [s.outcome <= Outcome.NOTE for s in second[len(before) :]] == [True, True]
    assert [s.number for s in second] == list(range(1, len(second) + 1))


def test_second_signer_sees_what_the_first_one_signed(hospital: Hospital, ready: bytes) -> None:
    once = hospital.sign(ready)
    assert document_digest(once) != document_digest(ready)
    twice = hospital.sign(once)
    assert [s.document_digest for s in event_signatures(twice)] == [
        document_digest(ready),
        document_digest(once),
    ]


def test_stamp_keeps_the_pictures_proportions(hospital: Hospital, ready: bytes) -> None:
    event = hospital.event(document_digest(ready))
    data = hospital.sign(
        ready, event=event, boxes=[StampBox(0, 10, 20, 60, 60), StampBox(0, 100, 200, 100, 10)]
    )
    package = open_package(data)
    file = read_signature_file(package, "Doc_0/Signs/Sign_0/Signature.xml")
    proportion = event.picture.width_um / event.picture.height_um
    for stamp in file.stamps:
        assert stamp.page_ref == "1"
        assert stamp.boundary[2] / stamp.boundary[3] == pytest.approx(proportion, rel=1e-3)
    first, second = (stamp.boundary for stamp in file.stamps)
    assert first[0] == pytest.approx(10) and first[2] == pytest.approx(60)
    assert first[1] + first[3] / 2 == pytest.approx(50, abs=0.01)
    assert second[1] == pytest.approx(200) and second[3] == pytest.approx(10)


@pytest.mark.parametrize(
    ("box", "code"),
    [
        (StampBox(1, 10, 10, 20, 20), "ofdsign.no-page"),
        (StampBox(-1, 10, 10, 20, 20), "ofdsign.no-page"),
        (StampBox(0, 200, 10, 20, 20), "ofdsign.outside-page"),
        (StampBox(0, 10, 290, 20, 20), "ofdsign.outside-page"),
        (StampBox(0, 10, 10, 0.5, 20), "ofdsign.outside-page"),
        (StampBox(0, float("nan"), 10, 20, 20), "ofdsign.outside-page"),
    ],
)
def test_field_off_the_page_is_refused(hospital: Hospital, ready: bytes, box: StampBox, code: str) -> None:
    with pytest.raises(OfdSignError) as caught:
        hospital.sign(ready, boxes=[box])
    assert caught.value.code == code


def test_no_field_and_no_list_are_refused(hospital: Hospital, ready: bytes) -> None:
    with pytest.raises(OfdSignError) as caught:
        hospital.sign(ready, boxes=[])
    assert caught.value.code == "ofdsign.no-box"
    event = hospital.event(bytes(32))
    with pytest.raises(OfdSignError) as caught:
        hospital.sign(tiny_ofd(), event=event)
    assert caught.value.code == "ofdsign.not-normalised"


def test_names_in_chinese_and_with_spaces(hospital: Hospital) -> None:
    ready = normalise(tiny_ofd({"Doc_0/资源/图 1 & 2.bin": b"\0" * 300}))
    verdict = verify_ofd(hospital.sign(ready), anchors=[hospital.root])
    assert exit_status([verdict]) == 0


def test_page_that_begins_elsewhere(hospital: Hospital) -> None:
    """A field counts from the page's corner, a Boundary in the page's own coordinates."""
    members = tiny_members()
    members["Doc_0/Document.xml"] = members["Doc_0/Document.xml"].replace(b"0 0 210 297", b"10 -5 190 277")
    data = hospital.sign(normalise(write_package(members)), boxes=[StampBox(0, 20, 30, 60, 60)])
    file = read_signature_file(open_package(data), "Doc_0/Signs/Sign_0/Signature.xml")
    x, y, width, height = file.stamps[0].boundary
    assert (x, width) == (pytest.approx(30), pytest.approx(60))
    assert y + height / 2 == pytest.approx(55, abs=0.01)
