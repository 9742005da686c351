"""Refusals of `handwriting` that say what is wrong with the evidence itself."""

from __future__ import annotations

from server_stub.errors import Unprocessable


class EvidenceRefused(Unprocessable):
    """The package was opened and what is in it cannot become a signature."""
