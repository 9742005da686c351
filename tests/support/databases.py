"""Databases for tests: a fresh SQLite file, or a fresh database of a PostgreSQL started for the run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from server_stub.store import Database
from server_stub.store.migrate import upgrade

SERVER_USER = "postgres"


def _programs() -> Path | None:
    """The newest PostgreSQL's folder of programs, None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) if os.name != "nt" else []
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server's first database, on a socket in a folder of its own."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="penward-pg-"))
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        try:
            shutil.chown(folder, SERVER_USER, SERVER_USER)
        except LookupError:
            pytest.skip(f"there is no user {SERVER_USER} to run PostgreSQL as")
        as_user = {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": [], "cwd": folder}
    data = folder / "data"
    control = [str(programs / "pg_ctl"), "-D", str(data), "-w"]
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    try:
        _run([str(programs / "initdb"), "-D", str(data), "-U", SERVER_USER, "-A", "trust", "-N"], as_user)
        _run([*control, "-l", str(folder / "log"), "-o", options, "start"], as_user)
        yield f"postgresql+psycopg://{SERVER_USER}@/postgres?host={folder}"
    finally:
        if data.exists():
            _run([*control, "-m", "immediate", "stop"], as_user, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server_url: str) -> str:
    """The URL of a fresh, empty database on that server."""
    server = Database(server_url)
    name = f"t{uuid.uuid4().hex}"
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    server.close()
    return server.url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables, on either engine."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'penward.db'}")
    else:
        database = Database(new_database(request.getfixturevalue("postgresql")))
    yield database
    database.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    """A database with all tables, on either engine."""
    upgrade(empty_database)
    return empty_database


def _run(command: list[str], as_user: dict[str, object], *, check: bool = True) -> None:
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **as_user)  # type: ignore[call-overload]
    if check and finished.returncode != 0:
        raise RuntimeError(f"{command[0]}: {finished.stdout}{finished.stderr}")
