"""Fixtures: a database on either engine, a store over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from server_stub.store import Database, Store
from tests.support.databases import database, empty_database, postgresql
from tests.support.server import Time

__all__ = ["database", "empty_database", "postgresql"]


@pytest.fixture
def clock() -> Time:
    """A clock that can be pushed forward."""
    return Time()


@pytest.fixture
def store(database: Database, tmp_path: Path, clock: Time) -> Store:
    """A store over a database with all tables."""
    return Store(database, tmp_path / "blobs", clock=clock)
