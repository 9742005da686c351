"""Certificates that this hospital's CA has issued, and what became of them."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from server_stub.store import Base, UtcDateTime


class IssuedCertificate(Base):
    """One certificate. `state`: issued, used (an archived signature was made with it), unused (discarded)."""

    __tablename__ = "issued_certificates"
    __table_args__ = (Index("ix_issued_certificates_profile_state", "profile", "state"),)

    serial: Mapped[str] = mapped_column(String(40), primary_key=True)
    profile: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(400))
    reference: Mapped[str] = mapped_column(String(128), index=True)
    holder: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    not_before: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    not_after: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    issued_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class HospitalCertificate(Base):
    """A certificate of the hospital itself, by role (root, issuing, tsa, encryption, …), with its key's name.

    `key_id` names the wrapped key of purpose `hospital`; it is empty where the key is kept elsewhere (roots).
    """

    __tablename__ = "hospital_certificates"

    role: Mapped[str] = mapped_column(String(32), primary_key=True)
    serial: Mapped[str] = mapped_column(String(40))
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(String(64))
    algorithm: Mapped[str] = mapped_column(String(16))
