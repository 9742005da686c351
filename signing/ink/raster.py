"""Polygons to grey pixels by integers: exact cover along x, sixteen lines a pixel along y."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from signing.ink.errors import InkError
from signing.ink.fixed import Point

MAX_PIXELS = 16_000_000
_LINES = 16
"""Scan lines in a pixel."""
_STEPS = 256
"""Steps in a pixel along x."""


@dataclass(frozen=True, slots=True)
class Raster:
    """Rows of grey bytes from the top: 255 paper, 0 full ink."""

    width: int
    height: int
    gray: bytes


def rasterise(paths: Sequence[Sequence[Point]], width_um: int, height_um: int, width_px: int) -> Raster:
    """Fill closed polygons under the nonzero rule, scaled so that `width_um` gives `width_px`.

    Raises:
        InkError: `ink.raster-too-large`.
    """
    height_px = max(1, -(-height_um * width_px // width_um)) if width_px > 0 else 0
    if not (0 < width_px <= MAX_PIXELS and width_px * height_px <= MAX_PIXELS):
        raise InkError("ink.raster-too-large", limit=MAX_PIXELS)
    crossings = _crossings(paths, width_um, width_px, height_px * _LINES)
    rows: list[bytes] = []
    full = _LINES * _STEPS
    for row in range(height_px):
        # delta[i] and its running sum give the cover of pixel i, in steps times lines.
        delta = [0] * (width_px + 2)
        touched = False
        for line in crossings[row * _LINES : (row + 1) * _LINES]:
            if line:
                touched = True
                _add_spans(sorted(line), delta, width_px * _STEPS)
        if touched:
            rows.append(
                bytes(255 - (cover * 255 + full // 2) // full for cover in accumulate(delta[:width_px]))
            )
        else:
            rows.append(b"\xff" * width_px)
    return Raster(width_px, height_px, b"".join(rows))


def _crossings(
    paths: Sequence[Sequence[Point]], width_um: int, width_px: int, line_count: int
) -> list[list[tuple[int, int]]]:
    """For each scan line the places (in steps) where an edge crosses it, with +1 down or -1 up.

    Line `j` lies at y = (2j + 1)/2 scan lines, that is at `(2j + 1) · width_um` in units of
    µm · 2 · _LINES · width_px, in which every comparison below is exact.
    """
    lines: list[list[tuple[int, int]]] = [[] for _ in range(line_count)]
    unit = 2 * _LINES * width_px
    for path in paths:
        x0, y0 = path[-1]
        for x1, y1 in path:
            if y0 != y1:
                (ax, ay, bx, by, way) = (x0, y0, x1, y1, 1) if y0 < y1 else (x1, y1, x0, y0, -1)
                # First line at or below ay, first line at or below by: a half-open range.
                first = max(0, -((width_um - ay * unit) // (2 * width_um)))
                beyond = min(line_count, -((width_um - by * unit) // (2 * width_um)))
                slope, height = bx - ax, by - ay
                for j in range(first, beyond):
                    # x in steps at the line's y: ax + slope * (y - ay) / height, times steps per µm.
                    numerator = ax * height * unit + slope * ((2 * j + 1) * width_um - ay * unit)
                    denominator = height * unit * width_um
                    place = (2 * numerator * width_px * _STEPS + denominator) // (2 * denominator)
                    lines[j].append((place, way))
            x0, y0 = x1, y1
    return lines


def _add_spans(line: list[tuple[int, int]], delta: list[int], end: int) -> None:
    winding = 0
    start = 0
    for place, way in line:
        before = winding
        winding += way
        if before == 0:
            start = place
        elif winding == 0:
            _add_edge(delta, min(max(start, 0), end), 1)
            _add_edge(delta, min(max(place, 0), end), -1)


def _add_edge(delta: list[int], place: int, way: int) -> None:
    """Cover begins (or ends) at `place`: the pixel it falls in gets its part, the next the rest."""
    pixel, inside = divmod(place, _STEPS)
    delta[pixel] += way * (_STEPS - inside)
    delta[pixel + 1] += way * inside
