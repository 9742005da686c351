"""Affine matrices and boxes in millimetres, y down, as GB/T 33190-2016 writes them."""

from __future__ import annotations

import math
from typing import NamedTuple

from signing.ofd.markup import floats


class Matrix(NamedTuple):
    """x' = a·x + c·y + e, y' = b·x + d·y + f: the six numbers of a CTM in their order."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 1.0
    e: float = 0.0
    f: float = 0.0

    def then(self, outer: Matrix) -> Matrix:
        """First this matrix, then `outer`."""
        a, b, c, d, e, f = self
        oa, ob, oc, od, oe, of = outer
        return Matrix(
            a * oa + b * oc,
            a * ob + b * od,
            c * oa + d * oc,
            c * ob + d * od,
            e * oa + f * oc + oe,
            e * ob + f * od + of,
        )

    def map(self, x: float, y: float) -> tuple[float, float]:
        """The point after the matrix."""
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    @property
    def scale(self) -> float:
        """How much lengths grow, as the root of the area's growth."""
        return math.sqrt(abs(self.a * self.d - self.b * self.c))


IDENTITY = Matrix()


class Box(NamedTuple):
    """A rectangle: left, top, width, height in millimetres."""

    x: float
    y: float
    width: float
    height: float

    def mapped(self, matrix: Matrix) -> Box:
        """The upright box around this one after the matrix."""
        corners = [
            matrix.map(x, y) for x in (self.x, self.x + self.width) for y in (self.y, self.y + self.height)
        ]
        return around(corners)


def around(points: list[tuple[float, float]]) -> Box:
    """The smallest upright box that holds all the points; there must be one."""
    xs = [p[0] for p in points]
    ys = [p[1] for p in points]
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def translation(x: float, y: float) -> Matrix:
    """Move by (x, y)."""
    return Matrix(1.0, 0.0, 0.0, 1.0, x, y)


def rotation(degrees: int) -> Matrix:
    """Turn clockwise, as seen with y down, by a multiple of 90 degrees."""
    cos, sin = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[(degrees // 90) % 4]
    return Matrix(cos, sin, -sin, cos, 0.0, 0.0)


def parse_matrix(text: str | None) -> Matrix:
    """A CTM; what is not six numbers counts as none."""
    values = floats(text)
    return Matrix(*values) if len(values) == 6 else IDENTITY


def parse_box(text: str | None) -> Box | None:
    """An ST_Box; None when it is not four numbers."""
    values = floats(text)
    return Box(*values[:4]) if len(values) >= 4 else None
