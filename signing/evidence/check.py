"""Checking an evidence ZIP: everything that can be said without opening the documents themselves.

`signing.verify` verifies the documents and then lets `match_documents` say whether each signing's
certificate, document digest and picture are those that the documents hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from signing.evidence.archive import is_canonical
from signing.evidence.binding import EventBinding, check_binding
from signing.evidence.container import (
    HASHES,
    LOG,
    EvidenceFile,
    SigningEvidence,
    parse_evidence_zip,
    read_hashes,
)
from signing.evidence.errors import EvidenceError
from signing.evidence.inkchecks import check_ink, check_picture
from signing.evidence.manifest import INK, PICTURE, Manifest, manifest_signature_fits
from signing.pki import Certificate, PathResult, PkiError, Usage, validate_path
from signing.sm import sm3
from signing.verdict import Check, CheckName, Outcome

_AFTER_BACKDATE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class CheckedSigning:
    """One signing of a ZIP and what was found about it.

    `number` counts from 1 in the order of signing. `manifest`, `event_certificate` and
    `station_certificate` are None when they cannot be read (a check says so). `station_path` is the
    result for the station's certificate as of the moment the event certificate was made.
    """

    number: int
    evidence: SigningEvidence
    manifest: Manifest | None
    event_certificate: Certificate | None
    station_certificate: Certificate | None
    station_path: PathResult | None
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class EvidenceContents:
    """A parsed and checked ZIP: `documents` are (name, bytes); `checks` are about the whole container."""

    task_id: str
    documents: tuple[tuple[str, bytes], ...]
    signings: tuple[CheckedSigning, ...]
    issuers: tuple[Certificate, ...]
    log: bytes
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class DocumentSignature:
    """What a verifier found in a document: file name, signer's certificate, and, where it could compute
    them, the document digest for that signature (32 bytes) and the canonical picture's bytes."""

    document: str
    certificate: Certificate
    document_digest: bytes | None = None
    picture: bytes | None = None


def check_evidence_zip(data: bytes, anchors: Sequence[Certificate]) -> EvidenceContents:
    """Parse the ZIP and check hash list, manifests, station signatures and paths, blobs and bindings.

    Raises:
        EvidenceError: the container cannot be parsed (`parse_evidence_zip`).
    """
    file = parse_evidence_zip(data)
    checks = [*_check_hashes(file), _check_form(data, file)]
    # Nobody has signed the log; it tells how things went and proves nothing by itself.
    checks.append(Check(CheckName.INTEGRITY, Outcome.NOTE, "evidence.log-not-signed", LOG))
    issuers: list[Certificate] = []
    for number, der in enumerate(file.issuers, start=1):
        try:
            issuers.append(Certificate.from_der(der))
        except PkiError as error:
            name = f"certificates/issuer-{number:02}.der"
            checks.append(Check(CheckName.STRUCTURE, Outcome.FAIL, "evidence.bad-certificate", name,
                                {"detail": error.code}))  # fmt: skip
    signings = tuple(
        _check_signing(number, signing, file.task_id, issuers, anchors)
        for number, signing in enumerate(file.signings, start=1)
    )
    return EvidenceContents(
        task_id=file.task_id,
        documents=tuple(sorted(file.documents.items())),
        signings=signings,
        issuers=tuple(issuers),
        log=file.log,
        checks=tuple(checks),
    )


def match_documents(
    contents: EvidenceContents, signatures: Sequence[DocumentSignature]
) -> tuple[Mapping[int, tuple[Check, ...]], tuple[Check, ...]]:
    """Match signings with the signatures that were found in the documents.

    Returns the checks by the signing's number, and checks about event signatures in the documents that
    the ZIP has no evidence for (an undecided one each). Signatures without an event binding, such as
    a physician's own, need none.
    """
    by_signing: dict[int, tuple[Check, ...]] = {}
    matched: set[tuple[str, bytes]] = set()
    for signing in contents.signings:
        found = [
            signature
            for signature in signatures
            if signature.document == signing.evidence.document
            and signature.certificate.der == signing.evidence.event_certificate
        ]
        if len(found) != 1:
            reason = "evidence.signature-twice" if found else "evidence.signing-not-in-document"
            by_signing[signing.number] = (
                _binding("certificate", Outcome.FAIL, reason, document=signing.evidence.document),
            )
            continue
        signature = found[0]
        matched.add((signature.document, signature.certificate.der))
        checks = [_binding("certificate", Outcome.PASS, "evidence.signing-in-document")]
        checks += check_binding(
            signature.certificate,
            document_digest=signature.document_digest,
            picture_bytes=signature.picture,
        )
        if signature.picture is not None and signature.picture != signing.evidence.blobs.get(PICTURE):
            checks.append(_binding(PICTURE, Outcome.FAIL, "evidence.picture-differs"))
        checks += _check_time_stamp(signing, dict(contents.documents)[signature.document])
        by_signing[signing.number] = tuple(checks)
    loose = [
        Check(
            CheckName.EVIDENCE_BINDING,
            Outcome.UNDECIDED,
            "evidence.signature-without-evidence",
            signature.document,
            {"signer": signature.certificate.common_name},
        )
        for signature in signatures
        if (signature.document, signature.certificate.der) not in matched and _is_event(signature.certificate)
    ]
    return by_signing, tuple(loose)


def _check_time_stamp(signing: CheckedSigning, document: bytes) -> list[Check]:
    """The token in the ZIP is only a copy of the document's own, which the document's verdict judges.

    Its bytes stand in an OFD as they are, in a PDF as upper-case hex.
    """
    token = signing.evidence.time_stamp
    if not token:
        return []
    name = f"timestamps/{signing.number:03}.tst"
    if token in document or token.hex().upper().encode("ascii") in document:
        return [Check(CheckName.TIME_STAMP, Outcome.PASS, "evidence.time-stamp-in-document", name)]
    return [Check(CheckName.TIME_STAMP, Outcome.FAIL, "evidence.time-stamp-differs", name)]


def _is_event(certificate: Certificate) -> bool:
    try:
        return EventBinding.of_certificate(certificate) is not None
    except EvidenceError:
        return True


def _check_hashes(file: EvidenceFile) -> list[Check]:
    listed = read_hashes(file.entries[HASHES])
    checks: list[Check] = []
    for name, data in sorted(file.entries.items()):
        if name == HASHES:
            continue
        if name not in listed:
            checks.append(_integrity(name, Outcome.FAIL, "evidence.not-listed"))
        elif listed[name] != (len(data), sm3(data)):
            checks.append(_integrity(name, Outcome.FAIL, "evidence.file-changed"))
        else:
            checks.append(_integrity(name, Outcome.PASS, "evidence.file-unchanged"))
    for name in sorted(set(listed) - set(file.entries)):
        checks.append(_integrity(name, Outcome.FAIL, "evidence.file-missing"))
    return checks


def _check_form(data: bytes, file: EvidenceFile) -> Check:
    if is_canonical(data, file.entries):
        return Check(CheckName.STRUCTURE, Outcome.PASS, "evidence.container-as-written")
    return Check(CheckName.STRUCTURE, Outcome.WARNING, "evidence.container-rewritten")


def _check_signing(
    number: int,
    evidence: SigningEvidence,
    task_id: str,
    issuers: Sequence[Certificate],
    anchors: Sequence[Certificate],
) -> CheckedSigning:
    name = f"manifests/{number:03}.json"
    checks: list[Check] = []
    manifest: Manifest | None = None
    try:
        manifest = Manifest.parse(evidence.manifest)
        if manifest.task_id == task_id:
            checks.append(Check(CheckName.STRUCTURE, Outcome.PASS, "evidence.manifest-readable", name))
        else:
            checks.append(Check(CheckName.STRUCTURE, Outcome.FAIL, "evidence.other-task", name,
                                {"task": manifest.task_id}))  # fmt: skip
    except EvidenceError as error:
        detail = str(error.params.get("detail", error.code))
        checks.append(
            Check(CheckName.STRUCTURE, Outcome.FAIL, "evidence.bad-manifest", name, {"detail": detail})
        )
    event = _certificate(evidence.event_certificate, f"certificates/{number:03}-event.der", checks)
    station = _certificate(evidence.station_certificate, f"certificates/{number:03}-station.der", checks)
    if station is not None:
        checks.append(_check_station_signature(evidence, station, name))
    path: PathResult | None = None
    if station is not None and event is not None:
        # The moment of issue, as the hospital certified it, is when the station had to be enrolled.
        moment = event.not_before + _AFTER_BACKDATE
        path = validate_path(station, issuers, anchors, at=moment, usage=Usage.STATION)
        checks += path.checks
    if event is not None:
        checks += check_binding(event, manifest=evidence.manifest, blobs=evidence.blobs)
    if INK in evidence.blobs:
        checks.append(check_ink(evidence.blobs[INK]))
        if PICTURE in evidence.blobs:
            checks.append(check_picture(evidence.blobs[INK], evidence.blobs[PICTURE]))
    if manifest is not None and manifest.simulated:
        checks.append(
            _binding("manifest", Outcome.NOTE, "evidence.simulated", names=", ".join(manifest.simulated))
        )
    return CheckedSigning(number, evidence, manifest, event, station, path, tuple(checks))


def _check_station_signature(evidence: SigningEvidence, station: Certificate, name: str) -> Check:
    try:
        fits = manifest_signature_fits(evidence.manifest, evidence.station_signature, station.public_key)
    except PkiError:
        fits = False
    return Check(
        CheckName.SIGNATURE_VALUE,
        Outcome.PASS if fits else Outcome.FAIL,
        "evidence.station-signature-fits" if fits else "evidence.station-signature-wrong",
        name,
        {"station": station.common_name},
    )


def _certificate(der: bytes, name: str, checks: list[Check]) -> Certificate | None:
    try:
        return Certificate.from_der(der)
    except PkiError as error:
        checks.append(
            Check(CheckName.STRUCTURE, Outcome.FAIL, "evidence.bad-certificate", name, {"detail": error.code})
        )
        return None


def _integrity(name: str, outcome: Outcome, reason: str) -> Check:
    return Check(CheckName.INTEGRITY, outcome, reason, name)


def _binding(subject: str, outcome: Outcome, reason: str, **params: str) -> Check:
    return Check(CheckName.EVIDENCE_BINDING, outcome, reason, subject, params)
