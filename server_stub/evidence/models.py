"""The archive: one row for each signature that was made, at most one for a (task, signer)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server_stub.store import Base, UtcDateTime


class ArchivedSignature(Base):
    """A signature as it was made: which bytes went in, which came out, and what proves it.

    `document_sm3`, `signed_sm3` and `package_sm3` name blobs: the document shown, the signed document,
    the sealed evidence package as received. Certificates are DER, `time_stamp` the token that the document
    carries. `verdict` is what our own strict reading found, `reply` what
    the station was told (and is told again when it sends the same package twice).
    """

    __tablename__ = "archived_signatures"
    __table_args__ = (UniqueConstraint("task_id", "signer_index", name="uq_archived_task_signer"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    task_id: Mapped[str] = mapped_column(String(40))
    signer_index: Mapped[int]
    signer_role: Mapped[str] = mapped_column(String(40))
    signer_name: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(40))
    document_sm3: Mapped[str] = mapped_column(String(64))
    signed_sm3: Mapped[str] = mapped_column(String(64), index=True)
    package_sm3: Mapped[str] = mapped_column(String(64), index=True)
    manifest_sm3: Mapped[str] = mapped_column(String(64), index=True)
    station_id: Mapped[str] = mapped_column(String(40))
    station_certificate: Mapped[bytes] = mapped_column(LargeBinary)
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    time_stamp: Mapped[bytes] = mapped_column(LargeBinary)
    signed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    verdict: Mapped[dict[str, Any]] = mapped_column(JSON)
    reply: Mapped[dict[str, Any]] = mapped_column(JSON)
