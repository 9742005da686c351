"""Implementations that are not ours, started once a session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.oracles.bouncy_castle import BouncyCastle, OracleMissing
from tests.oracles.matrix import PROPERTY, Cell, lines


@pytest.fixture(scope="session")
def bouncy_castle() -> Iterator[BouncyCastle]:
    """Bouncy Castle in one JVM; skips with the reason where Java or its jars are absent."""
    try:
        oracle = BouncyCastle()
    except OracleMissing as reason:
        pytest.skip(str(reason))
    yield oracle
    oracle.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the matrix of all cells that were run, wherever they ran."""
    cells: list[Cell] = []
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == PROPERTY and getattr(report, "when", "") == "call":
                    cells.append((*value, "ok" if report.passed else "NO"))
    if cells:
        terminalreporter.section("oracle matrix: artefact and algorithm by implementation")
        for line in lines(cells):
            terminalreporter.write_line(line)
