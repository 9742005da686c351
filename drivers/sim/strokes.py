"""A hand for the simulated pad: signatures from a seed, with strokes as Chinese characters have them.

Each character is a list of strokes in a box of 100 × 100; the pen follows a smooth curve through
their points with the speed profile of a human stroke (slow, fast, slow) and a pressure that rises
and falls. The same seed gives the same signature.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from signing.ink import InkRecord

Point = tuple[float, float]
Stroke = tuple[Point, ...]


class PenPoint(NamedTuple):
    """Where a pen is: `time_us` since the beginning, device units, pressure 0 when it hovers."""

    time_us: int
    x: int
    y: int
    pressure: int
    in_range: bool


SURNAMES: dict[str, tuple[Stroke, ...]] = {
    "王": (
        ((15, 20), (50, 19), (85, 17)),
        ((22, 48), (50, 47), (78, 45)),
        ((50, 20), (51, 50), (50, 82)),
        ((8, 85), (50, 83), (92, 81)),
    ),
    "李": (
        ((15, 20), (50, 19), (86, 17)),
        ((50, 3), (51, 28), (50, 50)),
        ((49, 20), (34, 36), (10, 48)),
        ((51, 20), (66, 36), (90, 47)),
        ((32, 58), (70, 56), (54, 68)),
        ((54, 67), (57, 84), (54, 97), (44, 91)),
        ((10, 78), (50, 76), (92, 74)),
    ),
    "林": (
        ((6, 32), (26, 31), (45, 29)),
        ((26, 6), (27, 50), (26, 93)),
        ((26, 32), (18, 54), (4, 70)),
        ((27, 36), (35, 48), (43, 58)),
        ((52, 32), (74, 31), (96, 28)),
        ((73, 6), (74, 50), (73, 93)),
        ((73, 32), (64, 56), (48, 74)),
        ((74, 34), (84, 58), (98, 80)),
    ),
}
GIVEN_NAMES: dict[str, tuple[Stroke, ...]] = {
    "小": (
        ((50, 8), (51, 50), (50, 88), (40, 80)),
        ((32, 40), (27, 54), (16, 68)),
        ((68, 40), (76, 52), (86, 66)),
    ),
    "明": (
        ((16, 20), (17, 48), (17, 76)),
        ((16, 20), (30, 19), (42, 19), (43, 48), (42, 76)),
        ((17, 46), (30, 45), (42, 45)),
        ((17, 73), (30, 72), (42, 72)),
        ((58, 14), (59, 50), (56, 74), (46, 92)),
        ((58, 14), (74, 13), (87, 13), (88, 50), (87, 88), (78, 81)),
        ((59, 37), (74, 36), (87, 36)),
        ((59, 59), (74, 58), (87, 58)),
    ),
    "文": (
        ((48, 4), (53, 9), (57, 17)),
        ((10, 29), (50, 27), (90, 25)),
        ((63, 28), (52, 58), (36, 78), (12, 93)),
        ((30, 34), (46, 60), (66, 80), (92, 93)),
    ),
    "大": (
        ((12, 36), (50, 34), (88, 31)),
        ((50, 8), (49, 38), (36, 68), (10, 92)),
        ((50, 40), (60, 62), (74, 80), (92, 92)),
    ),
    "玉": (
        ((18, 20), (50, 19), (82, 17)),
        ((24, 48), (50, 47), (76, 45)),
        ((50, 20), (51, 50), (50, 82)),
        ((8, 85), (50, 83), (92, 81)),
        ((64, 58), (70, 63), (75, 71)),
    ),
}


def signature(
    seed: int,
    *,
    max_x: int = 10800,
    max_y: int = 6480,
    max_pressure: int = 1023,
    rate_hz: int = 200,
) -> list[PenPoint]:
    """A signature of two or three characters in device units, sampled at `rate_hz`."""
    rng = random.Random(seed)  # noqa: S311  a plausible hand, not a secret
    names = [rng.choice(sorted(SURNAMES)), *rng.sample(sorted(GIVEN_NAMES), rng.choice((1, 2)))]
    glyphs = [SURNAMES.get(name) or GIVEN_NAMES[name] for name in names]
    box = min(max_y * 0.5, max_x * 0.8 / len(glyphs))
    left, top = (max_x - box * 1.08 * len(glyphs)) / 2, (max_y - box) / 2
    writer = _Writer(rng, rate_hz, max_x, max_y, max_pressure)
    for index, glyph in enumerate(glyphs):
        slant, lift = rng.uniform(-0.06, 0.02), rng.uniform(-0.06, 0.06) * box
        for stroke in glyph:
            writer.stroke(
                [
                    (
                        left + index * box * 1.08 + (x + slant * (50 - y) + rng.gauss(0, 1.3)) / 100 * box,
                        top + lift + (y + rng.gauss(0, 1.3)) / 100 * box,
                    )
                    for x, y in stroke
                ]
            )
        writer.away(rng.uniform(0.09, 0.22))
    return writer.points


def from_record(record: InkRecord) -> list[PenPoint]:
    """The pen movements of a recorded signature, to be written again by the simulated pad."""
    if not record.samples:
        return []
    begin = record.samples[0].device_time_us
    return [
        PenPoint(s.device_time_us - begin, s.x, s.y, s.pressure if s.flags & 1 else 0, bool(s.flags & 2))
        for s in record.samples
    ]


class _Writer:
    """Lays samples one period apart along strokes, hovers between them, and leaves the pad."""

    def __init__(self, rng: random.Random, rate_hz: int, max_x: int, max_y: int, max_pressure: int) -> None:
        self.points: list[PenPoint] = []
        self._rng = rng
        self._period = 1 / rate_hz
        self._limits = (max_x, max_y, max_pressure)
        self._count = 0
        self._at: Point | None = None

    def stroke(self, controls: Sequence[Point]) -> None:
        """Hover to the first point, then write to the last."""
        max_x, _, max_pressure = self._limits
        path = list(_curve(controls))
        if self._at is not None:
            self._hover(self._at, path[0])
        lengths = [0.0]
        for a, b in itertools.pairwise(path):
            lengths.append(lengths[-1] + math.dist(a, b))
        seconds = 0.10 + 0.55 * lengths[-1] / (max_x * 0.3) * self._rng.uniform(0.8, 1.25)
        steps = max(4, round(seconds / self._period))
        force = self._rng.uniform(0.5, 0.78) * max_pressure
        for step in range(steps + 1):
            t = step / steps
            along = t * t * t * (10 - 15 * t + 6 * t * t) * lengths[-1]
            swell = math.sin(math.pi * (0.06 + 0.88 * t)) ** 0.45
            pressure = force * swell * (1 + self._rng.gauss(0, 0.012))
            self._add(_at_length(path, lengths, along), max(24, round(pressure)), True)
        self._at = path[-1]

    def away(self, seconds: float) -> None:
        """Lift the pen out of range: one last report, then silence."""
        if self._at is not None:
            self._add(self._at, 0, False)
        self._at = None
        self._count += round(seconds / self._period)

    def _hover(self, begin: Point, end: Point) -> None:
        max_x = self._limits[0]
        seconds = 0.05 + 0.16 * math.dist(begin, end) / (max_x * 0.2)
        steps = max(3, round(seconds / self._period))
        for step in range(1, steps):
            t = step / steps
            along = t * t * (3 - 2 * t)
            self._add(
                (begin[0] + (end[0] - begin[0]) * along, begin[1] + (end[1] - begin[1]) * along), 0, True
            )

    def _add(self, at: Point, pressure: int, in_range: bool) -> None:
        max_x, max_y, max_pressure = self._limits
        x = min(max(round(at[0] + self._rng.gauss(0, 1.5)), 0), max_x)
        y = min(max(round(at[1] + self._rng.gauss(0, 1.5)), 0), max_y)
        time_us = round(self._count * self._period * 1e6)
        self.points.append(PenPoint(time_us, x, y, min(pressure, max_pressure), in_range))
        self._count += 1


def _curve(points: Sequence[Point], steps: int = 24) -> Iterable[Point]:
    """A Catmull-Rom curve through `points`."""
    padded = [points[0], *points, points[-1]]
    yield points[0]
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(1, steps + 1):
            t = step / steps
            yield (_spline(p0[0], p1[0], p2[0], p3[0], t), _spline(p0[1], p1[1], p2[1], p3[1], t))


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3)


def _at_length(path: Sequence[Point], lengths: Sequence[float], along: float) -> Point:
    low, high = 0, len(lengths) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if lengths[middle] <= along:
            low = middle
        else:
            high = middle
    span = lengths[high] - lengths[low] or 1.0
    t = (along - lengths[low]) / span
    a, b = path[low], path[high]
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t)
