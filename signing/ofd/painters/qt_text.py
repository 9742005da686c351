"""Draws glyph runs: by Qt's glyph cache where it can, by outlines where a line or a shading is wanted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGlyphRun, QPainter, QPainterPath, QPen, QTransform

from signing.ofd.displaylist import Color, Glyph, TextItem
from signing.ofd.geometry import Matrix, rotation
from signing.ofd.painters.qt_fonts import BASE_SIZE, Face, FontShelf, Found, outline_path
from signing.ofd.painters.qt_paths import brush, pen, qt_color, transform

_BOLD_SHARE = 0.03
"""Line width, in ems, that imitates bold."""
_SLANT = 0.25
_SMALLEST_PIXELS = 0.3
_LARGEST_PIXELS = 60.0
"""Above this, glyphs are filled as outlines: Qt's cache takes glyphs below 64 pixels, and runs of larger ones
came out empty (PySide6 6.11.3, fonts loaded by QRawFont)."""


def draw_text(painter: QPainter, shelf: FontShelf, item: TextItem, device: Matrix) -> None:
    """Draw one run. `device` leads from page mm to pixels."""
    matrix = item.matrix.then(device)
    found = shelf.glyphs(item)
    shape = Matrix(item.h_scale, 0.0, -_SLANT if _slanted(item) else 0.0, 1.0, 0.0, 0.0)
    if item.angle:
        shape = shape.then(rotation(item.angle))
    linear = shape.then(Matrix(matrix.a, matrix.b, matrix.c, matrix.d))
    pixels = item.size * linear.scale
    if pixels < _SMALLEST_PIXELS:
        return
    embedded = item.font is not None and item.font.member is not None
    bold = (embedded and item.weight >= 600) or any(f and f.face and f.face.thin for f, _ in found)
    largest = item.size * max(math.hypot(linear.a, linear.b), math.hypot(linear.c, linear.d))
    outlined = item.stroke is not None or not isinstance(item.fill, Color)
    if outlined or bold or largest > _LARGEST_PIXELS:
        _draw_outlines(painter, item, found, shape, matrix, bold)
        return
    fill = item.fill
    if not isinstance(fill, Color):
        return
    painter.setPen(qt_color(fill))
    _draw_runs(painter, item, found, linear, matrix, pixels)
    loose = [(f, g) for f, g in found if f is not None and f.face is None]
    if loose:
        _draw_outlines(painter, item, loose, shape, matrix, False)


def _draw_runs(
    painter: QPainter,
    item: TextItem,
    found: Sequence[tuple[Found | None, Glyph]],
    linear: Matrix,
    matrix: Matrix,
    pixels: float,
) -> None:
    """Glyphs by QGlyphRun: positions in a space that differs from the device by turn and stretch only."""
    turn = Matrix(*(v * item.size / pixels for v in linear[:4]))
    plain = abs(turn.a - 1) < 1e-4 and abs(turn.d - 1) < 1e-4 and abs(turn.b) < 1e-4 and abs(turn.c) < 1e-4
    place = matrix
    if plain:
        painter.setTransform(QTransform())
    else:
        back, possible = transform(turn).inverted()
        if not possible:
            return
        inverse = Matrix(back.m11(), back.m12(), back.m21(), back.m22(), back.dx(), back.dy())
        place = matrix.then(inverse)
        painter.setTransform(transform(turn))
    a, b, c, d, e, f = place
    for face, part in _by_face(found):
        run = QGlyphRun()
        run.setRawFont(face.sized(pixels))
        run.setGlyphIndexes([glyph.number for glyph, _ in part])
        run.setPositions([QPointF(a * g.x + c * g.y + e, b * g.x + d * g.y + f) for _, g in part])
        painter.drawGlyphRun(QPointF(0.0, 0.0), run)


def _by_face(found: Sequence[tuple[Found | None, Glyph]]) -> Iterator[tuple[Face, list[tuple[Found, Glyph]]]]:
    parts: dict[int, tuple[Face, list[tuple[Found, Glyph]]]] = {}
    for glyph, place in found:
        if glyph is not None and glyph.face is not None:
            parts.setdefault(id(glyph.face), (glyph.face, []))[1].append((glyph, place))
    yield from parts.values()


def _draw_outlines(
    painter: QPainter,
    item: TextItem,
    found: Sequence[tuple[Found | None, Glyph]],
    shape: Matrix,
    matrix: Matrix,
    bold: bool,
) -> None:
    """Glyphs as paths in object space."""
    whole = QPainterPath()
    whole.setFillRule(Qt.FillRule.WindingFill)
    for glyph, place in found:
        if glyph is None:
            continue
        if glyph.face is not None:
            path, size = glyph.face.path(glyph.number), BASE_SIZE
        elif glyph.outlines is not None:
            path, size = outline_path(glyph.outlines, glyph.number), 1.0
        else:
            continue
        scale = item.size / size
        grown = Matrix(scale, 0.0, 0.0, scale, 0.0, 0.0).then(shape)
        whole.addPath(transform(grown.then(Matrix(1.0, 0.0, 0.0, 1.0, place.x, place.y))).map(path))
    painter.setTransform(transform(matrix))
    if item.fill is not None:
        painter.fillPath(whole, brush(item.fill))
        if bold and isinstance(item.fill, Color):
            painter.strokePath(whole, QPen(qt_color(item.fill), item.size * _BOLD_SHARE))
    if item.stroke is not None:
        painter.strokePath(whole, pen(item.stroke))


def _slanted(item: TextItem) -> bool:
    """Whether a slant has to be made: the object asks for one and the font is not one by itself."""
    if item.font is None or item.font.member is None:
        return item.italic or (item.font is not None and item.font.italic)
    return item.italic and not item.font.italic
