"""What the tests of OFD documents share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def samples(shared_testdata: Path) -> list[Path]:
    """Every OFD among the shared samples."""
    found = sorted((shared_testdata / "ofd").rglob("*.ofd"))
    assert len(found) > 40
    return found
