"""The audit chain: enumerated events, chained with SM3 per leased writer, in the transaction of their act.

The digested bytes are kept as they were digested. A writer's *head* after n events is the digest of its
n-th record; a checkpoint (writer, n, head) that somebody else holds makes a cut tail and a rewritten
chain visible (`audit_check.py`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from server_stub.store.audit_events import AuditKind
from server_stub.store.database import Base, Clock, Database, UtcDateTime, utc_now
from server_stub.store.merkle import merkle_root
from signing.sm import sm3

LEASE = dt.timedelta(minutes=5)
GENESIS = "0" * 64
_LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
MAX_RECORD = 16_384


class AuditWriter(Base):
    """A chain and who may extend it now."""

    __tablename__ = "audit_writers"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holder: Mapped[str] = mapped_column(String(64))
    lease_until: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    count: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[str] = mapped_column(String(64))


class AuditEvent(Base):
    """One event; `record` holds the canonical JSON bytes that `digest` is the SM3 of."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_subject", "subject"),
        Index("ix_audit_events_kind_at", "kind", "at"),
    )

    writer: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(128))
    record: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[str] = mapped_column(String(64))


class AuditRoot(Base):
    """A Merkle root over all writers' heads, chained to the root before it, with its time stamp."""

    __tablename__ = "audit_roots"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    heads: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    root: Mapped[str] = mapped_column(String(64))
    token: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class ChainHead:
    """How far a writer's chain had come: after `count` events its head was `root` (32 bytes)."""

    writer: str
    count: int
    root: bytes


class Audit:
    """Appends events for one holder (a server process)."""

    def __init__(self, database: Database, holder: str, clock: Clock = utc_now) -> None:
        self._database = database
        self._holder = holder
        self._clock = clock

    def append(
        self,
        session: Session,
        kind: AuditKind,
        *,
        subject: str = "",
        actor: str = "",
        data: Mapping[str, str | int] | None = None,
    ) -> AuditEvent:
        """Chain an event in the caller's transaction.

        `subject` is the id of what was acted on, `actor` who did it (`his:…`, `station:…`, `admin`,
        `server`), `data` short facts: never a key, a PIN, a patient's name or ID number.
        """
        writer = self._writer(session)
        now = self._clock()
        record = json.dumps(
            {
                "v": 1,
                "writer": writer.number,
                "seq": writer.count + 1,
                "at": now.isoformat(),
                "kind": AuditKind(kind).value,
                "subject": subject,
                "actor": actor,
                "data": dict(data or {}),
                "prev": writer.head,
            },
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
        ).encode()
        if len(record) > MAX_RECORD:
            raise ValueError("an audit record is limited to 16 KiB")
        event = AuditEvent(
            writer=writer.number,
            seq=writer.count + 1,
            at=now,
            kind=AuditKind(kind).value,
            subject=subject,
            record=record,
            digest=sm3(record).hex(),
        )
        session.add(event)
        writer.count, writer.head, writer.lease_until = event.seq, event.digest, now + LEASE
        session.flush()
        return event

    def head(self, session: Session) -> ChainHead:
        """Where this process's writer stands inside the given `write()` transaction."""
        writer = self._writer(session)
        return ChainHead(f"w{writer.number}", writer.count, bytes.fromhex(writer.head))

    def writer_number(self) -> int:
        """The number of the writer that this process has leased (also the node number of its serials)."""
        with self._database.write() as session:
            return self._writer(session).number

    def take_over(self, session: Session) -> None:
        """End the leases of others; only when no other server can be working (exclusive lock held)."""
        for writer in session.scalars(select(AuditWriter).where(AuditWriter.holder != self._holder)):
            writer.holder, writer.lease_until = "", _LONG_AGO

    def release(self, session: Session) -> None:
        """Give back this process's lease."""
        for writer in session.scalars(select(AuditWriter).where(AuditWriter.holder == self._holder)):
            writer.holder, writer.lease_until = "", _LONG_AGO

    def _writer(self, session: Session) -> AuditWriter:
        mine = session.scalar(select(AuditWriter).where(AuditWriter.holder == self._holder).with_for_update())
        if mine is not None:
            return mine
        now = self._clock()
        free = session.scalar(
            select(AuditWriter)
            .where(AuditWriter.lease_until < now)
            .order_by(AuditWriter.number)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        while free is None:
            highest = select(AuditWriter.number).order_by(AuditWriter.number.desc()).limit(1)
            number = (session.scalar(highest) or 0) + 1
            fresh = AuditWriter(number=number, count=0, head=GENESIS, holder="", lease_until=now)
            with contextlib.suppress(IntegrityError), session.begin_nested():  # another process made this one
                session.add(fresh)
                session.flush()
                free = fresh
        free.holder, free.lease_until = self._holder, now + LEASE
        session.flush()
        return free


def heads_text(session: Session) -> str:
    """All writers' heads as one canonical line each: `w<number> <count> <head hex>`."""
    writers = session.scalars(select(AuditWriter).order_by(AuditWriter.number))
    return "".join(f"w{writer.number} {writer.count} {writer.head}\n" for writer in writers)


def root_of(heads: str, previous: str) -> bytes:
    """The 32-byte Merkle root of the previous root and the heads' lines."""
    return merkle_root([bytes.fromhex(previous), *(line.encode("ascii") for line in heads.splitlines())])
