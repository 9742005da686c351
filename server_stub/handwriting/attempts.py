"""Attempts at a signature: recorded before anything is made, discarded whole when they do not go through."""

from __future__ import annotations

import datetime as dt
import logging

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server_stub.errors import Conflict, ServerError
from server_stub.evidence import ArchivedSignature
from server_stub.handwriting.models import Attempt, AttemptState
from server_stub.handwriting.ports import Desk, Subject
from server_stub.handwriting.signer import EventSigner, SigningFailed
from server_stub.store import Store, new_id
from signing.verdict import PenwardError

log = logging.getLogger("penward.handwriting")

MAX_FAILURES = 3
"""So many attempts that fail for the server's own reasons end a task as failed."""

_OWN_FAULT = "failed:"


class Attempts:
    """Begins and discards attempts; what an attempt left on the disk goes with it."""

    def __init__(self, store: Store, desk: Desk, signer: EventSigner) -> None:
        self._store = store
        self._desk = desk
        self._signer = signer

    def begin(
        self, subject: Subject, *, station_id: str, counter: int, manifest_sm3: str, package_sm3: str
    ) -> str:
        """Record an attempt and the package that it will store; returns its id.

        Raises:
            Conflict: the task was ended or recalled meanwhile.
        """
        attempt_id = new_id("attempt")
        with self._store.database.write() as session:
            self._desk.hand_over(session, subject, station_id)
            session.add(
                Attempt(
                    id=attempt_id,
                    task_id=subject.task_id,
                    signer_index=subject.signer_index,
                    station_id=station_id,
                    station_counter=counter,
                    manifest_sm3=manifest_sm3,
                    package_sm3=package_sm3,
                    state=AttemptState.RUNNING,
                    started_at=self._store.clock(),
                )
            )
        return attempt_id

    def note_output(self, attempt_id: str, signed_sm3: str) -> None:
        """Name the blob before it is written, so that a restart can remove one that was never archived."""
        with self._store.database.write() as session:
            session.get_one(Attempt, attempt_id).signed_sm3 = signed_sm3

    def used_counter(self, session: Session, station_id: str, counter: int) -> bool:
        """Whether a signature was made under this counter of this station."""
        query = select(Attempt.id).where(
            Attempt.station_id == station_id,
            Attempt.station_counter == counter,
            Attempt.state == AttemptState.SIGNED,
        )
        return session.scalar(query.limit(1)) is not None

    def give_up(self, attempt_id: str, subject: Subject, error: Exception) -> Exception:
        """Discard a failed attempt and offer its task again; returns what the station is to be told.

        The task fails for good after `MAX_FAILURES` attempts that failed for the server's own reasons.
        """
        answer, own_fault = _tell(error, subject)
        reason = answer.code if isinstance(answer, PenwardError) else type(answer).__name__
        log.log(
            logging.ERROR if own_fault else logging.WARNING,
            "attempt %s at task %s was discarded: %s",
            attempt_id,
            subject.task_id,
            reason,
            exc_info=error if own_fault else None,
        )
        with self._store.database.write() as session:
            attempt = session.get_one(Attempt, attempt_id, with_for_update=True)
            if attempt.state == AttemptState.RUNNING:
                self._discard(session, attempt, f"{_OWN_FAULT}{reason}" if own_fault else reason)
                fatal = own_fault and self._failures(session, subject) >= MAX_FAILURES
                self._desk.released(session, subject.task_id, failure=reason if fatal else None)
                self._remove_leftovers(session, attempt)
        self._desk.changed(subject.task_id)
        return answer

    def recover(self, *, older_than: dt.timedelta = dt.timedelta(0)) -> int:
        """Discard what a stop of the server left unfinished.

        Without `older_than` only while nobody else serves this hospital; with it, attempts of any process
        that cannot be alive any more.
        """
        running = select(Attempt).where(
            Attempt.state == AttemptState.RUNNING, Attempt.started_at <= self._store.clock() - older_than
        )
        with self._store.database.read() as session:
            if session.scalar(running.limit(1)) is None:
                return 0
        with self._store.database.write() as session:
            left = list(session.scalars(running.with_for_update(skip_locked=True)))
            for attempt in left:
                self._discard(session, attempt, "handwriting.restarted")
                self._desk.released(session, attempt.task_id)
                self._remove_leftovers(session, attempt)
        for attempt in left:
            log.info("attempt %s at task %s was cut off by a stop; discarded", attempt.id, attempt.task_id)
            self._desk.changed(attempt.task_id)
        return len(left)

    def _discard(self, session: Session, attempt: Attempt, reason: str) -> None:
        attempt.state, attempt.reason = AttemptState.DISCARDED, reason[:100]
        attempt.ended_at = self._store.clock()
        self._signer.discard(session, attempt.id)

    def _failures(self, session: Session, subject: Subject) -> int:
        query = (
            select(func.count())
            .select_from(Attempt)
            .where(
                Attempt.task_id == subject.task_id,
                Attempt.signer_index == subject.signer_index,
                Attempt.reason.startswith(_OWN_FAULT),
            )
        )
        return session.scalar(query) or 0

    def _remove_leftovers(self, session: Session, attempt: Attempt) -> None:
        """Remove blobs that only a discarded attempt names: media are kept for signatures alone.

        Inside the transaction that holds the task's row: an attempt of another process with the same package
        either has begun before, and is seen, or begins after, and stores the package again.
        """
        for digest in (attempt.package_sm3, attempt.signed_sm3):
            if digest and not self._is_needed(session, digest):
                self._store.blobs.remove(digest)

    def _is_needed(self, session: Session, digest: str) -> bool:
        archived = select(ArchivedSignature.id).where(
            (ArchivedSignature.package_sm3 == digest) | (ArchivedSignature.signed_sm3 == digest)
        )
        running = select(Attempt.id).where(
            (Attempt.package_sm3 == digest) | (Attempt.signed_sm3 == digest),
            Attempt.state == AttemptState.RUNNING,
        )
        return any(session.scalar(query.limit(1)) is not None for query in (archived, running))


def _tell(error: Exception, subject: Subject) -> tuple[Exception, bool]:
    """What the station is told, and whether the failure is the server's own."""
    if isinstance(error, IntegrityError):  # another process archived this signature first
        return Conflict(
            "handwriting.already-signed", task=subject.task_id, signer=subject.signer_index
        ), False
    if isinstance(error, ServerError):
        return error, error.status == 500
    reason = error.code if isinstance(error, PenwardError) else type(error).__name__
    return SigningFailed("handwriting.signing-failed", reason=reason), True
