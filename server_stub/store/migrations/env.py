"""Alembic's entry: runs the revisions on the connection that `server_stub.store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from server_stub.store.database import Base


def run() -> None:
    """Run the revisions in one transaction."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        transaction_per_migration=False,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


run()
