"""What can go wrong with the time, in the catalogue `clock`."""

from __future__ import annotations

from signing.verdict import PenwardError


class ClockError(PenwardError):
    """A packet, a sentence, a source or a setting of the clock that is not good."""
