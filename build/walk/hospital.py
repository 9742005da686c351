"""The server of the walk: a demo hospital in a folder of its own, served by the real program."""

from __future__ import annotations

import base64
import json
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import requests
from his import Credentials

START_SECONDS = 60.0
STOP_SECONDS = 20.0


class NotStarted(Exception):
    """A program did not do what it was started for; the text is what it said."""


def program(name: str) -> list[str]:
    """The command of one of Penward's console scripts, in this interpreter's environment."""
    suffix = ".exe" if sys.platform == "win32" else ""
    return [str(Path(sys.executable).parent / f"{name}{suffix}")]


def run(command: list[str], *, timeout: float = 120.0) -> str:
    """Run a command to its end and give what it printed.

    Raises:
        NotStarted: it failed.
    """
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=False, encoding="utf-8"
    )
    if done.returncode != 0:
        raise NotStarted(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


class Hospital:
    """`penward-server` over one folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = ""
        self._server: subprocess.Popen[str] | None = None

    def init(self) -> str:
        """Make the hospital with its invented patients; gives what the program said."""
        return run([*program("penward-server"), "init", str(self.directory), "--demo"])

    def export_trust(self, out: Path) -> list[Path]:
        """Write the anchors, all of them tests' and named so, into `out`."""
        run([*program("penward-server"), "trust", "export", str(self.directory), str(out)])
        return sorted(out.glob("*.pem"))

    def enrolment_code(self, ward: str) -> str:
        """A one-time code for a station of `ward`."""
        return run(
            [*program("penward-server"), "station", "code", str(self.directory), "--ward", ward]
        ).strip()

    def his_credentials(self) -> Credentials:
        """The demo HIS's key, from the file that init made."""
        for path in sorted(self.directory.rglob("*.json")):
            document = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(document, dict) and {"key_id", "secret_b64"} <= document.keys():
                return Credentials(document["key_id"], base64.b64decode(document["secret_b64"]))
        raise NotStarted(f"no HIS key under {self.directory}")

    def serve(self) -> str:
        """Start the server over TLS on a free port; gives its URL once it answers."""
        command = [*program("penward-server"), "serve", str(self.directory), "--tls", "--port", "0"]
        self._server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
        )
        if self._server.stdout is None:
            raise NotStarted("the server has no output")
        self.url = self._announced(self._server.stdout)
        self._await_health()
        return self.url

    def stop(self) -> None:
        """End the server and wait for it."""
        if self._server is None:
            return
        self._server.terminate()
        try:
            self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait(STOP_SECONDS)
        if self._server.stdout is not None:
            self._server.stdout.close()
        self._server = None

    @property
    def tls_root(self) -> Path:
        """The anchor that clients pin."""
        return next(self.directory.parent.joinpath("anchors").glob("tls-root-*.pem"))

    def _announced(self, output: IO[str]) -> str:
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_drain, args=(output, lines), daemon=True).start()
        deadline = time.monotonic() + START_SECONDS
        said: list[str] = []
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            said.append(line)
            if found := re.search(r"https?://[^\s，。]+", line):
                return found[0].rstrip("/")
        raise NotStarted("the server did not start:\n" + "".join(said))

    def _await_health(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with requests.Session() as session:
                    session.trust_env = False
                    if session.get(f"{self.url}/health", timeout=5, verify=str(self.tls_root)).ok:
                        return
            except requests.ConnectionError:
                time.sleep(0.05)
        raise NotStarted(f"{self.url} does not answer")


def _drain(output: IO[str], lines: queue.Queue[str | None]) -> None:
    try:
        for line in output:
            lines.put(line)
    except ValueError:
        pass
    lines.put(None)
