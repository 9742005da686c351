"""R20: the hand of the simulated pad: plausible, inside the pad, the same for the same seed."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.sim.strokes import signature


@given(st.integers(0, 2**32), st.sampled_from([133, 200, 500]))
@settings(max_examples=25)
def test_signatures_stay_on_the_pad_and_in_time(seed: int, rate: int) -> None:
    """R20: coordinates and pressure in range, times rising by whole periods, pen away at the end."""
    points = signature(seed, rate_hz=rate)
    assert all(0 <= p.x <= 10800 and 0 <= p.y <= 6480 and 0 <= p.pressure <= 1023 for p in points)
    assert all(b.time_us > a.time_us for a, b in itertools.pairwise(points))
    assert not points[-1].in_range
    assert sum(bool(p.pressure) for p in points) > 0.3 * len(points)
    assert points == signature(seed, rate_hz=rate)


def test_seeds_differ() -> None:
    """R20: two seeds are two signatures."""
    assert signature(1) != signature(2)
