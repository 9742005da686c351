"""Sessions, times and migrations behave the same on SQLite and on PostgreSQL (design.md, data)."""

from __future__ import annotations

import datetime as dt
import json
import threading

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

import server_stub.app  # noqa: F401 the models of all rooms
from server_stub.errors import SetupError
from server_stub.store import Base, Database, Store, migrate
from server_stub.store.jobs import Job
from server_stub.store.nonces import Nonce

NOON = dt.datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=dt.timezone(dt.timedelta(hours=8)))


def keep(database: Database, nonce: str, at: dt.datetime = NOON) -> None:
    with database.write() as session:
        session.add(Nonce(key_id="k", nonce=nonce, expires_at=at))


def nonces(database: Database) -> list[Nonce]:
    with database.read() as session:
        return list(session.scalars(select(Nonce).order_by(Nonce.nonce)))


def test_times_come_back_in_utc_to_the_microsecond(database: Database) -> None:
    """Whatever zone went in, UTC comes out, aware; and rows stay readable after the block."""
    keep(database, "a")
    (row,) = nonces(database)
    assert row.expires_at == NOON
    assert row.expires_at.tzinfo is dt.UTC


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="without a zone"):
        keep(database, "a", NOON.replace(tzinfo=None))
    assert nonces(database) == []


def test_a_failed_block_leaves_nothing(database: Database) -> None:
    with pytest.raises(LookupError), database.write() as session:
        session.add(Nonce(key_id="k", nonce="a", expires_at=NOON))
        session.flush()
        raise LookupError
    assert nonces(database) == []


def test_a_read_block_changes_nothing(database: Database) -> None:
    with database.read() as session:
        session.add(Nonce(key_id="k", nonce="a", expires_at=NOON))
        session.flush()
    assert nonces(database) == []


def test_write_in_write_is_a_mistake_told_at_once(database: Database) -> None:
    with pytest.raises(RuntimeError, match="pass the session down"), database.write(), database.write():
        pass
    keep(database, "after")
    assert len(nonces(database)) == 1


def test_many_writers_lose_nothing(database: Database) -> None:
    """Read-modify-write by eight threads: every increment is there."""
    keep(database, "n", dt.datetime.fromtimestamp(0, dt.UTC))

    def work() -> None:
        for _ in range(10):
            with database.write() as session:
                row = session.scalars(select(Nonce).with_for_update()).one()
                row.expires_at += dt.timedelta(seconds=1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert nonces(database)[0].expires_at == dt.datetime.fromtimestamp(80, dt.UTC)


def test_sqlite_is_durable_and_checks_references(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("pragmas are SQLite's")
    with database.engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_migrations_make_exactly_the_tables_of_the_models(database: Database) -> None:
    """Every column, index and constraint of the models is in a revision, and nothing more."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_go_down_and_up_again(database: Database) -> None:
    configuration = migrate._configuration()
    with database.engine.connect() as connection:
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "base")
    assert migrate.current(database) is None
    assert migrate.upgrade(database) == migrate.newest()
    with database.read() as session:
        assert session.scalars(select(Job)).all() == []


def test_patients_go_to_the_his_that_described_them(empty_database: Database) -> None:
    """Revision 0004: from the newest task of each HIS; patients without a task to the first HIS."""
    configuration = migrate._configuration()
    at = "2026-11-22 00:00:00"
    columns = (
        "id, caller, patient_id, patient, external_id, state, title, media_type, ward, policy, consents,"
        " callback_url, original_sm3, document_sm3, document_size, pages, created_at, expires_at,"
        " changed_at, held"
    )
    tasks = [("t1", "his-1", "甲"), ("t2", "his-2", "乙"), ("t3", "his-1", "丙")]
    with empty_database.engine.connect() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0003")
    with empty_database.engine.begin() as connection:
        for his in ("his-1", "his-2"):
            values = {"id": his, "at": at}
            connection.execute(text("INSERT INTO his (id, name, created_at) VALUES (:id, :id, :at)"), values)
        for patient in ("P1", "P2"):
            connection.execute(
                text("INSERT INTO patients VALUES (:id, '丁', '', '一病区', '', '', '')"), {"id": patient}
            )
        for task, caller, name in tasks:
            connection.execute(
                text(
                    f"INSERT INTO tasks ({columns}) VALUES (:id, :caller, 'P1', :patient, '', 'pending', '',"  # noqa: S608
                    " '', '', '{}', '[]', '', '', '', 1, 1, :at, :at, :at, false)"
                ),
                {"id": task, "caller": caller, "at": at, "patient": json.dumps({"name": name})},
            )
    migrate.upgrade(empty_database)
    with empty_database.engine.connect() as connection:
        rows = connection.execute(text("SELECT his, id, name, ward FROM patients ORDER BY his, id")).all()
    assert [tuple(row) for row in rows] == [
        ("his-1", "P1", "丙", ""),
        ("his-1", "P2", "丁", "一病区"),
        ("his-2", "P1", "乙", ""),
    ]


def test_an_old_database_is_told_by_name(empty_database: Database) -> None:
    with pytest.raises(SetupError) as refused:
        migrate.require_current(empty_database)
    assert refused.value.code == "store.migration-needed"
    migrate.upgrade(empty_database)
    migrate.require_current(empty_database)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("nonsense", "store.database-url-wrong"),
        ("mysql://u@h/d", "store.database-kind-unknown"),
    ],
)
def test_a_wrong_url_is_told_by_name(url: str, code: str) -> None:
    with pytest.raises(SetupError) as refused:
        Database(url)
    assert refused.value.code == code


def test_a_silent_database_is_told_without_its_password() -> None:
    database = Database("postgresql://penward:secret@127.0.0.1:1/penward")
    with pytest.raises(SetupError) as refused:
        database.check()
    assert refused.value.code == "store.database-silent"
    assert "secret" not in refused.value.message()
    database.close()


def test_a_store_can_be_made_twice_over_one_folder(store: Store, database: Database) -> None:
    again = Store(database, store.blobs._folder)
    assert again.blobs.get(store.blobs.put(b"x")) == b"x"
