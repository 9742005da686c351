"""Reads the path language of AbbreviatedData (GB/T 33190-2016, 9.1, table 35); arcs become Béziers."""

from __future__ import annotations

import math
import re

from signing.ofd.displaylist import Segment
from signing.ofd.geometry import Box, Matrix, around

_TOKEN = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[A-Za-z]")
_COUNT = {"S": 2, "M": 2, "L": 2, "Q": 4, "B": 6, "A": 7, "C": 0}
MOST_SEGMENTS = 400_000


def parse_path(text: str) -> tuple[tuple[Segment, ...], bool]:
    """The segments, and whether all of the text was understood.

    Operators may run together (`CM`), and further operands after the first set repeat the operator. Reading
    stops at the first thing that is none of the language.
    """
    segments: list[Segment] = []
    tokens = _TOKEN.findall(text)
    position, end = 0, len(tokens)
    here = start = (0.0, 0.0)
    operator = ""
    while position < end:
        token = tokens[position]
        if token[0].isalpha():
            operator = token
            position += 1
            if operator not in _COUNT:
                return tuple(segments), False
        elif not operator or not _COUNT[operator]:
            return tuple(segments), False
        count = _COUNT[operator]
        try:
            values = tuple(map(float, tokens[position : position + count]))
        except ValueError:
            return tuple(segments), False
        if len(values) < count or any(abs(v) > 1e7 for v in values):
            return tuple(segments), False
        position += count
        if operator in "SM":
            start = here = (values[0], values[1])
            segments.append(("M", here))
        elif operator == "C":
            if segments:
                segments.append(("C", ()))
            here = start
        else:
            if not segments:
                segments.append(("M", here))
            if operator == "A":
                segments += arc(here, values)
            else:
                segments.append((operator, values))
            here = (values[-2], values[-1])
        if len(segments) > MOST_SEGMENTS:
            return tuple(segments), False
    return tuple(segments), True


def arc(start: tuple[float, float], values: tuple[float, ...]) -> list[Segment]:
    """An elliptical arc as cubic Béziers.

    `values`: rx, ry, angle of the x axis in degrees, large (1) or small arc, sweep (1 is clockwise with y
    down), end x, end y. Radii that cannot reach are enlarged; a zero radius gives a line.
    """
    rx, ry, angle, large, sweep, x2, y2 = values
    x1, y1 = start
    rx, ry = abs(rx), abs(ry)
    if rx == 0 or ry == 0 or (x1, y1) == (x2, y2):
        return [("L", (x2, y2))]
    phi = math.radians(angle % 360)
    cos, sin = math.cos(phi), math.sin(phi)
    dx, dy = (x1 - x2) / 2, (y1 - y2) / 2
    px, py = cos * dx + sin * dy, -sin * dx + cos * dy
    grow = (px / rx) ** 2 + (py / ry) ** 2
    if grow > 1:
        rx, ry = rx * math.sqrt(grow), ry * math.sqrt(grow)
    weight = (rx * ry) ** 2 / ((rx * py) ** 2 + (ry * px) ** 2) - 1
    factor = math.sqrt(max(0.0, weight)) * (-1 if bool(large) == bool(sweep) else 1)
    cx, cy = factor * rx * py / ry, -factor * ry * px / rx
    first = math.atan2((py - cy) / ry, (px - cx) / rx)
    last = math.atan2((-py - cy) / ry, (-px - cx) / rx)
    span = last - first
    if sweep and span < 0:
        span += 2 * math.pi
    elif not sweep and span > 0:
        span -= 2 * math.pi
    center = Matrix(cos, sin, -sin, cos, (x1 + x2) / 2, (y1 + y2) / 2)
    pieces = max(1, math.ceil(abs(span) / (math.pi / 2) - 1e-9))
    step = span / pieces
    k = 4 / 3 * math.tan(step / 4)
    segments: list[Segment] = []
    for piece in range(pieces):
        a, b = first + piece * step, first + (piece + 1) * step
        points = (
            (cx + rx * (math.cos(a) - k * math.sin(a)), cy + ry * (math.sin(a) + k * math.cos(a))),
            (cx + rx * (math.cos(b) + k * math.sin(b)), cy + ry * (math.sin(b) - k * math.cos(b))),
            (cx + rx * math.cos(b), cy + ry * math.sin(b)),
        )
        flat = [value for point in points for value in center.map(*point)]
        if piece == pieces - 1:
            flat[4:] = [x2, y2]
        segments.append(("B", tuple(flat)))
    return segments


def bounds(segments: tuple[Segment, ...]) -> Box | None:
    """The box around all end and control points; None for an empty path."""
    points = [(values[i], values[i + 1]) for _, values in segments for i in range(0, len(values) - 1, 2)]
    return around(points) if points else None


def path_length(segments: tuple[Segment, ...]) -> float:
    """An upper bound of the path's length: along end and control points."""
    length = 0.0
    here = start = (0.0, 0.0)
    for operator, values in segments:
        points = [(values[i], values[i + 1]) for i in range(0, len(values) - 1, 2)]
        if operator == "M":
            here = start = points[0]
            continue
        for point in points or [start]:
            length += math.dist(here, point)
            here = point
    return length
