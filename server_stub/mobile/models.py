"""Tables of `mobile`: patients, staff, tasks and their signers. Stations and callers are in `auth`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server_stub.store import Base, UtcDateTime


class Patient(Base):
    """A patient as one HIS last described them; each HIS has its own rows. No national ID number is here."""

    __tablename__ = "patients"

    his: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    visit: Mapped[str] = mapped_column(String(64), default="")
    ward: Mapped[str] = mapped_column(String(100), default="", index=True)
    bed: Mapped[str] = mapped_column(String(32), default="")
    sex: Mapped[str] = mapped_column(String(8), default="")
    age: Mapped[str] = mapped_column(String(16), default="")


class Staff(Base):
    """A physician or nurse, by the hospital's own staff number."""

    __tablename__ = "staff"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    ward: Mapped[str] = mapped_column(String(100), default="", index=True)
    role: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(64), default="")


class Task(Base):
    """One document to be signed by its signers in order.

    `original_sm3` names the bytes as the HIS sent them, `document_sm3` the bytes that the next signer
    is shown: the normalised document first, then each signed output. A `held` task was recalled by the HIS:
    no station sees it until it is offered again.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_ward_state", "ward", "state"),
        Index("ix_tasks_patient", "patient_id"),
        Index("ix_tasks_state_expires", "state", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    caller: Mapped[str] = mapped_column(String(64), index=True)
    external_id: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(40))
    ward: Mapped[str] = mapped_column(String(100))
    patient_id: Mapped[str] = mapped_column(String(64))
    patient: Mapped[dict[str, Any]] = mapped_column(JSON)
    policy: Mapped[dict[str, Any]] = mapped_column(JSON)
    consents: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    callback_url: Mapped[str] = mapped_column(Text, default="")
    original_sm3: Mapped[str] = mapped_column(String(64))
    document_sm3: Mapped[str] = mapped_column(String(64))
    document_size: Mapped[int] = mapped_column(BigInteger)
    pages: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signing_station: Mapped[str | None] = mapped_column(String(40))
    signing_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure: Mapped[str | None] = mapped_column(String(100))
    held: Mapped[bool] = mapped_column(default=False)

    signers: Mapped[list[TaskSigner]] = relationship(
        order_by="TaskSigner.index", cascade="all, delete-orphan", lazy="selectin"
    )


class TaskSigner(Base):
    """One signer of a task, in order of `index`, with the place of the signature on the page."""

    __tablename__ = "task_signers"

    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.id"), primary_key=True)
    index: Mapped[int] = mapped_column("signer_index", primary_key=True)
    role: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(64))
    relation: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[str] = mapped_column(String(16))
    page: Mapped[int]
    x_mm: Mapped[float]
    y_mm: Mapped[float]
    width_mm: Mapped[float]
    height_mm: Mapped[float]
    signed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    signed_sm3: Mapped[str | None] = mapped_column(String(64))
