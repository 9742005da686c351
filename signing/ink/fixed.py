"""Plane geometry in integers: lengths, directions, simplification. No float ever enters.

Lengths here are in 1/16 µm (`SUB` a µm), directions have length `ONE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

SUB = 16
ONE = 1 << 14

Point = tuple[int, int]


def nearest(value: int, divisor: int) -> int:
    """`value` by `divisor` (positive), rounded to the nearest integer, halves upward."""
    return (2 * value + divisor) // (2 * divisor)


def distance(a: Point, b: Point) -> int:
    """The distance of two points, rounded down."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    return isqrt(dx * dx + dy * dy)


def direction(dx: int, dy: int) -> Point:
    """The vector scaled to length `ONE`; (0, 0) when it has none."""
    # Scaled up first, so that a short vector keeps its direction.
    dx, dy = dx << 8, dy << 8
    length = isqrt(dx * dx + dy * dy)
    if length == 0:
        return (0, 0)
    return (nearest(dx * ONE, length), nearest(dy * ONE, length))


def simplify(points: Sequence[Point], tolerance: int) -> list[Point]:
    """Leave out points that lie within `tolerance` of the line between kept ones (Douglas and Peucker)."""
    if len(points) < 3:
        return list(points)
    keep = bytearray(len(points))
    keep[0] = keep[-1] = 1
    limit = tolerance * tolerance
    stack = [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        ax, ay = points[first]
        dx, dy = points[last][0] - ax, points[last][1] - ay
        square = dx * dx + dy * dy
        worst, where = -1, first
        for index in range(first + 1, last):
            px, py = points[index][0] - ax, points[index][1] - ay
            along = px * dx + py * dy
            if along <= 0 or square == 0:
                off = px * px + py * py
            elif along >= square:
                off = (px - dx) ** 2 + (py - dy) ** 2
            else:
                cross = px * dy - py * dx
                off = cross * cross // square
            if off > worst:
                worst, where = off, index
        if worst > limit:
            keep[where] = 1
            stack.append((first, where))
            stack.append((where, last))
    return [point for point, kept in zip(points, keep, strict=True) if kept]
