"""A smooth line through samples as they come: Catmull-Rom through the last four points.

Presentation only. A piece, once given out, never changes; what is certain lags one sample behind the
pen, and `tail` bridges that for as long as it is true.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Dot(NamedTuple):
    """A point of the shown line: pixels and line width in pixels."""

    x: float
    y: float
    width: float


class Piece(NamedTuple):
    """A cubic Bézier piece from `a` to `d` by control points `b`, `c`, drawn with `width` pixels."""

    a: tuple[float, float]
    b: tuple[float, float]
    c: tuple[float, float]
    d: tuple[float, float]
    width: float


class Curve:
    """One stroke's line."""

    def __init__(self) -> None:
        self._points: list[Dot] = []

    def add(self, dot: Dot) -> Iterator[Piece]:
        """The pieces that a further point makes certain."""
        points = self._points
        points.append(dot)
        if len(points) == 3:
            yield _piece(points[0], points[0], points[1], points[2])
        elif len(points) > 3:
            yield _piece(points[-4], points[-3], points[-2], points[-1])
            del points[:-3]

    @property
    def tail(self) -> Piece | None:
        """From the last certain point straight to the newest sample: drawn over the rest, then dropped."""
        points = self._points
        if not points:
            return None
        return (
            _piece(points[-1], points[-1], points[-1], points[-1])
            if len(points) == 1
            else _piece(points[-2], points[-2], points[-1], points[-1])
        )

    def end(self) -> Iterator[Piece]:
        """The last piece, when the pen is lifted; a single point becomes a dot."""
        points = self._points
        if len(points) == 1:
            yield _piece(points[0], points[0], points[0], points[0])
        elif len(points) == 2:
            yield _piece(points[0], points[0], points[1], points[1])
        elif points:
            yield _piece(points[-3], points[-2], points[-1], points[-1])
        self._points = []


def _piece(p0: Dot, p1: Dot, p2: Dot, p3: Dot) -> Piece:
    return Piece(
        (p1.x, p1.y),
        (p1.x + (p2.x - p0.x) / 6, p1.y + (p2.y - p0.y) / 6),
        (p2.x - (p3.x - p1.x) / 6, p2.y - (p3.y - p1.y) / 6),
        (p2.x, p2.y),
        (p1.width + p2.width) / 2,
    )
