"""Patients belong to the HIS that described them: the key is (his, id)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_FIELDS = ("name", "visit", "ward", "bed", "sex", "age")


def upgrade() -> None:
    """Each HIS gets its patients from its own tasks; patients without a task were the first HIS's (demo)."""
    connection = op.get_bind()
    old = sa.table("patients", *(sa.column(name) for name in ("id", *_FIELDS)))
    tasks = sa.table(
        "tasks",
        sa.column("id"),
        sa.column("caller"),
        sa.column("patient_id"),
        sa.column("patient", sa.JSON()),
    )
    his = sa.table("his", sa.column("id"), sa.column("created_at"))
    first = connection.scalar(sa.select(his.c.id).order_by(his.c.created_at, his.c.id).limit(1))
    described = {
        (task.caller, task.patient_id): {name: task.patient.get(name, "") for name in _FIELDS}
        for task in connection.execute(sa.select(tasks).order_by(tasks.c.id))
    }
    known = {patient for _, patient in described}
    for row in connection.execute(sa.select(old)).mappings().all():
        if first is not None and row["id"] not in known:
            described[first, row["id"]] = {name: row[name] for name in _FIELDS}
    _replace(by_his=True)
    new = sa.table("patients", *(sa.column(name) for name in ("his", "id", *_FIELDS)))
    rows = [{"his": caller, "id": patient, **fields} for (caller, patient), fields in described.items()]
    if rows:
        connection.execute(sa.insert(new), rows)


def downgrade() -> None:
    """One row for each id again, of whichever HIS comes last."""
    connection = op.get_bind()
    table = sa.table("patients", *(sa.column(name) for name in ("his", "id", *_FIELDS)))
    found = connection.execute(sa.select(table).order_by(table.c.his)).mappings().all()
    rows = {row["id"]: {name: row[name] for name in ("id", *_FIELDS)} for row in found}
    _replace(by_his=False)
    if rows:
        connection.execute(sa.insert(table), list(rows.values()))


def _replace(*, by_his: bool) -> None:
    op.drop_index(op.f("ix_patients_ward"), table_name="patients")
    op.drop_table("patients")
    op.create_table(
        "patients",
        *([sa.Column("his", sa.String(length=64), nullable=False)] if by_his else []),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("visit", sa.String(length=64), nullable=False),
        sa.Column("ward", sa.String(length=100), nullable=False),
        sa.Column("bed", sa.String(length=32), nullable=False),
        sa.Column("sex", sa.String(length=8), nullable=False),
        sa.Column("age", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint(*(["his"] if by_his else []), "id", name=op.f("pk_patients")),
    )
    op.create_index(op.f("ix_patients_ward"), "patients", ["ward"])
