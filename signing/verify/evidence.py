"""Judges an evidence ZIP as a whole: its own parts, the documents inside, and that they belong together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from signing.evidence import CheckedSigning, DocumentSignature, check_evidence_zip, match_documents
from signing.pki import Certificate
from signing.verdict import Check, FileVerdict, SignatureVerdict


class Judge(Protocol):
    """Gives the verdict on one document."""

    def __call__(
        self, name: str, data: bytes, anchors: Sequence[Certificate], *, at: datetime | None = None
    ) -> FileVerdict: ...


def verify_evidence(
    name: str, data: bytes, anchors: Sequence[Certificate], *, at: datetime | None = None, judge: Judge
) -> FileVerdict:
    """One `SignatureVerdict` for each signing the ZIP tells of, and a part for each document in it.

    `judge` gives the verdict on each document inside.

    Raises:
        EvidenceError: the container cannot be parsed.
    """
    contents = check_evidence_zip(data, anchors)
    parts = tuple(
        judge(f"documents/{document}", content, anchors, at=at) for document, content in contents.documents
    )
    found = [
        signature for document, content in contents.documents for signature in _signatures(document, content)
    ]
    matches, loose = match_documents(contents, found)
    signatures = tuple(
        _signing_verdict(signing, matches.get(signing.number, ())) for signing in contents.signings
    )
    return FileVerdict(name, "evidence", signatures, (*contents.checks, *loose), parts)


def _signatures(document: str, content: bytes) -> list[DocumentSignature]:
    """What the event signatures inside a document say of themselves."""
    if content.startswith(b"PK\x03\x04"):
        from signing.ofd import signatures

        return [
            DocumentSignature(document, item.certificate, item.document_digest, item.picture)
            for item in signatures.event_signatures(content)
        ]
    from signing import pdf

    return [
        DocumentSignature(document, item.certificate, item.document_digest, item.picture)
        for item in pdf.event_signatures(content)
    ]


def _signing_verdict(signing: CheckedSigning, matches: Sequence[Check]) -> SignatureVerdict:
    path = signing.station_path
    manifest = signing.manifest
    return SignatureVerdict(
        number=signing.number,
        kind="evidence",
        signer=manifest.signer_name if manifest else "",
        checks=(*signing.checks, *matches),
        signed_at=_moment(manifest.finished_at_us) if manifest else "",
        anchor=path.anchor.subject_text if path and path.anchor else "",
        label=signing.evidence.document,
    )


def _moment(microseconds: int) -> str:
    try:
        return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""
