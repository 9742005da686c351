"""One door to the database: engine, sessions, the UTC type and the metadata of all rooms.

SQLite (WAL, synchronous=FULL, foreign keys) by default, PostgreSQL by its URL. A session comes from
`read()` or `write()` and from nowhere else: a write on SQLite begins with BEGIN IMMEDIATE, so that two
writers never meet in the middle of a transaction.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from server_stub.errors import SetupError

BUSY_TIMEOUT_MS = 30_000

Clock = Callable[[], dt.datetime]


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware UTC datetime on both engines; a naive one is refused when it is written."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Store UTC; SQLite keeps no zone, so the zone is cut there."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone must not be stored")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Give back UTC, always aware."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Base(DeclarativeBase):
    """The base of every room's tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def utc_now() -> dt.datetime:
    """The system's clock, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def new_id(prefix: str) -> str:
    """A fresh identifier `<prefix>-<26 hex>`: 48 bits of milliseconds, then 56 random bits; sorts by time."""
    return f"{prefix}-{int(time.time() * 1000):012x}{secrets.token_hex(7)}"


class Database:
    """Sessions on one engine; knows which engine it is and nothing of any room's tables."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise SetupError("store.database-url-wrong") from error
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
            raise SetupError("store.database-kind-unknown", kind=parsed.get_backend_name())
        self.url = parsed
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.engine: Engine = create_engine(parsed, pool_size=pool_size, pool_pre_ping=not self.is_sqlite)
        self._writer_engine = self.engine.execution_options(penward_write=True)
        self._write_lock = threading.Lock()
        self._local = threading.local()
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database; what it changes is thrown away."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session  # closing rolls back and leaves the rows readable

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end of the block, or rolls back when the block raises.

        Never opened inside another `write()` of the same thread: pass the session down instead.
        """
        if getattr(self._local, "writing", False):
            raise RuntimeError("write() inside write(): pass the session down")
        with contextlib.ExitStack() as stack:
            if self.is_sqlite:
                stack.enter_context(self._write_lock)
            self._local.writing = True
            stack.callback(setattr, self._local, "writing", False)
            session = stack.enter_context(Session(self._writer_engine, expire_on_commit=False))
            with session.begin():
                yield session

    def check(self) -> None:
        """Raise SetupError when the database does not answer."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError as error:
            raise SetupError("store.database-silent", url=self.url.render_as_string(True)) from error

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin event speaks BEGIN, sqlite3 must not
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("penward_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
