"""One table of jobs on both engines, which is also the outbox.

A job is enqueued in the transaction of the act that causes it, claimed under a lease, tried again with
growing pauses, and never lost: it ends as `done`, or as `dead` where a person can see it.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint, and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from server_stub.store.database import Base, Clock, Database, UtcDateTime, new_id, utc_now

log = logging.getLogger("penward.store.jobs")

DEFAULT_LEASE = dt.timedelta(seconds=60)
LONGEST_PAUSE = dt.timedelta(hours=1)
DONE_KEPT_FOR = dt.timedelta(days=7)


class Job(Base):
    """A row of the jobs table; `state` is waiting, running, done or dead."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_state_run_at", "state", "run_at"),
        UniqueConstraint("key", name="uq_jobs_key"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    key: Mapped[str | None] = mapped_column(String(128))
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    run_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    every_seconds: Mapped[int | None]
    tries: Mapped[int]
    max_tries: Mapped[int]
    lease_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    claim: Mapped[str | None] = mapped_column(String(32))
    last_error: Mapped[str] = mapped_column(Text)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class RetryLater(Exception):
    """A handler's plain failure: try again after `pause`, or after the usual growing pause."""

    def __init__(self, reason: str, *, pause: dt.timedelta | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class GiveUp(Exception):
    """A handler says that trying again cannot help; the job becomes dead."""


class LeaseLost(Exception):
    """Another worker holds this job by now; the transaction that meant to finish it must not commit."""


@dataclass(slots=True)
class ClaimedJob:
    """A job under a lease. `tries` counts this try, from 1."""

    id: str
    kind: str
    payload: dict[str, Any]
    tries: int
    max_tries: int
    every_seconds: int | None
    claim: str
    finished: bool = False


Handler = Callable[[ClaimedJob], None]


class Jobs:
    """Enqueue in the caller's transaction; claim, finish and fail."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._wake = threading.Event()

    def enqueue(
        self,
        session: Session,
        kind: str,
        payload: Mapping[str, Any],
        *,
        run_at: dt.datetime | None = None,
        max_tries: int = 20,
        key: str | None = None,
    ) -> str:
        """Add a job in the caller's transaction and return its id.

        A `key` makes it single: while a row of this key exists, its id is returned and nothing is added.
        Call `wake()` after the commit when the job should not wait for the next look (up to 1 s).
        """
        if key is not None:
            existing = session.scalar(select(Job.id).where(Job.key == key))
            if existing is not None:
                return existing
        return self._add(
            session, self._row(kind, payload, run_at=run_at, max_tries=max_tries, key=key, every=None)
        )

    def ensure_periodic(self, session: Session, kind: str, *, every: dt.timedelta) -> None:
        """See that a job of this kind exists which runs again and again and never dies."""
        job = session.scalar(select(Job).where(Job.key == f"periodic:{kind}"))
        if job is None:
            key = f"periodic:{kind}"
            self._add(session, self._row(kind, {}, run_at=None, max_tries=1, key=key, every=every))
        else:
            job.every_seconds = int(every.total_seconds())

    def wake(self) -> None:
        """Let the runner of this process look now."""
        self._wake.set()

    def wait(self, seconds: float) -> None:
        """Sleep until `wake()` or for `seconds`."""
        self._wake.wait(seconds)
        self._wake.clear()

    def claim(
        self, kinds: Iterable[str], *, limit: int = 1, lease: dt.timedelta = DEFAULT_LEASE
    ) -> list[ClaimedJob]:
        """Lease up to `limit` due jobs, oldest first; each to one claimer on either engine.

        The try counts from here on. A job whose last try ended with its process becomes dead: it may be what
        ended it.
        """
        now = self._clock()
        chosen = list(kinds)
        due = and_(
            Job.kind.in_(chosen),
            or_(
                and_(Job.state == "waiting", Job.run_at <= now),
                and_(Job.state == "running", Job.lease_until < now),
            ),
        )
        with self._database.read() as session:
            if session.scalar(select(Job.id).where(due).limit(1)) is None:
                return []
        with self._database.write() as session:
            rows = session.scalars(
                select(Job)
                .where(due)
                .order_by(Job.run_at, Job.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            ).all()
            claimed = []
            for row in rows:
                if not row.every_seconds and row.tries >= row.max_tries:
                    self._bury(row, now)
                    continue
                row.state, row.tries = "running", row.tries + 1
                row.lease_until, row.claim = now + lease, secrets.token_hex(16)
                claimed.append(
                    ClaimedJob(
                        row.id,
                        row.kind,
                        json.loads(row.payload),
                        row.tries,
                        row.max_tries,
                        row.every_seconds,
                        row.claim,
                    )
                )
            return claimed

    def finish(self, session: Session, job: ClaimedJob) -> None:
        """Mark the job done in the transaction of its effect, so that the effect happens once.

        Raises:
            LeaseLost: another worker has it; let the exception roll the effect back.
        """
        now = self._clock()
        if job.every_seconds:
            run_at = now + dt.timedelta(seconds=job.every_seconds)
            self._change(session, job, state="waiting", run_at=run_at, tries=0, last_error="", claim=None)
        else:
            self._change(session, job, state="done", finished_at=now, last_error="", claim=None, key=None)
        job.finished = True

    def fail(
        self, job: ClaimedJob, reason: str, *, pause: dt.timedelta | None = None, dead: bool = False
    ) -> bool:
        """Put the job back with a pause, or mark it dead; return whether it is dead now."""
        now = self._clock()
        dead = not job.every_seconds and (dead or job.tries >= job.max_tries)
        wait = pause or min(LONGEST_PAUSE, dt.timedelta(seconds=2 ** min(job.tries, 12)))
        with self._database.write() as session:
            if dead:
                self._change(
                    session,
                    job,
                    state="dead",
                    finished_at=now,
                    last_error=reason[:2000],
                    claim=None,
                    key=None,
                )
            else:
                self._change(
                    session, job, state="waiting", run_at=now + wait, last_error=reason[:2000], claim=None
                )
        return dead

    def release_all(self, session: Session) -> int:
        """Free every lease at once; only when no other process can be working (exclusive lock held)."""
        result = session.execute(
            update(Job).where(Job.state == "running").values(state="waiting", lease_until=None, claim=None)
        )
        return int(getattr(result, "rowcount", 0))

    def counts(self, session: Session) -> dict[str, int]:
        """How many jobs are in each state."""
        rows = session.execute(select(Job.state, func.count()).group_by(Job.state)).all()
        return {row[0]: row[1] for row in rows}

    def sweep(self, session: Session) -> None:
        """Forget jobs that were done more than a week ago; dead ones stay for a person to see."""
        limit = self._clock() - DONE_KEPT_FOR
        session.execute(Job.__table__.delete().where(Job.state == "done", Job.finished_at < limit))  # type: ignore[attr-defined]

    def _bury(self, row: Job, now: dt.datetime) -> None:
        row.state, row.finished_at, row.last_error = "dead", now, "the process ended during the last try"
        row.claim = row.key = row.lease_until = None
        log.error("job %s (%s) is dead after %d tries: %s", row.id, row.kind, row.tries, row.last_error)

    def _add(self, session: Session, job: Job) -> str:
        """Add a row, or find the one of its key that another process has just added; the id of it."""
        if job.key is None:
            session.add(job)
            session.flush()
            return job.id
        identifier, key = job.id, job.key
        try:
            with session.begin_nested():
                session.add(job)
        except IntegrityError:
            return session.scalars(select(Job.id).where(Job.key == key)).one()
        return identifier

    def _row(
        self,
        kind: str,
        payload: Mapping[str, Any],
        *,
        run_at: dt.datetime | None,
        max_tries: int,
        key: str | None,
        every: dt.timedelta | None,
    ) -> Job:
        now = self._clock()
        return Job(
            id=new_id("job"),
            kind=kind,
            key=key,
            payload=json.dumps(payload, ensure_ascii=False, sort_keys=True),
            state="waiting",
            run_at=run_at or now,
            every_seconds=int(every.total_seconds()) if every else None,
            tries=0,
            max_tries=max_tries,
            lease_until=None,
            claim=None,
            last_error="",
            created_at=now,
            finished_at=None,
        )

    def _change(self, session: Session, job: ClaimedJob, **values: Any) -> None:
        statement = update(Job).where(Job.id == job.id, Job.claim == job.claim).values(**values)
        if getattr(session.execute(statement), "rowcount", 0) != 1:
            raise LeaseLost(job.id)


class JobRunner:
    """Threads of this process that run due jobs by their kind's handler."""

    def __init__(
        self, jobs: Jobs, handlers: Mapping[str, Handler], *, threads: int = 2, pause: float = 1.0
    ) -> None:
        self._jobs = jobs
        self._handlers = dict(handlers)
        self._pause = pause
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"penward-jobs-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Finish the jobs in hand and end the threads."""
        self._stop.set()
        self._jobs.wake()
        for thread in self._threads:
            thread.join(timeout)

    def run_due(self, *, limit: int = 100) -> int:
        """Run what is due now in the calling thread; return how many jobs were run."""
        count = 0
        while count < limit:
            claimed = self._jobs.claim(self._handlers)
            if not claimed:
                break
            for job in claimed:
                self.run_one(job)
                count += 1
        return count

    def run_one(self, job: ClaimedJob) -> None:
        """Run one claimed job and record how it ended; only a failing database escapes."""
        try:
            self._handlers[job.kind](job)
            if not job.finished:
                with self._jobs._database.write() as session:
                    self._jobs.finish(session, job)
        except LeaseLost:
            log.info("job %s (%s) was taken over by another worker", job.id, job.kind)
        except RetryLater as reason:
            self._fail(job, str(reason), pause=reason.pause)
        except GiveUp as reason:
            self._fail(job, str(reason), dead=True)
        except Exception as error:
            log.info("job %s (%s) failed", job.id, job.kind, exc_info=True)
            self._fail(job, f"{type(error).__name__}: {error}")

    def _fail(
        self, job: ClaimedJob, reason: str, *, pause: dt.timedelta | None = None, dead: bool = False
    ) -> None:
        try:
            if self._jobs.fail(job, reason, pause=pause, dead=dead):
                log.error("job %s (%s) is dead after %d tries: %s", job.id, job.kind, job.tries, reason)
            else:
                log.info("job %s (%s) will be tried again: %s", job.id, job.kind, reason)
        except LeaseLost:
            log.info("job %s (%s) was taken over by another worker", job.id, job.kind)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self.run_due(limit=20) == 0:
                    self._jobs.wait(self._pause)
            except Exception:  # the database may be away for a while; the runner outlives it
                log.exception("the job runner could not reach the database")
                self._stop.wait(5)
