"""Bringing a database to the tables that this version knows (Alembic, revisions of all rooms in one line)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from server_stub.errors import SetupError
from server_stub.store.database import Database

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def upgrade(database: Database) -> str:
    """Bring the database to the newest revision and return it."""
    configuration = _configuration()
    with database.engine.connect() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
    return newest()


def newest() -> str:
    """The newest revision that this version knows."""
    head = ScriptDirectory.from_config(_configuration()).get_current_head()
    if head is None:
        raise RuntimeError("the migrations are not part of this installation")
    return head


def current(database: Database) -> str | None:
    """The revision that the database is at."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def require_current(database: Database) -> None:
    """Raise SetupError `store.migration-needed` when the database is at another revision."""
    found = current(database)
    if found != newest():
        raise SetupError("store.migration-needed", found=found or "–", needed=newest())


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return configuration
