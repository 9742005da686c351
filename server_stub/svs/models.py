"""Keys of the sign/verify service by index, who may not try again yet, data keys, and who signed what."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server_stub.store import Base, UtcDateTime


class SvsKey(Base):
    """A key pair of an index: `usage` is `sign` or `encrypt`; the private key is wrapped, purpose `svs`.

    `chain` are the issuers' certificates (DER, one after the other) without the root.
    """

    __tablename__ = "svs_keys"

    key_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    usage: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    algorithm: Mapped[str] = mapped_column(String(16))
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    chain: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class SvsAccess(Base):
    """The access code of an index, as scrypt makes it."""

    __tablename__ = "svs_access"

    key_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    n: Mapped[int]
    r: Mapped[int]
    p: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary)


class SvsAttempts(Base):
    """Wrong access codes in a row, of one caller for one index."""

    __tablename__ = "svs_attempts"

    key_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    caller: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    locked_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class SvsDataKey(Base):
    """One version of a caller's data key; `purpose` is `encrypt` (SM4) or `mac` (HMAC-SM3)."""

    __tablename__ = "svs_data_keys"
    __table_args__ = (
        UniqueConstraint("caller", "purpose", "name", "version", name="uq_svs_data_keys_version"),
    )

    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    caller: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class SvsSignature(Base):
    """A signature that was made: who asked, with which key, over what, when."""

    __tablename__ = "svs_signatures"
    __table_args__ = (Index("ix_svs_signatures_caller_at", "caller", "at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime, index=True)
    caller: Mapped[str] = mapped_column(String(64))
    operation: Mapped[str] = mapped_column(String(32))
    key_index: Mapped[int]
    certificate_serial: Mapped[str] = mapped_column(String(40))
    content_sm3: Mapped[str] = mapped_column(String(64), index=True)
    signature_sm3: Mapped[str] = mapped_column(String(64))
