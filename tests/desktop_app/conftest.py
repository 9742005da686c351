"""One QApplication for the whole test process, made before any painter makes a smaller one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from desktop_app.assembly import make_application
from desktop_app.qt import QApplication
from desktop_app.station import Station
from tests.desktop_app.fake_server import FakeServer, enrolled_station

APPLICATION = make_application()


@pytest.fixture
def app() -> QApplication:
    """The application."""
    return APPLICATION


@pytest.fixture
def fake_server() -> FakeServer:
    """A server with one OFD task that waits."""
    return FakeServer()


@pytest.fixture
def station(fake_server: FakeServer, tmp_path: Path) -> Iterator[Station]:
    """A station enrolled with the fake server's hospital."""
    made = enrolled_station(fake_server, tmp_path / "station")
    yield made
    made.close()
