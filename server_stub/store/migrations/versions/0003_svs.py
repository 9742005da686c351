"""The room svs: signing keys by index, access codes, attempts, data keys, who signed what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from server_stub.store.database import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of this revision."""
    op.create_table(
        "svs_access",
        sa.Column("key_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("r", sa.Integer(), nullable=False),
        sa.Column("p", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key_index", name=op.f("pk_svs_access")),
    )
    op.create_table(
        "svs_attempts",
        sa.Column("key_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("key_index", "caller", name=op.f("pk_svs_attempts")),
    )
    op.create_table(
        "svs_data_keys",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_svs_data_keys")),
        sa.UniqueConstraint("caller", "purpose", "name", "version", name="uq_svs_data_keys_version"),
    )
    op.create_table(
        "svs_keys",
        sa.Column("key_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("usage", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key_index", "usage", name=op.f("pk_svs_keys")),
        sa.UniqueConstraint("key_id", name=op.f("uq_svs_keys_key_id")),
    )
    op.create_table(
        "svs_signatures",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=32), nullable=False),
        sa.Column("key_index", sa.Integer(), nullable=False),
        sa.Column("certificate_serial", sa.String(length=40), nullable=False),
        sa.Column("content_sm3", sa.String(length=64), nullable=False),
        sa.Column("signature_sm3", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_svs_signatures")),
    )
    op.create_index(op.f("ix_svs_signatures_at"), "svs_signatures", ["at"])
    op.create_index("ix_svs_signatures_caller_at", "svs_signatures", ["caller", "at"])
    op.create_index(op.f("ix_svs_signatures_content_sm3"), "svs_signatures", ["content_sm3"])


def downgrade() -> None:
    """Take them away again."""
    op.drop_index(op.f("ix_svs_signatures_content_sm3"), table_name="svs_signatures")
    op.drop_index("ix_svs_signatures_caller_at", table_name="svs_signatures")
    op.drop_index(op.f("ix_svs_signatures_at"), table_name="svs_signatures")
    op.drop_table("svs_signatures")
    op.drop_table("svs_keys")
    op.drop_table("svs_data_keys")
    op.drop_table("svs_attempts")
    op.drop_table("svs_access")
