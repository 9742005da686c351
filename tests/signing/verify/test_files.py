"""Any file gets a verdict by its content: OFD, PDF, evidence ZIP, or one sentence why not."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.evidence import SigningEvidence, build_evidence_zip
from signing.ofd.signatures import document_digest, normalise
from signing.pdf import document_digest as pdf_digest
from signing.pdf import normalise_pdf, sign_pdf
from signing.verdict import CheckName, FileVerdict, Outcome, exit_status
from signing.verify import verify_bytes
from signing.wire import PDF_MEDIA_TYPE, StampBox
from tests.support.documents import small_pdf
from tests.support.hospital import Event, Hospital
from tests.support.tiny_ofd import PAGE_MEMBER, tiny_ofd


@pytest.fixture(scope="module")
def ofd_event(hospital: Hospital) -> Event:
    return hospital.event(document_digest(normalise(tiny_ofd())), blobs={"photo": b"\xff\xd8photo"})


@pytest.fixture(scope="module")
def signed_ofd(hospital: Hospital, ofd_event: Event) -> bytes:
    return hospital.sign(normalise(tiny_ofd()), event=ofd_event)


@pytest.fixture(scope="module")
def pdf_event(hospital: Hospital) -> Event:
    ready = normalise_pdf(small_pdf())
    return hospital.event(pdf_digest(ready), document="consent.pdf", seed=2, media_type=PDF_MEDIA_TYPE)


@pytest.fixture(scope="module")
def signed_pdf(hospital: Hospital, pdf_event: Event) -> bytes:
    return sign_pdf(
        normalise_pdf(small_pdf()),
        box=StampBox(0, 20, 20, 60, 20),
        picture=pdf_event.picture,
        signer=pdf_event.signer,
        certificate=pdf_event.certificate,
        chain=[hospital.ca],
        stamper=hospital.tsa,
        signed_at=hospital.now,
    )


def _evidence(hospital: Hospital, documents: dict[str, bytes], signings: list[SigningEvidence]) -> bytes:
    return build_evidence_zip(
        task_id="task-1", documents=documents, signings=signings, issuers=[hospital.ca.der]
    )


@pytest.fixture(scope="module")
def evidence(
    hospital: Hospital, signed_ofd: bytes, signed_pdf: bytes, ofd_event: Event, pdf_event: Event
) -> bytes:
    documents = {"consent.ofd": signed_ofd, "consent.pdf": signed_pdf}
    return _evidence(hospital, documents, [ofd_event.evidence, pdf_event.evidence])


def _reasons(verdict: FileVerdict) -> dict[str, Outcome]:
    return {check.reason: check.outcome for check in verdict.all_checks()}


def test_each_kind_is_told_by_content(
    hospital: Hospital, signed_ofd: bytes, signed_pdf: bytes, evidence: bytes
) -> None:
    """The name says nothing: a PDF that calls itself .ofd is judged as PDF."""
    for data, media in ((signed_ofd, "ofd"), (signed_pdf, "pdf"), (evidence, "evidence")):
        verdict = verify_bytes("wrong.name", data, [hospital.root])
        assert verdict.media == media
        assert verdict.name == "wrong.name"
        assert exit_status([verdict]) == 0, _reasons(verdict)
        assert exit_status([verify_bytes("x", data, [])]) == 2


def test_evidence_verdict_holds_signings_and_documents(hospital: Hospital, evidence: bytes) -> None:
    verdict = verify_bytes("evidence.zip", evidence, [hospital.root])
    assert [signature.kind for signature in verdict.signatures] == ["evidence", "evidence"]
    assert [signature.signer for signature in verdict.signatures] == ["王小明", "王小明"]
    assert [part.name for part in verdict.parts] == ["documents/consent.ofd", "documents/consent.pdf"]
    for signature in verdict.signatures:
        reasons = {check.reason for check in signature.checks}
        assert "evidence.signing-in-document" in reasons
        assert signature.test_anchor
    bound = [c.subject for c in verdict.signatures[0].checks if c.name is CheckName.EVIDENCE_BINDING]
    assert {"document", "ink", "picture", "photo"} <= set(bound)


def test_an_evidence_zip_inside_another_is_not_opened(
    hospital: Hospital, evidence: bytes, ofd_event: Event
) -> None:
    """However deep somebody packs them, one level is read: no recursion to be exhausted."""
    data = _evidence(hospital, {"consent.ofd": evidence}, [ofd_event.evidence])
    verdict = verify_bytes("e.zip", data, [hospital.root])
    assert [(part.media, part.parts) for part in verdict.parts] == [("unknown", ())]
    assert exit_status([verdict]) != 0


def test_another_signings_ink_fails_by_name(
    hospital: Hospital, signed_ofd: bytes, ofd_event: Event, pdf_event: Event
) -> None:
    """R29: another signing's ink put into the ZIP: ink and picture no longer fit the certificate."""
    blobs = dict(ofd_event.evidence.blobs) | {
        name: pdf_event.evidence.blobs[name] for name in ("ink", "picture")
    }
    data = _evidence(hospital, {"consent.ofd": signed_ofd}, [replace(ofd_event.evidence, blobs=blobs)])
    reasons = _reasons(verify_bytes("e.zip", data, [hospital.root]))
    assert reasons["evidence.ink-not-bound"] is Outcome.FAIL
    assert reasons["evidence.picture-not-bound"] is Outcome.FAIL
    assert reasons["evidence.picture-differs"] is Outcome.FAIL


@pytest.mark.parametrize("kind", ["ofd", "pdf"])
def test_a_time_stamp_beside_the_document_is_the_documents_own(
    kind: str, hospital: Hospital, request: pytest.FixtureRequest
) -> None:
    """R29: the copy for other tools is compared with what the document holds; another token fails."""
    event: Event = request.getfixturevalue(f"{kind}_event")
    document: bytes = request.getfixturevalue(f"signed_{kind}")
    name = event.evidence.document
    tokens = {"own": _token(document), "another's": hospital.tsa.stamp(b"another message")}
    for whose, token in tokens.items():
        evidence = replace(event.evidence, time_stamp=token)
        verdict = verify_bytes("e.zip", _evidence(hospital, {name: document}, [evidence]), [hospital.root])
        found = [c.reason for c in verdict.all_checks() if c.subject == "timestamps/001.tst" and c.outcome]
        due = [] if whose == "own" else ["evidence.time-stamp-differs"]
        assert (found, exit_status([verdict])) == (due, len(due))


def _token(document: bytes) -> bytes:
    """The one token that a document signed here holds: the ContentInfo that says id-ct-TSTInfo."""
    hexed = re.search(rb"/Contents <([0-9A-F]+)>", document)
    data = bytes.fromhex(hexed[1].decode()) if hexed else document
    kind = bytes.fromhex("060b2a864886f70d0109100104")  # 1.2.840.113549.1.9.16.1.4
    start = data.rindex(bytes.fromhex("06092a864886f70d010702"), 0, data.index(kind)) - 4
    return data[start : start + 4 + int.from_bytes(data[start + 2 : start + 4], "big")]


def test_changed_photo_fails_by_name(hospital: Hospital, signed_ofd: bytes, ofd_event: Event) -> None:
    """R18, R29."""
    blobs = dict(ofd_event.evidence.blobs) | {"photo": b"\xff\xd8other"}
    data = _evidence(hospital, {"consent.ofd": signed_ofd}, [replace(ofd_event.evidence, blobs=blobs)])
    assert _reasons(verify_bytes("e.zip", data, [hospital.root]))["evidence.photo-not-bound"] is Outcome.FAIL


def test_evidence_for_another_document(hospital: Hospital, ofd_event: Event) -> None:
    """The document in the ZIP was signed by another event than the one the evidence tells of."""
    other = hospital.sign(normalise(tiny_ofd()), seed=8)
    data = _evidence(hospital, {"consent.ofd": other}, [ofd_event.evidence])
    reasons = _reasons(verify_bytes("e.zip", data, [hospital.root]))
    assert reasons["evidence.signing-not-in-document"] is Outcome.FAIL
    assert reasons["evidence.signature-without-evidence"] is Outcome.UNDECIDED


def test_changed_document_inside_the_evidence(
    hospital: Hospital, signed_ofd: bytes, ofd_event: Event
) -> None:
    place = signed_ofd.index(PAGE_MEMBER.encode()) + len(PAGE_MEMBER) + 20
    changed = bytearray(signed_ofd)
    changed[place] ^= 4
    data = _evidence(hospital, {"consent.ofd": bytes(changed)}, [ofd_event.evidence])
    verdict = verify_bytes("e.zip", data, [hospital.root])
    assert exit_status([verdict]) == 1
    assert verdict.parts[0].outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "verify.empty"),
        (b"hello", "verify.unknown-format"),
        (b"\0" * 5000, "verify.unknown-format"),
        (b"PK\x03\x04", "ofd.damaged"),
        (b"%PDF-1.7\n", "pdf.damaged"),
    ],
)
def test_wrong_files_are_not_decidable(data: bytes, reason: str) -> None:
    verdict = verify_bytes("x", data, [])
    assert exit_status([verdict]) == 2
    assert list(_reasons(verdict)) == [reason]


def test_other_zip_is_not_decidable() -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert list(_reasons(verify_bytes("x.zip", out.getvalue(), []))) == ["verify.unknown-format"]


def test_broken_evidence_is_not_decidable() -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hashes.json", "{}")
        archive.writestr("index.json", "{}")
    verdict = verify_bytes("x.zip", out.getvalue(), [])
    assert exit_status([verdict]) == 2


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([b"", b"PK\x03\x04", b"%PDF-1.7\n"]), st.binary(max_size=300))
def test_any_bytes(head: bytes, rest: bytes) -> None:
    assert exit_status([verify_bytes("x", head + rest, [])]) in (1, 2)
