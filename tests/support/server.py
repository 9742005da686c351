"""A demo hospital for tests, its app in process, and clients enrolled with it."""

from __future__ import annotations

import base64
import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from server_stub.app import build_app, build_rooms, load_core
from server_stub.config import load_settings
from server_stub.core import Core
from server_stub.setup import Plan, make_hospital, read_passphrase
from tests.support.station import Answer, HisClient, StationClient

WARD = "外科一病区"


class Time:
    """A clock that a test can push forward."""

    def __init__(self) -> None:
        self.ahead = dt.timedelta()

    def __call__(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self.ahead


class Steps:
    """Records the steps of a flow, and does what a test asks at one of them."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.at: dict[str, Callable[[], None]] = {}

    def __call__(self, step: str) -> None:
        self.seen.append(step)
        self.at.get(step, lambda: None)()


@dataclass
class InProcess:
    """`Http` over starlette's TestClient."""

    client: TestClient

    def request(self, method: str, url: str, *, headers: Mapping[str, str], content: bytes) -> Answer:
        """One request."""
        return self.client.request(method, url, headers=dict(headers), content=content)


@dataclass
class Server:
    """A running app over a demo hospital's folder."""

    core: Core
    client: TestClient
    clock: Time
    steps: Steps
    his: HisClient
    http: InProcess = field(init=False)

    def __post_init__(self) -> None:
        self.http = InProcess(self.client)

    def station(self, ward: str = WARD, *, name: str = "床旁一号") -> StationClient:
        """A freshly enrolled station of a ward."""
        with self.core.store.database.write() as session:
            code = self.core.auth.make_enrolment_code(session, ward, valid=dt.timedelta(hours=1))
        return StationClient.enrol(self.http, code, name=name, clock=self.clock)

    def audited(self, subject: str | None = None) -> list[str]:
        """The kinds of the audit events in order, of one subject or all."""
        from sqlalchemy import select

        from server_stub.store import AuditEvent

        query = select(AuditEvent.kind).order_by(AuditEvent.at, AuditEvent.writer, AuditEvent.seq)
        if subject is not None:
            query = query.where(AuditEvent.subject == subject)
        with self.core.store.database.read() as session:
            return list(session.scalars(query))


def his_of(directory: Path, http: InProcess, clock: Callable[[], dt.datetime]) -> HisClient:
    """The demo HIS's client, with the key that `init` wrote."""
    made = json.loads((directory / "secrets" / "his-demo.json").read_text(encoding="utf-8"))
    return HisClient(http, made["key_id"], base64.b64decode(made["secret_b64"]), clock)


@contextmanager
def running(directory: Path) -> Iterator[Server]:
    """Serve a hospital's folder in this process."""
    clock, steps = Time(), Steps()
    core = load_core(
        load_settings(directory),
        read_passphrase(directory / "secrets" / "passphrase"),
        clock=clock,
        checkpoint=steps,
    )
    app: ASGIApp = build_app(core, build_rooms(core))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Server(core, client, clock, steps, his_of(directory, InProcess(client), clock))


@pytest.fixture(scope="session")
def made_hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo hospital that no test changes."""
    directory = tmp_path_factory.mktemp("hospital") / "demo"
    from server_stub.app import demo_loaders

    make_hospital(Plan(directory, "测试医院", True, None), demo_loaders=demo_loaders())
    return directory


@pytest.fixture
def hospital(made_hospital: Path, tmp_path: Path) -> Path:
    """A demo hospital of the test's own."""
    return Path(shutil.copytree(made_hospital, tmp_path / "hospital"))


@pytest.fixture
def server(hospital: Path) -> Iterator[Server]:
    """The app over a hospital of the test's own."""
    with running(hospital) as server:
        yield server
