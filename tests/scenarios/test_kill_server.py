"""Kill -9 the server's worker and its parent at every named step: the task goes on, and is signed once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from server_stub.app import demo_loaders
from server_stub.handwriting import STEPS
from server_stub.setup import Plan, make_hospital
from signing.ofd.signatures import verify_ofd
from signing.verdict import exit_status
from signing.wire import OFD_MEDIA_TYPE
from tests.support.documents import small_ofd
from tests.support.server import his_of
from tests.support.station import Answer, HisClient, StationClient, task_request, utc_now

HERE = Path(__file__).resolve().parent
WARD = "外科一病区"
START_SECONDS = 60.0

pytestmark = [
    pytest.mark.xdist_group("kill-server"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc"),
]


@dataclass
class Http:
    """Requests to the server of the test, wherever it listens now."""

    base: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def request(self, method: str, url: str, *, headers: Mapping[str, str], content: bytes) -> Answer:
        """One request; a dead server is a requests.ConnectionError."""
        self.session.trust_env = False
        return self.session.request(method, self.base + url, headers=dict(headers), data=content, timeout=60)


@dataclass
class Hospital:
    """A demo hospital's folder and the server over it."""

    folder: Path
    orders: Path
    http: Http = field(default_factory=Http)
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def his(self) -> HisClient:
        """The demo HIS."""
        return his_of(self.folder, self.http, utc_now)  # type: ignore[arg-type]

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [sys.executable, str(HERE / "killable_server.py"), str(self.folder), "0", str(self.orders)]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parent.parent)},
        )
        announced = threading.Event()
        threading.Thread(target=self._listen, args=(self.process, announced), daemon=True).start()
        assert announced.wait(START_SECONDS), self.said
        self.await_health()

    def _listen(self, process: subprocess.Popen[str], announced: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.said.append(line)
            if line.startswith("http://"):
                self.http.base = line.strip()
                announced.set()
        process.stdout.close()

    def await_health(self) -> None:
        """Wait until a worker answers."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if self.http.session.get(f"{self.http.base}/health", timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        raise AssertionError("the server does not answer:\n" + "".join(self.said[-50:]))

    def stop(self) -> None:
        """End the server in order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)
        self.process = None

    def rows(self, query: str, **values: str) -> list[tuple[object, ...]]:
        """Look into the database from outside."""
        engine = create_engine(f"sqlite:///{self.folder / 'penward.db'}")
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query), values)]
        finally:
            engine.dispose()

    def blobs(self) -> set[str]:
        """Every file in the blob folder, half-written ones too."""
        return {path.name for path in (self.folder / "blobs").rglob("*") if path.is_file()}

    def processes(self) -> list[int]:
        """The processes that hold this hospital's lock file open."""
        lock = str(self.folder / "server.lock")
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            try:
                links = [str(link.readlink()) for link in (entry / "fd").iterdir()]
            except OSError:
                continue
            if lock in links:
                found.append(int(entry.name))
        return found


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """One hospital for all kills of this module, served."""
    folder = tmp_path_factory.mktemp("kill") / "demo"
    make_hospital(Plan(folder, "测试医院", True, None), demo_loaders=demo_loaders())
    hospital = Hospital(folder, folder.parent / "orders")
    hospital.start()
    try:
        yield hospital
    finally:
        hospital.stop()
        hospital.http.session.close()


@pytest.fixture(scope="module")
def station(hospital: Hospital) -> StationClient:
    """A station of the ward."""
    made = penward_server("station", "code", hospital.folder, "--ward", WARD)
    return StationClient.enrol(hospital.http, made.stdout.strip())


def penward_server(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [str(Path(sys.executable).parent / "penward-server"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("who", ["worker", "parent"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step(hospital: Hospital, station: StationClient, who: str, step: str) -> None:
    """R29: after the kill one process set answers; the same package is signed once; no half file is left."""
    task_id = hospital.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))["id"]
    challenge = station.challenge(task_id)
    sealed = station.sealed(station.package(station.task(task_id), challenge), challenge)
    hospital.orders.write_text(f"{who} {step}")
    before = hospital.processes()
    with pytest.raises(requests.RequestException):
        station.upload(task_id, sealed)
    assert not hospital.orders.exists(), "the step was never reached"
    if who == "parent":
        assert hospital.process is not None
        assert hospital.process.wait(30) == -signal.SIGKILL
        hospital.start()
        assert not set(before) & set(hospital.processes()), "a worker outlived its parent"
    hospital.await_health()
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


def test_the_audit_log_is_whole(hospital: Hospital, station: StationClient) -> None:
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
