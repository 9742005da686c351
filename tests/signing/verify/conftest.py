"""A hospital for the tests of penward-verify."""

from __future__ import annotations

import pytest

from tests.support.hospital import Hospital


@pytest.fixture(scope="session")
def hospital() -> Hospital:
    """One set of test certificates."""
    return Hospital()
