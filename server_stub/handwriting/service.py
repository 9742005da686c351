"""The duty of `handwriting`: a sealed evidence package becomes a document that is signed once.

The order of the steps is the promise of `protocol.md` (Event certificate and signing, Once): everything is
checked before a certificate is asked for; the signed document lies whole on the disk before one transaction
makes it the archived one; nothing leaves the server before that transaction has committed.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server_stub.auth import AuthService, Station
from server_stub.errors import Conflict, Unavailable, status_of
from server_stub.evidence import ArchivedSignature
from server_stub.handwriting.attempts import Attempts
from server_stub.handwriting.challenges import Challenges
from server_stub.handwriting.inspection import EncryptionKey, Inspected, inspect, open_sealed
from server_stub.handwriting.locks import TaskLocks
from server_stub.handwriting.models import Attempt, AttemptState, Challenge
from server_stub.handwriting.ports import Desk, Subject
from server_stub.handwriting.signer import EventSigner, Signed, document_digest
from server_stub.store import AuditKind, Store, new_id
from signing import wire
from signing.evidence import Package
from signing.sm import sm3
from signing.verdict import PenwardError

log = logging.getLogger("penward.handwriting")

STEPS = (
    "received",
    "opened",
    "checked",
    "attempt-recorded",
    "package-stored",
    "key-made",
    "ca.event-certificate-recorded",
    "certificate-issued",
    "time-stamped",
    "document-signed",
    "key-destroyed",
    "read-back",
    "blob.written",
    "blob.renamed",
    "document-stored",
    "before-commit",
    "committed",
    "replied",
)
"""Every step at which a stop of the process is tested; `Core.checkpoint` is called with each of them."""


LONGEST_ATTEMPT = dt.timedelta(minutes=15)
"""An attempt that began longer ago than this belongs to a process that has ended."""


class HandwritingService:
    """Steps 6 to 8 of a bedside signature."""

    def __init__(
        self,
        store: Store,
        auth: AuthService,
        desk: Desk,
        signer: EventSigner,
        *,
        encryption: EncryptionKey,
        signed_checkpoint: Callable[[Session], wire.Checkpoint],
        challenge_lifetime: dt.timedelta,
        checkpoint: Callable[[str], None] = lambda _step: None,
    ) -> None:
        self._store = store
        self._desk = desk
        self._signer = signer
        self._auth = auth
        self._encryption = encryption
        self._signed_checkpoint = signed_checkpoint
        self._checkpoint = checkpoint
        self._challenges = Challenges(store, challenge_lifetime)
        self._attempts = Attempts(store, desk, signer)
        self._in_hand = TaskLocks()

    # The challenge

    def challenge(self, station: Station, task_id: str) -> wire.Challenge:
        """Hand the next signature of a task to this station; raises NotFound or Conflict by name."""
        with self._store.database.read() as session:
            subject = self._desk.subject(session, task_id, station.id)
        digest = document_digest(subject.media_type, self._store.blobs.get(subject.document_sm3))
        with self._store.database.write() as session:
            now = self._desk.subject(session, task_id, station.id, lock=True)
            if now.document_sm3 != subject.document_sm3:
                raise Conflict("mobile.task-moved-on", task=task_id)
            until = self._desk.hand_over(session, now, station.id)
            row = self._challenges.issue(
                session, now, station_id=station.id, document_digest=digest, until=until
            )
            self._store.audit.append(
                session,
                AuditKind.CHALLENGE_ISSUED,
                subject=task_id,
                actor=f"station:{station.id}",
                data={"signer": now.signer_index, "document": digest.hex()},
            )
            checkpoint = self._signed_checkpoint(session)
        self._desk.changed(task_id)
        return wire.Challenge(
            challenge=bytes.fromhex(row.value),
            expires_at=row.expires_at,
            signer_index=row.signer_index,
            document_digest=digest,
            encryption_chain=self._encryption.chain,
            checkpoint=checkpoint,
            task_id=task_id,
        )

    # The package

    def receive(self, station: Station, task_id: str, sealed: bytes) -> dict[str, Any]:
        """Check a sealed package and sign; the same package again gets the same reply.

        Returns:
            `{state, signer_index, document_sm3, verdict, checkpoint}`.

        Raises:
            PenwardError: refused by name; logged and audited, and nothing else changed.
            Unavailable: the server could not finish (`handwriting.…`); the same package may be sent again.
        """
        self._checkpoint("received")
        try:
            reply = self._receive(station, task_id, sealed)
        except PenwardError as error:
            if status_of(error) < 500:
                self._refused(station, task_id, error)
            raise
        self._checkpoint("replied")
        return reply

    def _receive(self, station: Station, task_id: str, sealed: bytes) -> dict[str, Any]:
        package_sm3 = sm3(sealed).hex()
        package = open_sealed(sealed, self._encryption, task_id=task_id, station=station)
        self._checkpoint("opened")
        manifest_sm3 = sm3(package.manifest_bytes).hex()
        with self._in_hand.held(task_id):
            done = self._done_before(station, task_id, manifest_sm3)
            if done is not None:
                return done
            with self._store.database.read() as session:
                subject, challenge = self._expected(session, station, task_id, package)
            inspected = inspect(package, subject, challenge)
            self._checkpoint("checked")
            return self._attempt(station, subject, challenge, inspected, sealed, package_sm3, manifest_sm3)

    def _done_before(self, station: Station, task_id: str, manifest_sm3: str) -> dict[str, Any] | None:
        with self._store.database.read() as session:
            row = session.scalar(
                select(ArchivedSignature).where(
                    ArchivedSignature.task_id == task_id,
                    ArchivedSignature.manifest_sm3 == manifest_sm3,
                    ArchivedSignature.station_id == station.id,
                )
            )
        return None if row is None else row.reply

    def _expected(
        self, session: Session, station: Station, task_id: str, package: Package
    ) -> tuple[Subject, Challenge]:
        manifest = package.manifest
        challenge = self._challenges.check(
            session, manifest.challenge, task_id=task_id, station_id=station.id
        )
        last = self._auth.last_counter(session, station.id)
        if manifest.counter <= last:
            branch = self._attempts.used_counter(session, station.id, manifest.counter)
            code = "handwriting.second-branch" if branch else "handwriting.counter-back"
            raise Conflict(code, counter=manifest.counter, last=last)
        subject = self._desk.subject(session, task_id, station.id)
        if challenge.signer_index != subject.signer_index:
            raise Conflict("handwriting.already-signed", task=task_id, signer=challenge.signer_index)
        return subject, challenge

    def _attempt(
        self,
        station: Station,
        subject: Subject,
        challenge: Challenge,
        inspected: Inspected,
        sealed: bytes,
        package_sm3: str,
        manifest_sm3: str,
    ) -> dict[str, Any]:
        attempt_id = self._attempts.begin(
            subject,
            station_id=station.id,
            counter=inspected.manifest.counter,
            manifest_sm3=manifest_sm3,
            package_sm3=package_sm3,
        )
        try:
            self._checkpoint("attempt-recorded")
            self._store.blobs.put(sealed)
            self._checkpoint("package-stored")
            document = self._store.blobs.get(subject.document_sm3)
            signed = self._signer.sign(attempt_id, subject, inspected, document)
            self._attempts.note_output(attempt_id, sm3(signed.data).hex())
            signed_sm3 = self._store.blobs.put(signed.data)
            self._checkpoint("document-stored")
            reply = self._archive(attempt_id, station, subject, challenge, inspected, signed, signed_sm3)
        except Exception as error:
            raise self._attempts.give_up(attempt_id, subject, error) from error
        self._checkpoint("committed")
        self._desk.changed(subject.task_id)
        return reply

    def _archive(
        self,
        attempt_id: str,
        station: Station,
        subject: Subject,
        challenge: Challenge,
        inspected: Inspected,
        signed: Signed,
        signed_sm3: str,
    ) -> dict[str, Any]:
        """The one transaction: archive row, task and callback, counter, challenge, certificate, audit."""
        now = self._store.clock()
        counter = inspected.manifest.counter
        with self._store.database.write() as session:
            attempt = session.get_one(Attempt, attempt_id, with_for_update=True)
            if attempt.state != AttemptState.RUNNING:
                raise Unavailable("handwriting.restarted")
            state = self._desk.signed(
                session,
                subject,
                station_id=station.id,
                counter=counter,
                signed_sm3=signed_sm3,
                size=len(signed.data),
                at=signed.signed_at,
            )
            used = session.get_one(Challenge, challenge.value, with_for_update=True, populate_existing=True)
            if used.used_at is not None:
                raise Conflict("handwriting.challenge-used", task=subject.task_id)
            used.used_at = now
            attempt.state, attempt.ended_at = AttemptState.SIGNED, now
            self._signer.mark_used(session, signed.serial)
            facts: dict[str, str | int] = {
                "signer": subject.signer_index,
                "attempt": attempt_id,
                "counter": counter,
            }
            actor = f"station:{station.id}"
            self._store.audit.append(
                session,
                AuditKind.EVIDENCE_ACCEPTED,
                subject=subject.task_id,
                actor=actor,
                data={**facts, "manifest": attempt.manifest_sm3, "package": attempt.package_sm3},
            )
            self._store.audit.append(
                session,
                AuditKind.DOCUMENT_SIGNED,
                subject=subject.task_id,
                actor=actor,
                data={**facts, "document": signed_sm3, "certificate": signed.serial},
            )
            reply = {
                "state": state.value,
                "signer_index": subject.signer_index,
                "document_sm3": signed_sm3,
                "verdict": signed.verdict.as_dict(),
                "checkpoint": self._signed_checkpoint(session).to_dict(),
            }
            session.add(
                ArchivedSignature(
                    id=new_id("signature"),
                    task_id=subject.task_id,
                    signer_index=subject.signer_index,
                    signer_role=subject.signer_role,
                    signer_name=subject.signer_name,
                    media_type=subject.media_type,
                    document_sm3=subject.document_sm3,
                    signed_sm3=signed_sm3,
                    package_sm3=attempt.package_sm3,
                    manifest_sm3=attempt.manifest_sm3,
                    station_id=station.id,
                    station_certificate=station.certificate,
                    certificate=signed.certificate.der,
                    time_stamp=signed.time_stamp,
                    signed_at=signed.signed_at,
                    verdict=signed.verdict.as_dict(),
                    reply=reply,
                )
            )
            session.flush()
            self._checkpoint("before-commit")
        return reply

    # When it does not go through

    def _refused(self, station: Station, task_id: str, error: PenwardError) -> None:
        log.warning("package of station %s for task %s refused: %s", station.id, task_id[:64], error.code)
        with self._store.database.write() as session:
            self._store.audit.append(
                session,
                AuditKind.EVIDENCE_REFUSED,
                subject=task_id[:64],
                actor=f"station:{station.id}",
                data={"reason": error.code},
            )

    def recover(self) -> int:
        """At start, when no other process serves this hospital: discard what a stop left unfinished."""
        return self._attempts.recover()

    def sweep(self) -> None:
        """Forget challenges that nobody answered, and attempts of a process that is gone."""
        self._attempts.recover(older_than=LONGEST_ATTEMPT)
        with self._store.database.write() as session:
            self._challenges.sweep(session)
