"""What is looked at in a package before a certificate is asked for; pure functions, each refusal by name."""

from __future__ import annotations

from dataclasses import dataclass

from server_stub.auth import Station
from server_stub.errors import Conflict, Forbidden
from server_stub.handwriting.errors import EvidenceRefused
from server_stub.handwriting.models import Challenge
from server_stub.handwriting.ports import Subject
from signing.evidence import (
    FINGERPRINT,
    ID_DATA,
    INK,
    PHOTO,
    PICTURE,
    EventBinding,
    Manifest,
    Package,
    consent_digest,
    open_package,
    parse_header,
)
from signing.evidence.sealed import KeyOpener
from signing.ink import InkPicture, InkRecord, decode_record, draw_picture, find_gaps, strokes
from signing.sm import SM2PublicKey
from signing.wire import Consent, PhotoPolicy, Policy

KNOWN_BLOBS = frozenset({INK, PICTURE, PHOTO, FINGERPRINT, ID_DATA})


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """The hospital's key that packages are sealed to; `chain` is DER, the encryption certificate first."""

    key: KeyOpener
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Inspected:
    """A package that may become a signature. `picture` was drawn here, from the ink."""

    manifest: Manifest
    record: InkRecord
    picture: InkPicture
    binding: EventBinding


def open_sealed(sealed: bytes, encryption: EncryptionKey, *, task_id: str, station: Station) -> Package:
    """Open a sealed package that this station sends for this task, and check the station's signature.

    Raises:
        Conflict: `handwriting.package-for-another-task`.
        Forbidden: `handwriting.package-of-another-station`, `handwriting.station-signature-wrong`.
        EvidenceError: it cannot be opened or read.
    """
    header = parse_header(sealed)
    if header.task_id != task_id:
        raise Conflict("handwriting.package-for-another-task", task=task_id, found=header.task_id)
    if header.station_id != station.id:
        raise Forbidden("handwriting.package-of-another-station", station=station.id, found=header.station_id)
    package = open_package(sealed, encryption.key)
    if not package.is_signed_by(SM2PublicKey.from_spki(station.spki)):
        raise Forbidden("handwriting.station-signature-wrong")
    return package


def inspect(package: Package, subject: Subject, challenge: Challenge) -> Inspected:
    """Compare the evidence with what was asked for, and draw the picture again.

    Raises:
        EvidenceRefused: document, signer, policy, consents, ink or picture are not as they must be.
        InkError: the ink cannot be read.
    """
    manifest = package.manifest
    _check_document(manifest, subject, challenge)
    _check_policy(manifest, subject.policy)
    _check_consents(manifest, subject.consents)
    record = decode_record(package.blobs[INK])
    _check_ink(record)
    picture = draw_picture(record)
    if picture.to_bytes() != package.blobs[PICTURE]:
        raise EvidenceRefused("handwriting.picture-differs")
    return Inspected(manifest, record, picture, EventBinding.of(package.manifest_bytes))


def _check_document(manifest: Manifest, subject: Subject, challenge: Challenge) -> None:
    if (
        manifest.document_digest.hex() != challenge.document_digest
        or manifest.media_type != subject.media_type
    ):
        raise EvidenceRefused("handwriting.document-differs", task=subject.task_id)
    found = (manifest.signer_index, manifest.role.value, manifest.signer_name)
    if found != (subject.signer_index, subject.signer_role, subject.signer_name):
        raise EvidenceRefused(
            "handwriting.signer-differs", found=manifest.signer_index, signer=subject.signer_index
        )


def _check_policy(manifest: Manifest, policy: Policy) -> None:
    names = {entry.name for entry in manifest.blobs}
    unknown = sorted(names - KNOWN_BLOBS)
    if unknown:
        raise EvidenceRefused("handwriting.blob-not-expected", name=unknown[0])
    if policy.photo is PhotoPolicy.REQUIRED and PHOTO not in names:
        raise EvidenceRefused("handwriting.photo-missing")
    if policy.photo is PhotoPolicy.NONE and PHOTO in names:
        raise EvidenceRefused("handwriting.photo-not-allowed")
    shown = sum(entry.shown_ms for entry in manifest.reading)
    if shown < policy.reading_seconds * 1000:
        raise EvidenceRefused(
            "handwriting.reading-too-short", needed=policy.reading_seconds, shown=shown // 1000
        )


def _check_consents(manifest: Manifest, consents: tuple[Consent, ...]) -> None:
    confirmed = {(entry.id, entry.version): entry.digest for entry in manifest.consents}
    for consent in consents:
        digest = confirmed.pop((consent.id, consent.version), None)
        if digest is None:
            raise EvidenceRefused("handwriting.consent-missing", consent=consent.id)
        if digest != consent_digest(consent.text):
            raise EvidenceRefused("handwriting.consent-differs", consent=consent.id)
    if confirmed:
        raise EvidenceRefused("handwriting.consent-differs", consent=next(iter(confirmed))[0])


def _check_ink(record: InkRecord) -> None:
    gaps = [gap for gap in find_gaps(record.samples) if gap.breaks]
    if gaps:
        raise EvidenceRefused("handwriting.ink-incomplete", gaps=len(gaps))
    if not strokes(record.samples):
        raise EvidenceRefused("handwriting.ink-empty")
