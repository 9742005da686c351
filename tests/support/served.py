"""A demo hospital served by a process of its own, looked at from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests
from sqlalchemy import create_engine, text

from tests.support.server import his_of
from tests.support.station import Answer, HisClient, utc_now

START_SECONDS = 60.0
ROOT = Path(__file__).resolve().parent.parent.parent


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
class ServedHospital:
    """A demo hospital's folder and the server over it; `command` starts it and prints its URL."""

    folder: Path
    command: Sequence[str]
    http: Http = field(default_factory=Http)
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def his(self) -> HisClient:
        """The demo HIS."""
        return his_of(self.folder, self.http, utc_now)  # type: ignore[arg-type]

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.process = subprocess.Popen(
            list(self.command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        announced = threading.Event()
        threading.Thread(target=self._listen, args=(self.process, announced), daemon=True).start()
        assert announced.wait(START_SECONDS), self.said
        self.await_health()

    def _listen(self, process: subprocess.Popen[str], announced: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.said.append(line)
            if not announced.is_set() and (found := re.search(r"http://[0-9.:]+", line)):
                self.http.base = found[0]
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

    def await_return(self) -> None:
        """Wait until a worker answers; start again a server that has given up.

        granian respawns a lost worker, but ends when it loses two within its respawn interval.
        """
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.start()
                return
            try:
                if self.http.session.get(f"{self.http.base}/health", timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                time.sleep(0.05)
        raise AssertionError("the server does not come back:\n" + "".join(self.said[-50:]))

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


def penward_server(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [str(Path(sys.executable).parent / "penward-server"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
