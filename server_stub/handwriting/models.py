"""Tables of `handwriting`: challenges handed to stations, and attempts at a signature."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from server_stub.store import Base, UtcDateTime


class AttemptState(enum.StrEnum):
    """What became of an attempt."""

    RUNNING = "running"
    SIGNED = "signed"
    DISCARDED = "discarded"


class Challenge(Base):
    """32 random bytes for one signature: bound to task, signer, station and document digest."""

    __tablename__ = "challenges"
    __table_args__ = (Index("ix_challenges_task", "task_id", "signer_index"),)

    value: Mapped[str] = mapped_column(String(64), primary_key=True)
    task_id: Mapped[str] = mapped_column(String(40))
    signer_index: Mapped[int]
    station_id: Mapped[str] = mapped_column(String(40))
    document_digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Attempt(Base):
    """One try at issuing and signing; its id is the reference of its event certificate.

    One that a stop of the server left RUNNING is discarded at the next start.
    """

    __tablename__ = "signing_attempts"
    __table_args__ = (
        Index("ix_attempts_state", "state"),
        Index("ix_attempts_station", "station_id", "station_counter"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    task_id: Mapped[str] = mapped_column(String(40), index=True)
    signer_index: Mapped[int]
    station_id: Mapped[str] = mapped_column(String(40))
    station_counter: Mapped[int] = mapped_column(BigInteger)
    manifest_sm3: Mapped[str] = mapped_column(String(64))
    package_sm3: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(100))
    signed_sm3: Mapped[str | None] = mapped_column(String(64))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
