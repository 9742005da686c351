"""Nonces of signed requests, kept in the database for as long as their request could be replayed."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Index, String, delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from server_stub.errors import Unauthenticated
from server_stub.store.database import Base, Clock, UtcDateTime


class Nonce(Base):
    """A nonce that a caller's key has used."""

    __tablename__ = "nonces"
    __table_args__ = (Index("ix_nonces_expires_at", "expires_at"),)

    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(128), primary_key=True)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Nonces:
    """Uses each nonce of a key once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def use(self, session: Session, key_id: str, nonce: str, *, expires_at: dt.datetime) -> None:
        """Record the nonce in the caller's transaction.

        Raises:
            Unauthenticated: `store.nonce-replayed`, this key has used it before.
        """
        try:
            with session.begin_nested():
                session.add(Nonce(key_id=key_id, nonce=nonce, expires_at=expires_at))
        except IntegrityError as error:
            raise Unauthenticated("store.nonce-replayed", key_id=key_id) from error

    def refuse_used(self, session: Session, key_id: str, nonce: str) -> None:
        """Raise as `use` would for a nonce on record; uses nothing up."""
        if session.get(Nonce, (key_id, nonce)) is not None:
            raise Unauthenticated("store.nonce-replayed", key_id=key_id)

    def sweep(self, session: Session) -> None:
        """Forget nonces whose request is refused for its age by now."""
        session.execute(delete(Nonce).where(Nonce.expires_at < self._clock()))
