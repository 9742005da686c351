"""The drawn picture of a signature: filled polygons in µm, canonical bytes, made again by anyone.

`draw_picture` computes the picture from the record by integer arithmetic alone; the digest of
`to_bytes()` is what the event certificate binds. Format: `docs/ink-format.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from signing.ink.errors import InkError
from signing.ink.fixed import SUB, Point, nearest
from signing.ink.model import InkRecord
from signing.ink.outline import polygons
from signing.ink.pen import spines
from signing.ink.raster import Raster, rasterise

MAX_PICTURE_BYTES = 16 * 1024 * 1024
MAX_SIDE_UM = 10_000_000
MAX_POLYGON_POINTS = 1_000_000

_HEAD = b"penward-picture 1"
_INTEGER = rb"(?:0|[1-9][0-9]{0,7})"
_SIZE_LINE = re.compile(rb"size (%s) (%s)" % (_INTEGER, _INTEGER))
_POLYGON_LINE = re.compile(rb"polygon(?: %s %s){3,}" % (_INTEGER, _INTEGER))


@dataclass(frozen=True, slots=True)
class InkPicture:
    """Filled polygons under the nonzero rule.

    `width_um` and `height_um` are the picture's size in µm, each polygon a closed ring of (x, y) in
    µm from the top left corner, y down, all within the size.
    """

    width_um: int
    height_um: int
    paths: tuple[tuple[Point, ...], ...]

    def to_bytes(self) -> bytes:
        """The canonical ASCII bytes.

        Raises:
            InkError: the picture breaks the format, which a drawn one never does.
        """
        lines = [_HEAD.decode("ascii"), f"size {self.width_um} {self.height_um}"]
        for path in self.paths:
            lines.append("polygon " + " ".join(f"{x} {y}" for x, y in path))
        lines.append("end\n")
        data = "\n".join(lines).encode("ascii")
        if InkPicture.from_bytes(data) != self:
            raise InkError("ink.bad-picture", line=0)
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> InkPicture:
        """Read canonical bytes; `to_bytes` of the result gives `data` again.

        Raises:
            InkError: `ink.picture-too-large` or `ink.bad-picture` with the line.
        """
        if len(data) > MAX_PICTURE_BYTES:
            raise InkError("ink.picture-too-large", limit=MAX_PICTURE_BYTES)
        lines = data.split(b"\n")
        if lines[0] != _HEAD:
            raise InkError("ink.bad-picture", line=1)
        size = _SIZE_LINE.fullmatch(lines[1]) if len(lines) > 1 else None
        if size is None:
            raise InkError("ink.bad-picture", line=2)
        width, height = int(size[1]), int(size[2])
        if not (0 < width <= MAX_SIDE_UM and 0 < height <= MAX_SIDE_UM):
            raise InkError("ink.bad-picture", line=2)
        if len(lines) < 4 or lines[-1] != b"" or lines[-2] != b"end":
            raise InkError("ink.bad-picture", line=len(lines))
        paths: list[tuple[Point, ...]] = []
        for number, line in enumerate(lines[2:-2], start=3):
            if not _POLYGON_LINE.fullmatch(line):
                raise InkError("ink.bad-picture", line=number)
            values = [int(value) for value in line.split(b" ")[1:]]
            path = tuple(zip(values[::2], values[1::2], strict=True))
            if any(x > width or y > height for x, y in path):
                raise InkError("ink.bad-picture", line=number)
            paths.append(path)
        return cls(width, height, tuple(paths))

    def raster(self, width_px: int) -> Raster:
        """The picture `width_px` wide, its height in proportion, with anti-aliased edges.

        Raises:
            InkError: `ink.raster-too-large`.
        """
        return rasterise(self.paths, self.width_um, self.height_um, width_px)


def draw_picture(record: InkRecord) -> InkPicture:
    """Draw the record's strokes, cropped to the ink with a margin of half the pen's full width.

    Raises:
        InkError: `ink.no-strokes`, `ink.too-complex`.
    """
    nib, ways = spines(record)
    tolerance = max(2 * SUB, nib.largest // 96)
    rings: list[tuple[Point, ...]] = []
    for way in ways:
        for polygon in polygons(way, tolerance):
            ring = _distinct([(nearest(x, SUB), nearest(y, SUB)) for x, y in polygon])
            if len(ring) >= 3:
                rings.append(tuple(ring))
    if sum(len(ring) for ring in rings) > MAX_POLYGON_POINTS:
        raise InkError("ink.too-complex")
    margin = nearest(nib.largest, SUB)
    left = min(x for ring in rings for x, _ in ring) - margin
    top = min(y for ring in rings for _, y in ring) - margin
    width = max(x for ring in rings for x, _ in ring) + margin - left
    height = max(y for ring in rings for _, y in ring) + margin - top
    paths = tuple(tuple((x - left, y - top) for x, y in ring) for ring in rings)
    return InkPicture(width, height, paths)


def _distinct(ring: list[Point]) -> list[Point]:
    """Without repeated neighbours."""
    return [point for index, point in enumerate(ring) if point != ring[index - 1]]
