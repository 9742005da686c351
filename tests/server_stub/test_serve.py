"""One process set a folder: parent killed, worker killed, a second server, TLS (design.md, processes)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from server_stub.serve import _runtime_folder
from server_stub.setup import Plan, make_hospital
from tests.support.databases import new_database, postgresql

__all__ = ["postgresql"]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


class Program:
    """`penward-server serve` (or another program with the same layout) as a process of its own."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.log = log
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
            )

    def workers(self) -> list[int]:
        """The processes that this one has started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def end(self) -> int:
        """Ask it to end, as a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: Callable[[], bool]) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Running, and not a zombie that only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def answers(url: str, verify: str | bool = True) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5, verify=verify).ok
    except requests.ConnectionError:
        return False


@contextmanager
def serving(
    folder: Path, port: int, *options: str, scheme: str = "http", verify: str | bool = True
) -> Iterator[Program]:
    command = [sys.executable, "-m", "server_stub", "serve", str(folder), "--port", str(port), *options]
    program = Program(command, folder / "test.log")
    try:
        until(lambda: answers(f"{scheme}://localhost:{port}", verify) or program.process.poll() is not None)
        assert program.process.poll() is None, program.log.read_text()
        yield program
    finally:
        for pid in [*(program.workers() if program.process.poll() is None else []), program.process.pid]:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        program.process.wait(PATIENCE)


def test_workers_end_with_their_parent_and_the_next_server_takes_over(hospital: Path) -> None:
    """kill -9 of the parent: no worker goes on answering, and the folder is free for the next at once."""
    port = free_port()
    with serving(hospital, port) as first:
        workers = first.workers()
        assert workers
        first.process.kill()
        first.process.wait(PATIENCE)
        until(lambda: not any(alive(pid) for pid in workers))
        assert not answers(f"http://localhost:{port}")
        with serving(hospital, port) as second:
            assert answers(f"http://localhost:{port}")
            assert second.end() == 0


def test_a_killed_worker_is_replaced(hospital: Path) -> None:
    port = free_port()
    with serving(hospital, port) as program:
        (worker,) = program.workers()
        os.kill(worker, signal.SIGKILL)
        until(lambda: program.workers() not in ([worker], []) and answers(f"http://localhost:{port}"))
        assert program.process.poll() is None
        assert program.end() == 0


def test_a_second_server_on_the_folder_is_refused(hospital: Path) -> None:
    """By name, and the first goes on answering."""
    port = free_port()
    with serving(hospital, port):
        second = subprocess.run(
            [sys.executable, "-m", "server_stub", "serve", str(hospital), "--port", str(free_port())],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "PENWARD_LOCK_WAIT_SECONDS": "0.2"},
        )
        assert second.returncode == 1
        assert "server.folder-in-use" in second.stderr
        assert "Traceback" not in second.stderr
        assert answers(f"http://localhost:{port}")


def test_a_taken_port_is_refused(hospital: Path) -> None:
    """granian would share the port with whoever listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        second = subprocess.run(
            [sys.executable, "-m", "server_stub", "serve", str(hospital), "--port", port],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert second.returncode == 1
    assert "server.port-in-use" in second.stderr


def test_tls_with_the_hospitals_root_pinned(hospital: Path, tmp_path: Path) -> None:
    """A client that trusts the hospital's TLS root alone is served; one that does not is not."""
    subprocess.run(
        [sys.executable, "-m", "server_stub", "trust", "export", str(hospital), str(tmp_path / "trust")],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    (root,) = (tmp_path / "trust").glob("tls-root-*.pem")
    port = free_port()
    with serving(hospital, port, "--tls", scheme="https", verify=str(root)) as program:
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"https://localhost:{port}/health", timeout=5)
        assert program.end() == 0
    folder = _runtime_folder(hospital)
    assert list(folder.iterdir()) == [], "the key in the clear is gone with the server"
    folder.rmdir()


def test_a_huge_body_gets_one_sentence(hospital: Path) -> None:
    """256 MiB of zeros against the endpoints: the client gets to read a 4xx, the server stays small."""
    port = free_port()

    def zeros() -> Iterator[bytes]:
        for _ in range(256):
            yield bytes(1 << 20)

    with serving(hospital, port) as program:
        url = f"http://localhost:{port}"
        enrol = requests.post(f"{url}/api/v1/stations/enrol", data=zeros(), timeout=PATIENCE)
        assert (enrol.status_code, enrol.json()["error"]["code"]) == (413, "server.body-too-large")
        nobody = requests.post(f"{url}/api/v1/tasks", data=zeros(), timeout=PATIENCE)
        assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "auth.no-credentials")
        (worker,) = program.workers()
        peak = Path(f"/proc/{worker}/status").read_text().partition("VmHWM:")[2].split()[0]
        assert int(peak) < 400_000, "KiB: the body is not held in memory"


def test_a_test_program_serves_its_own_app(hospital: Path) -> None:
    """The same process layout with another target: how fault tests bring their checkpoints in."""
    port = free_port()
    command = [sys.executable, str(ROOT / "tests/server_stub/lower_app.py"), str(hospital), str(port)]
    program = Program(command, hospital / "test.log")
    try:
        until(lambda: answers(f"http://localhost:{port}"))
        assert program.end() == 0
    finally:
        program.process.kill()
        program.process.wait(PATIENCE)


def test_two_workers_over_postgresql(
    postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster's engine: both workers start together, each with its own audit chain, and all is sound."""
    folder = tmp_path / "hospital"
    make_hospital(Plan(folder, "测试医院", True, None, database_url=new_database(postgresql)))
    monkeypatch.setenv("PENWARD_WORKERS", "2")
    port = free_port()
    with serving(folder, port) as program:
        until(lambda: program.log.read_text().count("penward.server ready") == 2)
        assert len(program.workers()) == 2
        assert program.end() == 0
    checked = subprocess.run(
        [sys.executable, "-m", "server_stub", "audit", "verify", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
