"""Finds words on pages and says where they stand, in millimetres."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from signing.ofd.displaylist import Group, Item, TextItem
from signing.ofd.errors import OfdError
from signing.ofd.geometry import Box, Matrix, around
from signing.ofd.model import Document
from signing.ofd.pages import page_display_list

_ASCENT = 0.86
_DESCENT = 0.14
_SAME_LINE = 0.35
"""Baselines nearer than this share of the smaller size are one line."""
_SAME_GLYPH = 0.2
"""The same character nearer than this share of its size was drawn twice (imitated bold)."""
_FAR = 12.0
"""A gap of more sizes than this parts a line in two (columns)."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A found text. `page` counts from 0; the upright box around it is in mm from the page's top left."""

    page: int
    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    text: str


@dataclass(frozen=True, slots=True)
class PlacedText:
    """Characters that share a glyph. `angle` is the writing direction in degrees, clockwise from rightward.

    `along` and `across` are the coordinates of the origin in and square to that direction, `advance` the
    width and `size` the height, all in mm; `box` is upright.
    """

    text: str
    angle: float
    along: float
    across: float
    advance: float
    size: float
    box: Box


def find_text(document: Document, text: str) -> list[Hit]:
    """Every place where the text stands on a line, by page, then from top to bottom, then from left to right.

    Looked for in the pages' own text and their templates, not in annotations and seals, so that signing
    does not change what is found. White space counts neither in `text` nor on the page. A line may be put
    together from many text objects.

    Raises:
        OfdError: a page is damaged.
    """
    return [hit for index in range(len(document.pages)) for hit in find_on_page(document, index, text)]


def find_on_page(document: Document, index: int, text: str) -> list[Hit]:
    """As `find_text`, on one page.

    Raises:
        OfdError: no such page, or it is damaged.
    """
    wanted = _squeeze(text)
    if not wanted:
        return []
    hits = []
    for line in page_lines(document, index):
        joined = "".join(_squeeze(p.text) for p in line)
        owners = [p for p in line for _ in _squeeze(p.text)]
        start = joined.find(wanted)
        while start >= 0:
            part = list(dict.fromkeys(owners[start : start + len(wanted)]))
            corners = [corner for p in part for corner in _corners(p.box)]
            box = around(corners)
            hits.append(Hit(index, box.x, box.y, box.width, box.height, "".join(p.text for p in part)))
            start = joined.find(wanted, start + len(wanted))
    return sorted(hits, key=lambda h: (round(h.y_mm + h.height_mm, 1), h.x_mm))


def nth_hit(document: Document, text: str, nth: int = 1) -> Hit:
    """The n-th place (from 1; -1 is the last) of the text in the document.

    Raises:
        OfdError: `ofd.text-not-found`, or a page is damaged.
    """
    hits = find_text(document, text)
    position = nth - 1 if nth > 0 else len(hits) + nth
    if nth == 0 or not 0 <= position < len(hits):
        raise OfdError("ofd.text-not-found", text=text[:40], nth=nth, count=len(hits))
    return hits[position]


def page_text(document: Document, index: int) -> str:
    """The page's words line by line, from top to bottom.

    Raises:
        OfdError: no such page, or it is damaged.
    """
    return "\n".join("".join(p.text for p in line) for line in page_lines(document, index))


def page_lines(document: Document, index: int) -> list[tuple[PlacedText, ...]]:
    """The glyphs of a page put together to lines, in reading order. Remembered by the document.

    Raises:
        OfdError: no such page, or it is damaged.
    """
    document.page(index)
    return document.memo(("lines", index), lambda: _lines(document, index))


def _lines(document: Document, index: int) -> list[tuple[PlacedText, ...]]:
    drawn = page_display_list(document, index, appearance=False)
    by_angle: dict[int, list[PlacedText]] = {}
    for placed in _placed(document, drawn.items):
        by_angle.setdefault(round(placed.angle / 2), []).append(placed)
    lines: list[tuple[PlacedText, ...]] = []
    for pieces in by_angle.values():
        pieces.sort(key=lambda p: p.across)
        row: list[PlacedText] = []
        for piece in pieces:
            if row and abs(piece.across - row[-1].across) > _SAME_LINE * min(piece.size, row[-1].size):
                lines += _split(row)
                row = []
            row.append(piece)
        lines += _split(row)
    return sorted(lines, key=lambda line: (round(line[0].box.y + line[0].box.height, 1), line[0].box.x))


def _split(row: list[PlacedText]) -> Iterator[tuple[PlacedText, ...]]:
    """A row from left to right, without glyphs drawn twice, parted where the gap is wide."""
    line: list[PlacedText] = []
    for piece in sorted(row, key=lambda p: p.along):
        double = any(
            other.text == piece.text and abs(other.along - piece.along) < _SAME_GLYPH * piece.size
            for other in line[-4:]
        )
        if double:
            continue
        if line and piece.along - (line[-1].along + line[-1].advance) > _FAR * piece.size:
            yield tuple(line)
            line = []
        line.append(piece)
    if line:
        yield tuple(line)


def _placed(document: Document, items: tuple[Item, ...]) -> Iterator[PlacedText]:
    for item in items:
        if isinstance(item, Group):
            yield from _placed(document, item.items)
        elif isinstance(item, TextItem):
            yield from _placed_run(document, item)


def _placed_run(document: Document, item: TextItem) -> Iterator[PlacedText]:
    matrix = item.matrix
    vertical = item.read_angle in (90, 270) or _runs_down(item)
    # Direction of writing on the page, from the run's own direction in object space.
    dx, dy = (0.0, 1.0) if vertical else (1.0, 0.0)
    if item.read_angle == 180:
        dx = -1.0
    wx, wy = matrix.a * dx + matrix.c * dy, matrix.b * dx + matrix.d * dy
    length = math.hypot(wx, wy)
    if length == 0:
        return
    cos, sin = wx / length, wy / length
    angle = math.degrees(math.atan2(sin, cos)) % 360
    size = item.size * matrix.scale
    for glyph in item.glyphs:
        if not glyph.text:
            continue
        width = document.fonts.advance(item.font, glyph.text, glyph.number) * item.size * item.h_scale
        cell = _cell(item, width).mapped(Matrix(1, 0, 0, 1, glyph.x, glyph.y).then(matrix))
        x, y = matrix.map(glyph.x, glyph.y)
        advance = item.size * length if vertical else width * length
        yield PlacedText(glyph.text, angle, x * cos + y * sin, y * cos - x * sin, advance, size, cell)


def _cell(item: TextItem, width: float) -> Box:
    """The em box of a glyph around its origin, after the glyph's own turn."""
    up, down = item.size * _ASCENT, item.size * _DESCENT
    if item.angle == 90:
        return Box(-down, 0.0, item.size, width)
    if item.angle == 180:
        return Box(-width, -down, width, item.size)
    if item.angle == 270:
        return Box(-up, -width, item.size, width)
    return Box(0.0, -up, width, item.size)


def _runs_down(item: TextItem) -> bool:
    """Whether the glyphs are written one under the other although no ReadDirection says so."""
    if len(item.glyphs) < 2:
        return False
    first, second = item.glyphs[0], item.glyphs[1]
    return abs(second.x - first.x) < 0.01 and abs(second.y - first.y) > 0.3 * item.size


def _corners(box: Box) -> list[tuple[float, float]]:
    return [(box.x, box.y), (box.x + box.width, box.y + box.height)]


def _squeeze(text: str) -> str:
    return "".join(text.split())
