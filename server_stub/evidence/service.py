"""The duty of `evidence`: what proves a task's signatures, as a ZIP for machines and a report for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from server_stub.errors import NotFound, ServerError
from server_stub.evidence.models import ArchivedSignature
from server_stub.store import AuditEvent, AuditKind, Store
from signing.evidence import EvidenceError, SigningEvidence, build_evidence_zip, open_package
from signing.evidence.sealed import KeyOpener
from signing.pki import Certificate
from signing.verdict import FileVerdict, Language
from signing.wire import PDF_MEDIA_TYPE

MAX_LOG = 10_000


class MediaUnreadable(ServerError):
    """A stored package cannot be opened with the hospital's encryption key."""

    status = 500


@dataclass(frozen=True, slots=True)
class Dossier:
    """What the room is told of a task; `document_sm3` names the blob with every signature made so far."""

    task_id: str
    media_type: str
    document_sm3: str

    @property
    def document_name(self) -> str:
        """The signed document's name inside the ZIP."""
        return "document.pdf" if self.media_type == PDF_MEDIA_TYPE else "document.ofd"


class EvidenceService:
    """Reads the archive; opens sealed media in memory only."""

    def __init__(
        self,
        store: Store,
        key: KeyOpener,
        *,
        anchors: Sequence[Certificate],
        issuers: Sequence[Certificate],
    ) -> None:
        self._store = store
        self._key = key
        self._anchors = tuple(anchors)
        self._issuers = tuple(certificate.der for certificate in issuers)

    def zip_of(self, dossier: Dossier) -> bytes:
        """The evidence ZIP of a task: document, manifests, media, certificates, tokens, log, list of hashes.

        Raises:
            NotFound: `archive.nothing-signed`. MediaUnreadable: `archive.media-not-readable`.
        """
        with self._store.database.read() as session:
            rows = self._rows(session, dossier.task_id)
            log = self._log(session, dossier.task_id)
        document = self._store.blobs.get(dossier.document_sm3)
        return build_evidence_zip(
            task_id=dossier.task_id,
            documents={dossier.document_name: document},
            signings=[self._signing(row, dossier.document_name) for row in rows],
            issuers=self._issuers,
            log=log,
        )

    def verdicts_of(self, dossier: Dossier) -> list[FileVerdict]:
        """What our verifier finds about the signed document and about the evidence ZIP."""
        from signing.verify import verify_bytes  # the engines of all formats: loaded when first asked for

        files = {
            dossier.document_name: self._store.blobs.get(dossier.document_sm3),
            "evidence.zip": self.zip_of(dossier),
        }
        return [verify_bytes(name, data, self._anchors) for name, data in files.items()]

    def report_of(self, dossier: Dossier, language: Language) -> bytes:
        """The verdicts as a PDF for people."""
        from signing.pdf.report import build_report_pdf  # reportlab takes a while to load

        verdicts = self.verdicts_of(dossier)
        return build_report_pdf(verdicts, language=language, generated_at=self._store.clock())

    def signed_at(self, session: Session, task_id: str, station_id: str) -> bool:
        """Whether one of the task's signatures was made at this station."""
        query = select(ArchivedSignature.id).where(
            ArchivedSignature.task_id == task_id, ArchivedSignature.station_id == station_id
        )
        return session.scalar(query.limit(1)) is not None

    def acts(self, session: Session) -> list[tuple[AuditKind, str]]:
        """Every archived signature by its task, once for each signer: each must have its own audit event."""
        return [
            (AuditKind.DOCUMENT_SIGNED, task_id)
            for task_id in session.scalars(select(ArchivedSignature.task_id))
        ]

    def _rows(self, session: Session, task_id: str) -> list[ArchivedSignature]:
        rows = list(
            session.scalars(
                select(ArchivedSignature)
                .where(ArchivedSignature.task_id == task_id)
                .order_by(ArchivedSignature.signer_index)
            )
        )
        if not rows:
            raise NotFound("archive.nothing-signed", task=task_id)
        return rows

    def _signing(self, row: ArchivedSignature, document: str) -> SigningEvidence:
        try:
            package = open_package(self._store.blobs.get(row.package_sm3), self._key)
        except EvidenceError as error:
            raise MediaUnreadable(
                "archive.media-not-readable", task=row.task_id, signer=row.signer_index, reason=error.code
            ) from error
        return SigningEvidence(
            document=document,
            manifest=package.manifest_bytes,
            station_signature=package.station_signature,
            blobs=package.blobs,
            event_certificate=row.certificate,
            station_certificate=row.station_certificate,
            time_stamp=row.time_stamp,
        )

    def _log(self, session: Session, task_id: str) -> list[dict[str, object]]:
        """The task's audit events; `record` is the digested text itself, `digest` its SM3 in the chain."""
        rows = session.scalars(
            select(AuditEvent)
            .where(AuditEvent.subject == task_id)
            .order_by(AuditEvent.at, AuditEvent.writer, AuditEvent.seq)
            .limit(MAX_LOG)
        )
        return [
            {
                "writer": f"w{row.writer}",
                "seq": row.seq,
                "at": json.loads(row.record)["at"],
                "kind": row.kind,
                "digest": row.digest,
                "record": row.record.decode("utf-8"),
            }
            for row in rows
        ]
