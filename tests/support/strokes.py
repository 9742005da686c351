"""Seeded, plausible pen strokes for tests: Chinese characters written at a lognormal pace.

Skeletons of a few characters are bent by a seeded hand, each stroke is run along with a lognormal
speed profile (the kinematic theory of rapid movements), and reported at the device's rate.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import pairwise

from signing.ink import IN_RANGE, TIP, InkDevice, Sample, encode_record

STU_540 = InkDevice(
    kind="stu-hid",
    model="STU-540",
    serial="SIM0001",
    firmware="1.8",
    max_x=10_800,
    max_y=6_480,
    max_pressure=1_023,
    width_um=108_000,
    height_um=64_800,
    rate_hz=200,
    time_unit_us=5_000,
    simulated=True,
)

Path = Sequence[tuple[float, float]]

# On a square of 100, y down; each stroke is a list of points that a smooth curve passes through.
CHARACTERS: dict[str, list[Path]] = {
    "王": [
        [(16, 16), (50, 14), (84, 12)],
        [(22, 48), (50, 46), (78, 44)],
        [(50, 14), (51, 50), (50, 86)],
        [(6, 88), (50, 86), (96, 84)],
    ],
    "小": [
        [(52, 8), (54, 50), (53, 86), (49, 91), (36, 82)],
        [(30, 34), (24, 52), (10, 68)],
        [(70, 32), (80, 46), (92, 64)],
    ],
    "明": [
        [(12, 18), (13, 50), (14, 80)],
        [(12, 18), (25, 16), (36, 14), (40, 15), (41, 20), (41, 50), (40, 78)],
        [(14, 46), (26, 45), (39, 44)],
        [(14, 77), (26, 76), (40, 75)],
        [(58, 10), (57, 50), (50, 76), (36, 96)],
        [(58, 10), (72, 9), (86, 7), (91, 8), (92, 14), (91, 50), (89, 88), (85, 93), (76, 86)],
        [(58, 36), (74, 35), (89, 34)],
        [(56, 60), (72, 59), (89, 58)],
    ],
    "李": [
        [(12, 22), (50, 19), (88, 16)],
        [(50, 4), (51, 26), (50, 50)],
        [(48, 22), (34, 38), (10, 52)],
        [(52, 22), (68, 36), (92, 48)],
        [(28, 56), (50, 54), (66, 51), (70, 52), (68, 56), (52, 66)],
        [(52, 64), (55, 78), (54, 93), (50, 97), (38, 89)],
        [(6, 76), (50, 73), (95, 70)],
    ],
    "永": [
        [(44, 4), (52, 10), (56, 18)],
        [(30, 26), (40, 25), (50, 23), (54, 24), (55, 30), (54, 60), (53, 88), (49, 93), (38, 84)],
        [(8, 46), (20, 44), (33, 41), (36, 42), (34, 48), (25, 64), (8, 82)],
        [(86, 28), (76, 38), (60, 48)],
        [(56, 44), (70, 66), (96, 88)],
    ],
}


def signature(
    name: str = "王小明",
    *,
    seed: int = 1,
    device: InkDevice = STU_540,
    first_sequence: int = 0,
    start_us: int = 1_000_000,
) -> list[Sample]:
    """Samples of `name` written across the device's area; the pen ends lifted and out of range."""
    rng = random.Random(seed)
    interval = 1_000_000 // (device.rate_hz or 200)
    size = min(device.max_y * 0.62, device.max_x * 0.9 / len(name))
    left = (device.max_x - size * len(name)) / 2
    top = (device.max_y - size) / 2
    slant, rise = rng.uniform(-0.10, 0.02), rng.uniform(-0.06, 0.03)
    samples: list[Sample] = []

    def report(x: float, y: float, pressure: float, flags: int) -> None:
        now = start_us + len(samples) * interval
        samples.append(
            Sample(
                device_time_us=now,
                host_time_us=now + 900 + rng.randrange(700),
                x=min(max(round(x), 0), device.max_x),
                y=min(max(round(y), 0), device.max_y),
                pressure=min(max(round(pressure), 1 if flags & TIP else 0), device.max_pressure),
                flags=flags,
                sequence=(first_sequence + len(samples)) % 65_536,
            )
        )

    pen = (left, top)
    for place, character in enumerate(name):
        for path in CHARACTERS[character]:
            bent = [
                (
                    left + size * (place + 0.06 + 0.0088 * (x + rng.gauss(0, 0.9)) + slant * (y - 50) / 100),
                    top + size * (0.0092 * (y + rng.gauss(0, 0.9)) + 0.04 + rise * (place + x / 100)),
                )
                for x, y in path
            ]
            _hover(report, pen, bent[0], rng)
            pen = _write(report, bent, rng, device, interval)
    _hover(report, pen, (pen[0] + size / 4, pen[1] - size / 5), rng)
    report(pen[0], pen[1], 0, 0)
    return samples


def record_bytes(name: str = "王小明", *, seed: int = 1, device: InkDevice = STU_540) -> bytes:
    """An ink record of `signature`."""
    return encode_record(
        device, signature(name, seed=seed, device=device), started_at_us=1_780_000_000_000_000
    )


def _hover(report, begin, end, rng) -> None:  # type: ignore[no-untyped-def]
    steps = 6 + rng.randrange(8)
    for step in range(1, steps):
        part = step / steps
        report(begin[0] + (end[0] - begin[0]) * part, begin[1] + (end[1] - begin[1]) * part, 0, IN_RANGE)


def _write(report, path, rng, device, interval):  # type: ignore[no-untyped-def]
    curve = _curve(path)
    lengths = [0.0]
    for a, b in pairwise(curve):
        lengths.append(lengths[-1] + math.dist(a, b))
    total = lengths[-1] * device.width_um / device.max_x / 1000  # mm
    duration = 0.10 + 0.011 * total * rng.uniform(0.85, 1.2) + 0.02 * (len(path) - 3)
    count = max(6, round(duration * 1_000_000 / interval))
    sigma, mode = 0.42, 0.40
    mu = math.log(mode) + sigma**2

    def gone(t: float) -> float:
        return 0.5 * (1 + math.erf((math.log(max(t, 1e-9)) - mu) / (sigma * math.sqrt(2))))

    force = rng.uniform(0.55, 0.72)
    phase = rng.uniform(0, math.tau)
    last = curve[0]
    for step in range(count):
        part = step / (count - 1)
        along = gone(part * 1.1) / gone(1.1) * lengths[-1]
        last = _at(curve, lengths, along)
        rise = min(1.0, 0.45 + part * 5) * min(1.0, 0.10 + (1 - part) * 3) ** 0.8
        press = force * rise * (1 + 0.10 * math.sin(phase + part * 5)) * device.max_pressure
        report(last[0] + rng.gauss(0, 0.6), last[1] + rng.gauss(0, 0.6), press, TIP | IN_RANGE)
    return last


def _curve(path: Path) -> list[tuple[float, float]]:
    """A uniform Catmull-Rom curve through the points."""
    points = [path[0], *path, path[-1]]
    curve = []
    for p0, p1, p2, p3 in zip(points, points[1:], points[2:], points[3:], strict=False):
        for step in range(24):
            t = step / 24
            curve.append(
                tuple(
                    0.5
                    * (
                        2 * b
                        + (c - a) * t
                        + (2 * a - 5 * b + 4 * c - d) * t * t
                        + (3 * b - a - 3 * c + d) * t**3
                    )
                    for a, b, c, d in zip(p0, p1, p2, p3, strict=True)
                )
            )
    return [*curve, path[-1]]  # type: ignore[list-item]


def _at(curve, lengths, along):  # type: ignore[no-untyped-def]
    low, high = 0, len(lengths) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if lengths[middle] <= along:
            low = middle
        else:
            high = middle
    span = lengths[high] - lengths[low] or 1.0
    part = min(1.0, (along - lengths[low]) / span)
    return tuple(a + (b - a) * part for a, b in zip(curve[low], curve[high], strict=True))
