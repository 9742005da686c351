"""Turns segments, matrices, strokes and colours of a display list into Qt's own."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QGradient,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPen,
    QRadialGradient,
    QTransform,
)

from signing.ofd.displaylist import Clip, Color, Gradient, Paint, Segment, Stroke
from signing.ofd.geometry import Matrix

_CAPS = {
    "Butt": Qt.PenCapStyle.FlatCap,
    "Round": Qt.PenCapStyle.RoundCap,
    "Square": Qt.PenCapStyle.SquareCap,
}
_JOINS = {
    "Miter": Qt.PenJoinStyle.SvgMiterJoin,
    "Round": Qt.PenJoinStyle.RoundJoin,
    "Bevel": Qt.PenJoinStyle.BevelJoin,
}
_EDGE = 1e-6
_RINGS = 256
_MOST_UNITED = 2000
"""Segments up to which areas are united exactly; the exact way takes quadratic time."""


def transform(matrix: Matrix) -> QTransform:
    """The same matrix for Qt."""
    return QTransform(*matrix)


def painter_path(segments: tuple[Segment, ...], even_odd: bool) -> QPainterPath:
    """The path in its own space."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill if even_odd else Qt.FillRule.WindingFill)
    move, line, cubic, quad = path.moveTo, path.lineTo, path.cubicTo, path.quadTo
    for operator, values in segments:
        if operator == "L":
            line(*values)
        elif operator == "M":
            move(*values)
        elif operator == "B":
            cubic(*values)
        elif operator == "Q":
            quad(*values)
        else:
            path.closeSubpath()
    return path


def clip_path(clip: Clip, outer: Matrix) -> QPainterPath:
    """The union of a clip's regions after `outer`, in device space."""
    paths = [
        transform(region.matrix.then(outer)).map(painter_path(region.segments, region.even_odd))
        for region in clip.regions
    ]
    if not paths:
        return QPainterPath()
    whole = paths[0]
    exact = sum(len(region.segments) for region in clip.regions) <= _MOST_UNITED
    for path in paths[1:]:
        if exact:
            whole = whole.united(path)
        else:
            whole.addPath(path)
    if not exact:
        whole.setFillRule(Qt.FillRule.WindingFill)
    return whole


def qt_color(color: Color) -> QColor:
    """The colour with its opacity."""
    return QColor(color.red, color.green, color.blue, round(color.alpha * 255))


def pen(stroke: Stroke) -> QPen:
    """The line in object space. A width of 0 is the thinnest line the device has."""
    color = stroke.paint
    result = QPen(qt_color(color) if isinstance(color, Color) else QColor(Qt.GlobalColor.black))
    if isinstance(color, Gradient):
        result.setBrush(brush(color))
    result.setWidthF(stroke.width)
    result.setCapStyle(_CAPS.get(stroke.cap, Qt.PenCapStyle.FlatCap))
    result.setJoinStyle(_JOINS.get(stroke.join, Qt.PenJoinStyle.SvgMiterJoin))
    result.setMiterLimit(max(1.0, stroke.miter_limit))
    if stroke.dash and stroke.width > 0:
        # Qt counts dashes in line widths, and wants them in pairs.
        dash = stroke.dash * (2 if len(stroke.dash) % 2 else 1)
        result.setDashPattern([max(1e-4, d / stroke.width) for d in dash])
        result.setDashOffset(stroke.dash_offset / stroke.width)
    return result


def brush(paint: Paint) -> QBrush:
    """The filling in object space."""
    if isinstance(paint, Color):
        return QBrush(qt_color(paint))
    (x1, y1, r1), (x2, y2, r2) = paint.circles
    gradient: QGradient
    if paint.radial:
        gradient = QRadialGradient(QPointF(x2, y2), r2, QPointF(x1, y1), r1)
    else:
        length = math.hypot(x2 - x1, y2 - y1)
        if paint.spread in ("Repeat", "Reflect") and 0 < paint.unit < length:
            share = paint.unit / length
            x2, y2 = x1 + (x2 - x1) * share, y1 + (y2 - y1) * share
        gradient = QLinearGradient(QPointF(x1, y1), QPointF(x2, y2))
    if paint.spread == "Repeat":
        gradient.setSpread(QGradient.Spread.RepeatSpread)
    elif paint.spread == "Reflect":
        gradient.setSpread(QGradient.Spread.ReflectSpread)
    stops = [(position, qt_color(color)) for position, color in paint.stops]
    if paint.spread not in ("Repeat", "Reflect"):
        first, last = stops[0], stops[-1]
        stops = [(min(max(p, 2 * _EDGE), 1 - 2 * _EDGE), color) for p, color in stops]
        nothing = QColor(0, 0, 0, 0)
        if not paint.before:
            stops = [(0.0, nothing), (_EDGE, first[1]), *stops]
        if not paint.after:
            stops = [*stops, (1 - _EDGE, last[1]), (1.0, nothing)]
    gradient.setStops(stops)
    return QBrush(gradient)


def needs_rings(paint: Paint) -> bool:
    """Whether a radial shading's first circle is not inside the second, which Qt's gradients cannot do."""
    if not isinstance(paint, Gradient) or not paint.radial:
        return False
    (x1, y1, r1), (x2, y2, r2) = paint.circles
    return math.hypot(x2 - x1, y2 - y1) + r1 > r2 or (paint.spread in ("Repeat", "Reflect") and r1 > 0)


def fill_with_rings(painter: QPainter, path: QPainterPath, paint: Gradient) -> None:
    """Paint a radial shading inside `path` as circles, each over the one before (8.3.4.3)."""
    (x1, y1, r1), (x2, y2, r2) = paint.circles
    extent = path.boundingRect()
    reach = math.hypot(extent.width(), extent.height()) + math.hypot(x2 - x1, y2 - y1) + r1 + r2
    step = max(math.hypot(x2 - x1, y2 - y1), abs(r2 - r1), 1e-6)
    first = -math.ceil(reach / step * _RINGS) if paint.before else 0
    last = _RINGS + (math.ceil(reach / step * _RINGS) if paint.after else 0)
    first, last = max(first, -20 * _RINGS), min(last, 21 * _RINGS)
    painter.save()
    painter.setClipPath(path, Qt.ClipOperation.IntersectClip)
    painter.setPen(Qt.PenStyle.NoPen)
    for ring in range(first, last + 1):
        t = ring / _RINGS
        radius = r1 + (r2 - r1) * t
        if radius > 0:
            painter.setBrush(qt_color(color_at(paint, _within(paint, t))))
            center = QPointF(x1 + (x2 - x1) * t, y1 + (y2 - y1) * t)
            painter.drawEllipse(center, radius, radius)
    painter.restore()


def color_at(paint: Gradient, position: float) -> Color:
    """The colour between two stops."""
    before = paint.stops[0]
    for stop in paint.stops:
        if stop[0] >= position:
            span = stop[0] - before[0]
            share = (position - before[0]) / span if span > 0 else 1.0
            a, b = before[1], stop[1]
            mix = [round(p + (q - p) * share) for p, q in zip(a_rgb(a), a_rgb(b), strict=True)]
            return Color(mix[0], mix[1], mix[2], a.alpha + (b.alpha - a.alpha) * share)
        before = stop
    return before[1]


def a_rgb(color: Color) -> tuple[int, int, int]:
    """The three parts of a colour."""
    return color.red, color.green, color.blue


def _within(paint: Gradient, t: float) -> float:
    """The place in the stops that t stands for, by the way the shading goes on."""
    if paint.spread in ("Repeat", "Reflect"):
        (x1, y1, r1), (x2, y2, r2) = paint.circles
        length = max(math.hypot(x2 - x1, y2 - y1), abs(r2 - r1))
        period = t * length / paint.unit if paint.unit > 0 else t
        part = period - math.floor(period)
        return 1 - part if paint.spread == "Reflect" and math.floor(period) % 2 else part
    return min(1.0, max(0.0, t))


def strip(paint: Gradient, extent: QRectF) -> QPainterPath | None:
    """Where a repeated axial shading that does not extend may be seen: between its two ends."""
    if paint.radial or paint.spread not in ("Repeat", "Reflect") or (paint.before and paint.after):
        return None
    (x1, y1, _), (x2, y2, _) = paint.circles
    length = math.hypot(x2 - x1, y2 - y1)
    if length == 0:
        return None
    reach = math.hypot(extent.width(), extent.height()) + length + 1
    reach += math.hypot(extent.center().x() - x1, extent.center().y() - y1)
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    begin, end = (-reach if paint.before else 0.0), (reach if paint.after else length)
    corners = [(begin, -reach), (end, -reach), (end, reach), (begin, reach)]
    path = QPainterPath()
    for number, (along, across) in enumerate(corners):
        point = QPointF(x1 + ux * along - uy * across, y1 + uy * along + ux * across)
        path.moveTo(point) if number == 0 else path.lineTo(point)
    path.closeSubpath()
    return path
