"""The rooms mobile, handwriting and evidence: patients, staff, tasks, challenges, attempts, the archive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from server_stub.store.database import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of this revision."""
    op.create_table(
        "archived_signatures",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("task_id", sa.String(length=40), nullable=False),
        sa.Column("signer_index", sa.Integer(), nullable=False),
        sa.Column("signer_role", sa.String(length=40), nullable=False),
        sa.Column("signer_name", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("document_sm3", sa.String(length=64), nullable=False),
        sa.Column("signed_sm3", sa.String(length=64), nullable=False),
        sa.Column("package_sm3", sa.String(length=64), nullable=False),
        sa.Column("manifest_sm3", sa.String(length=64), nullable=False),
        sa.Column("station_id", sa.String(length=40), nullable=False),
        sa.Column("station_certificate", sa.LargeBinary(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("time_stamp", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=False),
        sa.Column("verdict", sa.JSON(), nullable=False),
        sa.Column("reply", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archived_signatures")),
        sa.UniqueConstraint("task_id", "signer_index", name="uq_archived_task_signer"),
    )
    op.create_index(op.f("ix_archived_signatures_manifest_sm3"), "archived_signatures", ["manifest_sm3"])
    op.create_index(op.f("ix_archived_signatures_package_sm3"), "archived_signatures", ["package_sm3"])
    op.create_index(op.f("ix_archived_signatures_signed_sm3"), "archived_signatures", ["signed_sm3"])
    op.create_table(
        "challenges",
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=40), nullable=False),
        sa.Column("signer_index", sa.Integer(), nullable=False),
        sa.Column("station_id", sa.String(length=40), nullable=False),
        sa.Column("document_digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("value", name=op.f("pk_challenges")),
    )
    op.create_index("ix_challenges_task", "challenges", ["task_id", "signer_index"])
    op.create_table(
        "patients",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("visit", sa.String(length=64), nullable=False),
        sa.Column("ward", sa.String(length=100), nullable=False),
        sa.Column("bed", sa.String(length=32), nullable=False),
        sa.Column("sex", sa.String(length=8), nullable=False),
        sa.Column("age", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
    )
    op.create_index(op.f("ix_patients_ward"), "patients", ["ward"])
    op.create_table(
        "signing_attempts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("task_id", sa.String(length=40), nullable=False),
        sa.Column("signer_index", sa.Integer(), nullable=False),
        sa.Column("station_id", sa.String(length=40), nullable=False),
        sa.Column("station_counter", sa.BigInteger(), nullable=False),
        sa.Column("manifest_sm3", sa.String(length=64), nullable=False),
        sa.Column("package_sm3", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=True),
        sa.Column("signed_sm3", sa.String(length=64), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_attempts")),
    )
    op.create_index("ix_attempts_state", "signing_attempts", ["state"])
    op.create_index("ix_attempts_station", "signing_attempts", ["station_id", "station_counter"])
    op.create_index(op.f("ix_signing_attempts_task_id"), "signing_attempts", ["task_id"])
    op.create_table(
        "staff",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("ward", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
    )
    op.create_index(op.f("ix_staff_ward"), "staff", ["ward"])
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("ward", sa.String(length=100), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("patient", sa.JSON(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("consents", sa.JSON(), nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=False),
        sa.Column("original_sm3", sa.String(length=64), nullable=False),
        sa.Column("document_sm3", sa.String(length=64), nullable=False),
        sa.Column("document_size", sa.BigInteger(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("signing_station", sa.String(length=40), nullable=True),
        sa.Column("signing_until", UtcDateTime(), nullable=True),
        sa.Column("failure", sa.String(length=100), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_index(op.f("ix_tasks_caller"), "tasks", ["caller"])
    op.create_index("ix_tasks_patient", "tasks", ["patient_id"])
    op.create_index("ix_tasks_state_expires", "tasks", ["state", "expires_at"])
    op.create_index("ix_tasks_ward_state", "tasks", ["ward", "state"])
    op.create_table(
        "task_signers",
        sa.Column("task_id", sa.String(length=40), nullable=False),
        sa.Column("signer_index", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("relation", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("x_mm", sa.Double(), nullable=False),
        sa.Column("y_mm", sa.Double(), nullable=False),
        sa.Column("width_mm", sa.Double(), nullable=False),
        sa.Column("height_mm", sa.Double(), nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=True),
        sa.Column("signed_sm3", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_signers_task_id_tasks")),
        sa.PrimaryKeyConstraint("task_id", "signer_index", name=op.f("pk_task_signers")),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("task_signers")
    op.drop_index("ix_tasks_ward_state", table_name="tasks")
    op.drop_index("ix_tasks_state_expires", table_name="tasks")
    op.drop_index("ix_tasks_patient", table_name="tasks")
    op.drop_index(op.f("ix_tasks_caller"), table_name="tasks")
    op.drop_table("tasks")
    op.drop_index(op.f("ix_staff_ward"), table_name="staff")
    op.drop_table("staff")
    op.drop_index(op.f("ix_signing_attempts_task_id"), table_name="signing_attempts")
    op.drop_index("ix_attempts_station", table_name="signing_attempts")
    op.drop_index("ix_attempts_state", table_name="signing_attempts")
    op.drop_table("signing_attempts")
    op.drop_index(op.f("ix_patients_ward"), table_name="patients")
    op.drop_table("patients")
    op.drop_index("ix_challenges_task", table_name="challenges")
    op.drop_table("challenges")
    op.drop_index(op.f("ix_archived_signatures_signed_sm3"), table_name="archived_signatures")
    op.drop_index(op.f("ix_archived_signatures_package_sm3"), table_name="archived_signatures")
    op.drop_index(op.f("ix_archived_signatures_manifest_sm3"), table_name="archived_signatures")
    op.drop_table("archived_signatures")
