"""Who may speak to the server: callers (HIS) with their keys, enrolled stations, enrolment codes."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from server_stub.store import Base, UtcDateTime


class His(Base):
    """A hospital information system."""

    __tablename__ = "his"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class HisKey(Base):
    """A live or revoked key of a HIS; the secret is a wrapped key of purpose `his-hmac`."""

    __tablename__ = "his_keys"

    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    his_id: Mapped[str] = mapped_column(ForeignKey("his.id"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class StationRow(Base):
    """An enrolled ward PC or pad. `last_counter` is the highest package counter it has used."""

    __tablename__ = "stations"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    ward: Mapped[str] = mapped_column(String(100), index=True)
    spki: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    last_counter: Mapped[int] = mapped_column(BigInteger)
    enrolled_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class EnrolmentCode(Base):
    """A one-time code, kept as its digest."""

    __tablename__ = "enrolment_codes"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    ward: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    station_id: Mapped[str | None] = mapped_column(String(40))
