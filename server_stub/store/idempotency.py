"""Replies kept under the caller's idempotency key, so that a repeated request changes nothing again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Index, LargeBinary, String, delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from server_stub.errors import Conflict
from server_stub.store.database import Base, Clock, UtcDateTime

KEPT_FOR = dt.timedelta(days=7)


class KeptReply(Base):
    """What was answered to the first request with this key."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    caller_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class StoredReply:
    """An answer given before: HTTP status and JSON body."""

    status: int
    body: bytes


class Idempotency:
    """Finds and keeps replies; both inside the transaction of the act that is answered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def find(self, session: Session, caller_id: str, key: str, request_digest: str) -> StoredReply | None:
        """The earlier reply to the same request, None when the key is new.

        `request_digest` is 64 hex over method, path, query and body (`Caller.request_digest`).

        Raises:
            Conflict: `store.idempotency-conflict`, the key was used with another request.
        """
        kept = session.get(KeptReply, (caller_id, key))
        if kept is None:
            return None
        if kept.request_digest != request_digest:
            raise Conflict("store.idempotency-conflict", key=key)
        return StoredReply(kept.status, kept.body)

    def keep(
        self, session: Session, caller_id: str, key: str, request_digest: str, *, status: int, body: bytes
    ) -> None:
        """Keep a reply in the transaction of its act.

        Raises:
            Conflict: `store.idempotency-busy`, the same request was answered at the same moment: the act
                rolls back, and a repetition gets the other's reply.
        """
        reply = KeptReply(
            caller_id=caller_id,
            key=key,
            request_digest=request_digest,
            status=status,
            body=body,
            created_at=self._clock(),
        )
        try:
            with session.begin_nested():
                session.add(reply)
        except IntegrityError as error:
            raise Conflict("store.idempotency-busy", key=key) from error

    def sweep(self, session: Session) -> None:
        """Forget replies older than seven days."""
        session.execute(delete(KeptReply).where(KeptReply.created_at < self._clock() - KEPT_FOR))
