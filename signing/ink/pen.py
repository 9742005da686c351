"""The pen that draws a picture: from samples to a smooth spine with a radius at each point.

Presentation only, and deterministic: integers throughout, so that anyone who has the record draws
the same picture byte for byte. The figures were chosen by looking at results at signature size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from signing.ink.errors import InkError
from signing.ink.fixed import ONE, SUB, Point, direction, distance, nearest
from signing.ink.model import InkRecord, Sample, strokes

MAX_DRAWN_SAMPLES = 200_000
MAX_SPINE_POINTS = 200_000

FULL = 1024
"""A weight of 1: pressure and speed are brought to 0 … FULL."""

_SMALLEST_REFERENCE = 6_000 * SUB
_LARGEST_REFERENCE = 60_000 * SUB
_MAX_SUBDIVISION = 64


class SpinePoint(NamedTuple):
    """A point of the pen's way and the radius it has there, in 1/16 µm."""

    x: int
    y: int
    radius: int


class _Touch(NamedTuple):
    """One place of the tip, in 1/16 µm, with pressure in device units and time in µs."""

    x: int
    y: int
    pressure: int
    time: int


@dataclass(frozen=True, slots=True)
class Nib:
    """The pen's radii for one record, in 1/16 µm, fitted to the size of the writing."""

    smallest: int
    largest: int
    usual_pressure: int
    usual_speed: int
    """Device units of pressure that count as full, and 1/16 µm per ms that count as usual."""


def spines(record: InkRecord) -> tuple[Nib, list[list[SpinePoint]]]:
    """The nib and one spine for each stroke, in the device's area, y down.

    Raises:
        InkError: there is nothing to draw (`ink.no-strokes`) or too much (`ink.too-complex`).
    """
    runs = strokes(record.samples)
    if not runs:
        raise InkError("ink.no-strokes")
    if sum(end - begin for begin, end in runs) > MAX_DRAWN_SAMPLES:
        raise InkError("ink.too-complex")
    use_device = len({s.device_time_us for begin, end in runs for s in record.samples[begin:end]}) > 1
    ways = [_touches(record, record.samples[begin:end], use_device) for begin, end in runs]
    nib = _nib(record, ways)
    result: list[list[SpinePoint]] = []
    total = 0
    for way in ways:
        spine = _spine(way, nib)
        total += len(spine)
        if total > MAX_SPINE_POINTS:
            raise InkError("ink.too-complex")
        result.append(spine)
    return nib, result


def _touches(record: InkRecord, samples: Sequence[Sample], use_device: bool) -> list[_Touch]:
    """One stroke in 1/16 µm, clamped to the area; reports that did not move are merged."""
    device = record.device
    way: list[_Touch] = []
    for sample in samples:
        x = min(max(sample.x, 0), device.max_x) * device.width_um * SUB // device.max_x
        y = min(max(sample.y, 0), device.max_y) * device.height_um * SUB // device.max_y
        time = sample.device_time_us if use_device else sample.host_time_us
        pressure = sample.pressure
        if way and way[-1].x == x and way[-1].y == y:
            pressure = max(pressure, way.pop().pressure)
        way.append(_Touch(x, y, pressure, time))
    return way


def _nib(record: InkRecord, ways: list[list[_Touch]]) -> Nib:
    xs = [touch.x for way in ways for touch in way]
    ys = [touch.y for way in ways for touch in way]
    width, height = max(xs) - min(xs), max(ys) - min(ys)
    reference = min(max(height, width // 3, _SMALLEST_REFERENCE), _LARGEST_REFERENCE)
    largest = reference * 10 // 400
    pressures = sorted(touch.pressure for way in ways for touch in way)
    usual = pressures[len(pressures) * 9 // 10] if record.device.max_pressure else 0
    speeds = sorted(
        distance(a[:2], b[:2]) * 1000 // (b.time - a.time)
        for way in ways
        for a, b in pairwise(way)
        if b.time > a.time
    )
    return Nib(
        smallest=largest // 5,
        largest=largest,
        usual_pressure=usual,
        usual_speed=speeds[len(speeds) // 2] if speeds else 0,
    )


def _spine(way: list[_Touch], nib: Nib) -> list[SpinePoint]:
    weights = _weights(way, nib)
    points = _binomial([(touch.x, touch.y) for touch in way])
    kept = _decimate(points, max(SUB, nib.largest // 3))
    points = [points[index] for index in kept]
    span = nib.largest - nib.smallest
    radii = [nib.smallest + span * weights[index] // FULL for index in kept]
    if len(points) == 1:
        return [SpinePoint(*points[0], max(radii[0], nib.largest * 3 // 5))]
    gaps = [max(1, distance(a, b)) for a, b in pairwise(points)]
    if not nib.usual_pressure:
        _taper(radii, gaps, nib)
    radii = _limit_change(radii, gaps)
    spine = _subdivide(points, radii, gaps, max(SUB, nib.largest // 4))
    smooth = _box(_box([point.radius for point in spine], 4), 4)
    return [SpinePoint(point.x, point.y, radius) for point, radius in zip(spine, smooth, strict=True)]


def _weights(way: list[_Touch], nib: Nib) -> list[int]:
    """How heavily the pen writes at each touch, 0 … FULL: by pressure, lightened by speed."""
    speeds = [0] * len(way)
    for index in range(len(way)):
        before, after = way[max(0, index - 2)], way[min(len(way) - 1, index + 2)]
        elapsed = after.time - before.time
        if elapsed > 0:
            speeds[index] = distance(before[:2], after[:2]) * 1000 // elapsed
    # 0 at rest, half at the usual speed, towards FULL for a flick.
    haste = [
        speed * FULL // (speed + nib.usual_speed) if speed + nib.usual_speed else FULL // 2
        for speed in speeds
    ]
    if nib.usual_pressure:
        weights = []
        for touch, fast in zip(way, haste, strict=True):
            press = min(FULL * 9 // 8, touch.pressure * FULL // nib.usual_pressure)
            weights.append(press * (FULL * 15 // 10 - fast * 9 // 10) // FULL)
    else:
        weights = [FULL - fast * 7 // 10 for fast in haste]
    clamped = [min(max(weight, 0), FULL) for weight in weights]
    return _box(_box(clamped, 2), 2)


def _box(values: list[int], reach: int) -> list[int]:
    """The mean over `reach` neighbours on both sides, the ends repeated."""
    padded = [values[0]] * reach + values + [values[-1]] * (reach + 1)
    sums = list(accumulate(padded, initial=0))
    width = 2 * reach + 1
    return [(sums[i + width] - sums[i]) // width for i in range(len(values))]


def _binomial(points: list[Point]) -> list[Point]:
    """Two passes of (1 2 1), ends kept: takes out the digitiser's trembling of single units."""
    for _ in range(2):
        if len(points) < 3:
            return points
        inner = [
            (nearest(a[0] + 2 * b[0] + c[0], 4), nearest(a[1] + 2 * b[1] + c[1], 4))
            for a, b, c in zip(points, points[1:], points[2:], strict=False)
        ]
        points = [points[0], *inner, points[-1]]
    return points


def _decimate(points: list[Point], spacing: int) -> list[int]:
    """Indices of points at least `spacing` apart; first and last always stay."""
    kept = [0]
    for index in range(1, len(points)):
        if distance(points[kept[-1]], points[index]) >= spacing:
            kept.append(index)
    last = len(points) - 1
    if kept[-1] != last:
        if len(kept) > 1:
            kept[-1] = last
        elif distance(points[0], points[last]) > 0:
            kept.append(last)
    return kept


def _limit_change(radii: list[int], gaps: list[int]) -> list[int]:
    """Let the radius grow or shrink by at most a quarter of the way gone."""
    radii = list(radii)
    for index in range(1, len(radii)):
        radii[index] = min(radii[index], radii[index - 1] + gaps[index - 1] // 4)
    for index in range(len(radii) - 2, -1, -1):
        radii[index] = min(radii[index], radii[index + 1] + gaps[index] // 4)
    return radii


def _taper(radii: list[int], gaps: list[int], nib: Nib) -> None:
    """Thin both ends, as the lifted pen of a device with pressure does."""
    reach = 6 * nib.largest
    for indices, steps, least in (
        (range(len(radii)), [0, *gaps], FULL * 7 // 10),
        (range(len(radii) - 1, -1, -1), [0, *reversed(gaps)], FULL * 3 // 10),
    ):
        gone = 0
        for index, step in zip(indices, steps, strict=True):
            gone += step
            if gone >= reach:
                break
            radii[index] = radii[index] * (least + (FULL - least) * gone // reach) // FULL


def _tangents(points: list[Point], gaps: list[int]) -> list[Point]:
    """Catmull-Rom tangents over chord lengths, as vectors of about length `ONE`."""
    chords = [direction(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
    inner = [
        (
            nearest(before[0] * after_gap + after[0] * before_gap, before_gap + after_gap),
            nearest(before[1] * after_gap + after[1] * before_gap, before_gap + after_gap),
        )
        for before, after, before_gap, after_gap in zip(chords, chords[1:], gaps, gaps[1:], strict=False)
    ]
    if not inner:
        return [chords[0], chords[0]]
    first = _end_tangent(chords[0], inner[0])
    last = _end_tangent(chords[-1], inner[-1])
    return [first, *inner, last]


def _end_tangent(chord: Point, neighbour: Point) -> Point:
    return (nearest(3 * chord[0] - neighbour[0], 2), nearest(3 * chord[1] - neighbour[1], 2))


def _subdivide(points: list[Point], radii: list[int], gaps: list[int], step: int) -> list[SpinePoint]:
    """Cubic Hermite segments through the points, each cut into steps of about `step`."""
    tangents = _tangents(points, gaps)
    result = [SpinePoint(*points[0], radii[0])]
    for index, gap in enumerate(gaps):
        (x0, y0), (x1, y1) = points[index], points[index + 1]
        (tx0, ty0), (tx1, ty1) = tangents[index], tangents[index + 1]
        r0, r1 = radii[index], radii[index + 1]
        n = min(_MAX_SUBDIVISION, 1 + gap // step)
        cube = n * n * n
        for k in range(1, n):
            k2, k3 = k * k, k * k * k
            h01 = 3 * k2 * n - 2 * k3
            h00 = cube - h01
            h10 = k3 - 2 * k2 * n + k * n * n
            h11 = k3 - k2 * n
            x = nearest((h00 * x0 + h01 * x1) * ONE + (h10 * tx0 + h11 * tx1) * gap, cube * ONE)
            y = nearest((h00 * y0 + h01 * y1) * ONE + (h10 * ty0 + h11 * ty1) * gap, cube * ONE)
            result.append(SpinePoint(x, y, r0 + (r1 - r0) * k // n))
        result.append(SpinePoint(x1, y1, r1))
    return result
