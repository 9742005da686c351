"""What every test gets: the shared samples, and a failure for each warning nobody expected."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test measures time: a busy machine must not make one fail.
settings.register_profile("penward", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("penward")

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "testdata"

ExpectedWarnings = Callable[[str, str], None]


@pytest.fixture(scope="session")
def shared_testdata() -> Path:
    """The folder of samples that others made; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("../shared/testdata is not there: samples made by others are not in the repository")
    return SHARED


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def expected_warnings() -> Iterator[ExpectedWarnings]:
    """Fail on any record at WARNING or above of Penward's loggers that the test did not announce.

    A test announces one by `expected_warnings("penward.mobile", "replayed")`: logger prefix and a
    regular expression for the message. An announced warning that never comes fails the test too.
    """
    announced: list[tuple[str, str]] = []
    recorder = _Recorder()
    logger = logging.getLogger("penward")
    logger.addHandler(recorder)
    try:
        yield lambda name, pattern: announced.append((name, pattern))
    finally:
        logger.removeHandler(recorder)
    unexpected = [r for r in recorder.records if not any(_matches(r, a) for a in announced)]
    missing = [a for a in announced if not any(_matches(r, a) for r in recorder.records)]
    assert not unexpected, [f"{r.name}: {r.getMessage()}" for r in unexpected]
    assert not missing, f"announced but never logged: {missing}"


def _matches(record: logging.LogRecord, announced: tuple[str, str]) -> bool:
    name, pattern = announced
    return record.name.startswith(name) and re.search(pattern, record.getMessage()) is not None
