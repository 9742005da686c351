"""Kill -9 the server's worker and its parent at every named step: the task goes on, and is signed once."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from server_stub.app import demo_loaders
from server_stub.handwriting import STEPS
from server_stub.setup import Plan, make_hospital
from signing.ofd.signatures import verify_ofd
from signing.verdict import exit_status
from signing.wire import OFD_MEDIA_TYPE
from tests.support.documents import small_ofd
from tests.support.served import ServedHospital, penward_server
from tests.support.station import StationClient, task_request

HERE = Path(__file__).resolve().parent
WARD = "外科一病区"

pytestmark = [
    pytest.mark.xdist_group("kill-server"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc"),
]


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that tells the server whom to kill, and when."""
    return tmp_path_factory.mktemp("orders") / "orders"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory, orders: Path) -> Iterator[ServedHospital]:
    """One hospital for all kills of this module, served."""
    folder = tmp_path_factory.mktemp("kill") / "demo"
    make_hospital(Plan(folder, "测试医院", True, None), demo_loaders=demo_loaders())
    program = str(HERE / "killable_server.py")
    hospital = ServedHospital(folder, [sys.executable, program, str(folder), "0", str(orders)])
    hospital.start()
    try:
        yield hospital
    finally:
        hospital.stop()
        hospital.http.session.close()


@pytest.fixture(scope="module")
def station(hospital: ServedHospital) -> StationClient:
    """A station of the ward."""
    made = penward_server("station", "code", hospital.folder, "--ward", WARD)
    return StationClient.enrol(hospital.http, made.stdout.strip())


@pytest.mark.parametrize("who", ["worker", "parent"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step(
    hospital: ServedHospital, station: StationClient, orders: Path, who: str, step: str
) -> None:
    """R29: after the kill one process set answers; the same package is signed once; no half file is left."""
    task_id = hospital.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))["id"]
    challenge = station.challenge(task_id)
    sealed = station.sealed(station.package(station.task(task_id), challenge), challenge)
    orders.write_text(f"{who} {step}")
    before = hospital.processes()
    with pytest.raises(requests.RequestException):
        station.upload(task_id, sealed)
    assert not orders.exists(), "the step was never reached"
    if who == "parent":
        assert hospital.process is not None
        assert hospital.process.wait(30) == -signal.SIGKILL
        hospital.start()
        assert not set(before) & set(hospital.processes()), "a worker outlived its parent"
    hospital.await_return()
    assert len(hospital.processes()) == len(before)

    state = hospital.his.task(task_id)["state"]
    assert state == ("signed" if step in ("committed", "replied") else state)
    assert state in ("signing", "offered", "signed")
    reply = station.upload(task_id, sealed)
    assert reply.status_code == 200, reply.content
    assert reply.json()["state"] == "signed"
    assert station.upload(task_id, sealed).json() == reply.json()

    signed = station.signed(task_id)
    verdict = verify_ofd(signed, anchors=station.anchors)
    assert exit_status([verdict]) == 0
    assert len(verdict.signatures) == 1
    count = "SELECT count(*) FROM {} WHERE {} = :task"
    assert hospital.rows(count.format("archived_signatures", "task_id"), task=task_id) == [(1,)]
    states = hospital.rows(
        "SELECT c.state FROM issued_certificates c JOIN signing_attempts a ON a.id = c.reference"
        " WHERE a.task_id = :task ORDER BY c.state",
        task=task_id,
    )
    assert [row[0] for row in states].count("used") == 1
    assert {row[0] for row in states} <= {"used", "unused"}
    known = hospital.rows(
        "SELECT original_sm3 FROM tasks UNION SELECT document_sm3 FROM tasks"
        " UNION SELECT document_sm3 FROM archived_signatures UNION SELECT signed_sm3 FROM archived_signatures"
        " UNION SELECT package_sm3 FROM archived_signatures"
    )
    assert hospital.blobs() == {row[0] for row in known}


def test_the_audit_log_is_whole(hospital: ServedHospital, station: StationClient) -> None:
    """After the kills the chain holds, every act has its row, and the station's checkpoint fits."""
    task_id = hospital.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))["id"]
    checkpoint = station.challenge(task_id).checkpoint
    assert checkpoint is not None
    kept = hospital.folder.parent / "checkpoint.json"
    kept.write_text(json.dumps(checkpoint.to_dict()))
    hospital.stop()
    try:
        done = penward_server("audit", "verify", hospital.folder, "--checkpoint", kept)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        hospital.start()
