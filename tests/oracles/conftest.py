"""Implementations that are not ours, started once a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracles.bouncy_castle import BouncyCastle, OracleMissing


@pytest.fixture(scope="session")
def bouncy_castle() -> Iterator[BouncyCastle]:
    """Bouncy Castle in one JVM; skips with the reason where Java or its jars are absent."""
    try:
        oracle = BouncyCastle()
    except OracleMissing as reason:
        pytest.skip(str(reason))
    yield oracle
    oracle.close()
