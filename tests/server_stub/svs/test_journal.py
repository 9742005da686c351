"""The journal (R32): written in groups, whole at the end, and no signature leaves that it could not keep."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from server_stub.svs.journal import Journal, Signed
from server_stub.svs.models import SvsSignature
from tests.conftest import ExpectedWarnings
from tests.server_stub.svs.conftest import SM2, Svs
from tests.support.server import Server


def entry(number: int) -> Signed:
    return Signed(dt.datetime.now(dt.UTC), "his:a", "SignData", 1, "ab", f"{number:064x}", "0" * 64)


def test_everything_submitted_is_written_at_the_end(server: Server) -> None:
    journal = Journal(server.core.store)
    for number in range(700):
        journal.submit([entry(number)])
    journal.close()
    journal.close()
    with server.core.store.database.read() as session:
        assert session.scalar(select(func.count()).select_from(SvsSignature)) == 700
    with pytest.raises(RuntimeError):
        journal.submit([entry(1)])


def test_no_signature_without_its_entry(
    svs: Svs, monkeypatch: pytest.MonkeyPatch, expected_warnings: ExpectedWarnings
) -> None:
    expected_warnings("penward.svs", "1 journal entries were not written: OperationalError")
    assert svs.form("SignData", **svs.key(SM2), inData=b"x")["respValue"] == "0"
    database = svs.server.core.store.database
    write = database.write

    @contextlib.contextmanager
    def failing() -> Iterator[Session]:
        with write() as session:
            execute = session.execute

            def refuse(statement: object, *arguments: object, **further: object) -> object:
                if "svs_signatures" in str(statement):
                    raise OperationalError("insert", {}, Exception("disk full"))
                return execute(statement, *arguments, **further)  # type: ignore[call-overload]

            monkeypatch.setattr(session, "execute", refuse)
            yield session

    monkeypatch.setattr(database, "write", failing)
    answer = svs.form("SignData", **svs.key(SM2), inData=b"x")
    monkeypatch.undo()
    assert answer == {"respValue": str(0x0400000E)}
    assert svs.form("SignData", **svs.key(SM2), inData=b"x")["respValue"] == "0"
