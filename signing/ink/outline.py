"""From a spine with radii to filled polygons: offset sides, round caps, a new polygon at each fold.

Every polygon turns the same way and never folds back on itself locally, so the union of all of them
under the nonzero rule is exactly the inked area, however a stroke crosses itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from signing.ink.fixed import ONE, Point, direction, nearest, simplify
from signing.ink.pen import SpinePoint

# cos and sin of 15 degrees, by ONE
_COS = 15826
_SIN = 4240
_CAP_STEPS = 12


def polygons(spine: Sequence[SpinePoint], tolerance: int) -> list[list[Point]]:
    """The closed polygons of one stroke, in the spine's unit; `tolerance` for leaving out points."""
    if len(spine) == 1:
        return [_disc(spine[0])]
    normals = _normals(spine)
    left = [_offset(point, normal, 1) for point, normal in zip(spine, normals, strict=True)]
    right = [_offset(point, normal, -1) for point, normal in zip(spine, normals, strict=True)]
    result: list[list[Point]] = []
    begin = 0
    for index in range(len(spine) - 1):
        if index > begin and not _sound(left, right, index):
            result.append(_closed(spine, normals, left, right, begin, index, tolerance))
            begin = index
        if not _sound(left, right, index):
            result.append(_capsule(spine[index], spine[index + 1]))
            begin = index + 1
    if begin < len(spine) - 1:
        result.append(_closed(spine, normals, left, right, begin, len(spine) - 1, tolerance))
    elif not result:
        result.append(_disc(spine[-1]))
    return result


def _normals(spine: Sequence[SpinePoint]) -> list[Point]:
    """Unit normals to the left of the way (y down), from the neighbours on both sides."""
    last = len(spine) - 1
    normals: list[Point] = []
    for index in range(len(spine)):
        before, after = spine[max(0, index - 1)], spine[min(last, index + 1)]
        dx, dy = direction(after.x - before.x, after.y - before.y)
        if (dx, dy) == (0, 0):
            dx, dy = (normals[-1][1], -normals[-1][0]) if normals else (ONE, 0)
        normals.append((-dy, dx))
    return normals


def _offset(point: SpinePoint, normal: Point, side: int) -> Point:
    radius = side * point.radius
    return (point.x + nearest(normal[0] * radius, ONE), point.y + nearest(normal[1] * radius, ONE))


def _sound(left: Sequence[Point], right: Sequence[Point], index: int) -> bool:
    """Whether the piece between two spine points turns the right way in both of its triangles."""
    a, b = left[index], left[index + 1]
    c, d = right[index + 1], right[index]
    return _turn(a, b, c) < 0 and _turn(a, c, d) < 0


def _turn(a: Point, b: Point, c: Point) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _closed(
    spine: Sequence[SpinePoint],
    normals: Sequence[Point],
    left: Sequence[Point],
    right: Sequence[Point],
    begin: int,
    end: int,
    tolerance: int,
) -> list[Point]:
    """Left side, round cap, right side backwards, round cap."""
    ring = simplify(left[begin : end + 1], tolerance)
    ring += _cap(spine[end], normals[end])
    ring += simplify(right[begin : end + 1], tolerance)[::-1]
    back = normals[begin]
    ring += _cap(spine[begin], (-back[0], -back[1]))
    return ring


def _cap(centre: SpinePoint, normal: Point) -> list[Point]:
    """The inner points of the half circle that leads from `normal` round the front to its opposite."""
    x, y = normal
    points: list[Point] = []
    for _ in range(_CAP_STEPS - 1):
        x, y = nearest(x * _COS + y * _SIN, ONE), nearest(y * _COS - x * _SIN, ONE)
        points.append(
            (centre.x + nearest(x * centre.radius, ONE), centre.y + nearest(y * centre.radius, ONE))
        )
    return points


def _disc(centre: SpinePoint) -> list[Point]:
    up, down = (0, ONE), (0, -ONE)
    return [
        _offset(centre, up, 1),
        *_cap(centre, up),
        _offset(centre, down, 1),
        *_cap(centre, down),
    ]


def _capsule(a: SpinePoint, b: SpinePoint) -> list[Point]:
    """A straight piece with its own normals: the way turns too sharply here for shared ones."""
    dx, dy = direction(b.x - a.x, b.y - a.y)
    if (dx, dy) == (0, 0):
        return _disc(a if a.radius > b.radius else b)
    normal, back = (-dy, dx), (dy, -dx)
    return [
        _offset(a, normal, 1),
        _offset(b, normal, 1),
        *_cap(b, normal),
        _offset(b, normal, -1),
        _offset(a, normal, -1),
        *_cap(a, back),
    ]
