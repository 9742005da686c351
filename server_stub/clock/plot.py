"""Pictures of the clock as SVG: text from templates, no library."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import Template
from xml.sax.saxutils import escape

from server_stub.clock.keeper import HistoryPoint
from server_stub.clock.packet import NANO

WIDTH, HEIGHT = 860, 260
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 34, 34
MAX_POINTS = 1500
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700")

_SHEET = Template(
    """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" width="$width" height="$height" \
font-family="sans-serif" font-size="11">
<rect width="$width" height="$height" fill="white"/>
$panels</svg>
"""
)
_PANEL = Template(
    """<g transform="translate(0 $y)">
<text x="$left" y="18" font-size="13">$title</text>
$grid$shapes<rect x="$left" y="$top" width="$inner_width" height="$inner_height" fill="none" stroke="#888"/>
$legend</g>
"""
)
_GRID = Template(
    """<line x1="$x1" y1="$y1" x2="$x2" y2="$y2" stroke="#ddd"/>
<text x="$tx" y="$ty" text-anchor="$anchor" fill="#555">$text</text>
"""
)
_LINE = Template('<polyline points="$points" fill="none" stroke="$colour" stroke-width="1.2"/>\n')
_BAR = Template(
    '<rect x="$x" y="$y" width="$width" height="$height" fill="$colour" fill-opacity="$opacity"/>\n'
)
_LEGEND = Template('<text x="$x" y="18" fill="$colour" text-anchor="end">$text</text>\n')


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name and its points (x, y); a None y breaks nothing, it is left out."""

    name: str
    points: Sequence[tuple[float, float | None]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram: lines over one x axis. `unit_x` and `unit_y` are written at the axes."""

    title: str
    series: Sequence[Series]
    unit_x: str
    unit_y: str


def draw_panels(panels: Sequence[Panel]) -> str:
    """The panels below each other."""
    parts = [_draw(panel, index * HEIGHT) for index, panel in enumerate(panels)]
    return _SHEET.substitute(width=WIDTH, height=HEIGHT * max(len(panels), 1), panels="".join(parts))


def draw_history(history: Sequence[HistoryPoint]) -> str:
    """Offset found in each round and the bound above and below zero, in milliseconds over the hours."""
    last = history[-1].utc_ns if history else 0
    hours = [(point.utc_ns - last) / NANO / 3600 for point in history]
    bounds = [None if p.bound is None else p.bound * 1000 for p in history]
    offsets = [None if p.offset is None or p.bound is None else p.offset * 1000 for p in history]
    moment = dt.datetime.fromtimestamp(last // NANO, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    panel = Panel(
        f"offset and bound until {moment}",
        (
            Series("offset", list(zip(hours, offsets, strict=True))),
            Series("+bound", list(zip(hours, bounds, strict=True))),
            Series("−bound", [(x, None if y is None else -y) for x, y in zip(hours, bounds, strict=True)]),
        ),
        "h",
        "ms",
    )
    return draw_panels([panel])


def draw_bars(title: str, rows: Sequence[tuple[str, float, float]], unit: str) -> str:
    """Pairs of bars: a label, the value (filled) inside its bound (pale); from zero upwards."""
    most = max((max(value, bound) for _, value, bound in rows), default=0.0) or 1.0
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    step = inner_width / max(len(rows), 1)
    shapes, grid = [], []
    for index, (label, value, bound) in enumerate(rows):
        x = LEFT + index * step
        for size, share, opacity in ((bound, 0.8, 0.25), (value, 0.4, 1.0)):
            height = inner_height * size / most
            shapes.append(
                _BAR.substitute(
                    x=_number(x + step * (1 - share) / 2),
                    y=_number(TOP + inner_height - height),
                    width=_number(step * share),
                    height=_number(height),
                    colour=COLOURS[0],
                    opacity=opacity,
                )
            )
        grid.append(_tick_x(x + step / 2, label, lines=False))
    grid += [_tick_y(TOP + inner_height * (1 - y / most), f"{y:g} {unit}") for y in _ticks(0.0, most)]
    panel = _PANEL.substitute(
        y=0,
        left=LEFT,
        top=TOP,
        inner_width=inner_width,
        inner_height=inner_height,
        title=escape(title),
        grid="".join(grid),
        shapes="".join(shapes),
        legend="",
    )
    return _SHEET.substitute(width=WIDTH, height=HEIGHT, panels=panel)


def _draw(panel: Panel, y: int) -> str:
    xs = [x for series in panel.series for x, value in series.points if value is not None]
    ys = [value for series in panel.series for _, value in series.points if value is not None]
    low_x, high_x = _range(xs)
    low_y, high_y = _range(ys)
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(x: float, value: float) -> tuple[float, float]:
        across = (x - low_x) / (high_x - low_x)
        up = (value - low_y) / (high_y - low_y)
        return LEFT + across * inner_width, TOP + (1 - up) * inner_height

    grid = [_tick_x(at(x, low_y)[0], f"{x:g} {panel.unit_x}") for x in _ticks(low_x, high_x)]
    grid += [_tick_y(at(low_x, v)[1], f"{v:g} {panel.unit_y}") for v in _ticks(low_y, high_y)]
    shapes, legend = [], []
    for index, series in enumerate(panel.series):
        colour = COLOURS[index % len(COLOURS)]
        known = [(x, value) for x, value in series.points if value is not None]
        every = max(len(known) // MAX_POINTS, 1)
        points = " ".join(f"{_number(a)},{_number(b)}" for a, b in (at(x, v) for x, v in known[::every]))
        shapes.append(_LINE.substitute(points=points, colour=colour))
        place = WIDTH - RIGHT - index * 90
        legend.append(_LEGEND.substitute(x=place, colour=colour, text=escape(series.name)))
    return _PANEL.substitute(
        y=y,
        left=LEFT,
        top=TOP,
        inner_width=inner_width,
        inner_height=inner_height,
        title=escape(panel.title),
        grid="".join(grid),
        shapes="".join(shapes),
        legend="".join(legend),
    )


def _range(values: Iterable[float]) -> tuple[float, float]:
    found = list(values)
    if not found:
        return 0.0, 1.0
    low, high = min(found), max(found)
    if low == high:
        return low - 0.5, high + 0.5
    return low, high


def _ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step)
    return [round(n * step, 12) for n in range(first, math.floor(high / step) + 1)]


def _tick_x(x: float, text: str, *, lines: bool = True) -> str:
    bottom = HEIGHT - BOTTOM
    return _GRID.substitute(
        x1=_number(x),
        y1=TOP if lines else bottom,
        x2=_number(x),
        y2=bottom,
        tx=_number(x),
        ty=bottom + 16,
        anchor="middle",
        text=escape(text),
    )


def _tick_y(y: float, text: str) -> str:
    return _GRID.substitute(
        x1=LEFT,
        y1=_number(y),
        x2=WIDTH - RIGHT,
        y2=_number(y),
        tx=LEFT - 5,
        ty=_number(y + 4),
        anchor="end",
        text=escape(text),
    )


def _number(value: float) -> str:
    return f"{value:.1f}"
