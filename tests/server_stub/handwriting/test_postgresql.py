"""The same way on PostgreSQL: two processes' worth of services over one database sign once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select

from server_stub.app import demo_loaders
from server_stub.evidence import ArchivedSignature
from server_stub.mobile.rooms import bedside
from server_stub.setup import DEMO_HIS, Plan, make_hospital
from signing.verdict import PenwardError, exit_status
from signing.verify import verify_bytes
from signing.wire import OFD_MEDIA_TYPE, TaskRequest
from tests.conftest import ExpectedWarnings
from tests.support.databases import new_database, postgresql
from tests.support.documents import small_ofd
from tests.support.server import running
from tests.support.station import task_request

__all__ = ["postgresql"]


def test_two_processes_and_one_package(
    postgresql: str, tmp_path: Path, expected_warnings: ExpectedWarnings
) -> None:
    """R29: services that share only the database and the folder race with one package; one archives it."""
    folder = tmp_path / "demo"
    url = new_database(postgresql)
    make_hospital(Plan(folder, "测试医院", True, None, database_url=url), demo_loaders=demo_loaders())
    outcomes: list[str] = []
    with running(folder) as server:
        made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
        station = server.station()
        challenge = station.challenge(made["id"])
        sealed = station.sealed(station.package(station.task(made["id"]), challenge), challenge)
        with server.core.store.database.read() as session:
            me = server.core.auth.find_station(session, station.id)
        together = threading.Barrier(2)
        server.steps.at["checked"] = lambda: together.wait(30)  # type: ignore[assignment, return-value]

        def sign() -> None:
            try:
                outcomes.append(bedside(server.core).handwriting.receive(me, made["id"], sealed)["state"])
            except PenwardError as error:
                outcomes.append(error.code)

        expected_warnings("penward.handwriting", "already-signed|task-ended|counter-gone-back|refused")
        threads = [threading.Thread(target=sign) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.steps.at.clear()
        assert sorted(outcomes)[-1] == "signed"
        assert outcomes.count("signed") == 1
        with server.core.store.database.read() as session:
            assert session.scalar(select(func.count()).select_from(ArchivedSignature)) == 1
        assert station.upload(made["id"], sealed).json()["state"] == "signed"
        data = server.his.file(made["id"], "evidence")
        assert exit_status([verify_bytes("evidence.zip", data, server.core.hospital.anchors)]) == 0
        assert [t["state"] for t in server.his.call("GET", "/tasks", query={"ward": me.ward}).json()] == [
            "signed"
        ]


@pytest.mark.parametrize("act", ["cancel", "recall"])
def test_acts_of_a_his(postgresql: str, tmp_path: Path, act: str) -> None:
    """Locks, lists and idempotent replies work there too."""
    folder = tmp_path / "demo"
    make_hospital(Plan(folder, "测试医院", True, None, database_url=new_database(postgresql)))
    with running(folder) as server:
        made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE), key="one")
        assert server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE), key="one")["id"] == made["id"]
        assert len(server.station().tasks()) == 1
        assert server.his.call("POST", f"/tasks/{made['id']}/{act}").status_code == 200
        assert bedside(server.core).tasks.sweep() == 0


def test_two_first_tasks_of_one_patient_at_once(postgresql: str, tmp_path: Path) -> None:
    """A patient whom nobody has described yet becomes one row, whoever commits first."""
    folder = tmp_path / "demo"
    make_hospital(Plan(folder, "测试医院", True, None, database_url=new_database(postgresql)))
    with running(folder) as server:
        tasks, database = bedside(server.core).tasks, server.core.store.database
        with database.read() as session:
            his = server.core.auth.find_his(session, DEMO_HIS)
        request = TaskRequest.from_dict(task_request(small_ofd(), OFD_MEDIA_TYPE))
        prepared = [tasks.prepare(his, request) for _ in range(2)]
        together, failures = threading.Barrier(2), list[Exception]()

        def add(number: int) -> None:
            try:
                with database.write() as session:
                    session.execute(select(func.now()))  # both transactions have begun
                    together.wait(30)
                    tasks.add(session, prepared[number])
            except Exception as error:  # noqa: BLE001 told by the assertion below
                failures.append(error)

        threads = [threading.Thread(target=add, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(server.his.call("GET", "/tasks").json()) == 2
        assert [p["id"] for p in server.his.call("GET", "/patients").json()] == ["P1"]
