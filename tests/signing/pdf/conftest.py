"""One hospital and one signed document for all tests of the PDF room."""

from __future__ import annotations

import pytest

from tests.support.hospital import Hospital
from tests.support.pdfs import OTHER_BOX, plain_pdf, sign


@pytest.fixture(scope="session")
def hospital() -> Hospital:
    """Test certificates."""
    return Hospital()


@pytest.fixture(scope="session")
def plain() -> bytes:
    """One page without a signature."""
    return plain_pdf()


@pytest.fixture(scope="session")
def signed(hospital: Hospital, plain: bytes) -> bytes:
    """Signed once, by ink, with a time stamp."""
    return sign(hospital, plain)


@pytest.fixture(scope="session")
def signed_twice(hospital: Hospital, signed: bytes) -> bytes:
    """Signed by a second person after the first."""
    return sign(hospital, signed, box=OTHER_BOX, name="李明", seed=2, text=("李明 医师", "2026-06-01 12:00"))
