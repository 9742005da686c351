"""Colours, line styles and the chain of draw parameters (GB/T 33190-2016, 8.2, 8.3)."""

from __future__ import annotations

from collections.abc import Callable

from signing.ofd.displaylist import BLACK, Color, Gradient, Paint, Stroke
from signing.ofd.markup import Element, child, children, floats, integer, local, number
from signing.ofd.resources import Resources

Style = dict[str, "str | Element"]
"""LineWidth, Join, Cap, DashOffset, DashPattern, MiterLimit as written; FillColor, StrokeColor elements."""

Report = Callable[..., None]
"""Takes a note's code and its parameters."""

DEFAULT_LINE_WIDTH = 0.353
DEFAULT_MITER_LIMIT = 4.234
_ATTRIBUTES = ("LineWidth", "Join", "Cap", "DashOffset", "DashPattern", "MiterLimit")
_LONGEST_CHAIN = 32


def param_style(resources: Resources, key: str | None, under: Style, report: Report) -> Style:
    """The style of DrawParam `key` over `under`, with those it is Relative to in between."""
    chain: list[Element] = []
    seen: set[str] = set()
    while key and len(chain) < _LONGEST_CHAIN:
        if key in seen:
            report("ofd.note-draw-param-loop", id=key)
            break
        seen.add(key)
        element = resources.draw_param(key)
        if element is None:
            report("ofd.note-missing-draw-param", id=key)
            break
        chain.append(element)
        key = element.get("Relative")
    style = dict(under)
    for element in reversed(chain):
        style.update(own_style(element))
    return style


def own_style(element: Element) -> Style:
    """What a DrawParam or an object says itself."""
    style: Style = {}
    for name in _ATTRIBUTES:
        value = element.get(name)
        if value is not None:
            style[name] = value
    for sub in element:
        name = local(sub)
        if name in ("FillColor", "StrokeColor"):
            style[name] = sub
    return style


def paint(
    style: Style, name: str, default: Paint | None, resources: Resources, report: Report
) -> Paint | None:
    """The FillColor or StrokeColor of a style; `default` where none is given."""
    element = style.get(name)
    if element is None or isinstance(element, str):
        return default
    return parse_paint(element, resources, report)


def stroke(style: Style, color: Paint | None) -> Stroke | None:
    """The line of a style in that colour; None without a colour."""
    if color is None:
        return None
    dash = tuple(floats(_word(style, "DashPattern")))
    usable = bool(dash) and all(d >= 0 for d in dash) and sum(dash) > 0 and len(dash) <= 64
    return Stroke(
        color,
        max(0.0, number(_word(style, "LineWidth"), DEFAULT_LINE_WIDTH)),
        _word(style, "Cap") or "Butt",
        _word(style, "Join") or "Miter",
        number(_word(style, "MiterLimit"), DEFAULT_MITER_LIMIT),
        dash if usable else (),
        number(_word(style, "DashOffset"), 0.0),
    )


def parse_paint(element: Element, resources: Resources, report: Report) -> Paint | None:
    """A CT_Color: a plain colour or a shading; None where it cannot be drawn, which is reported."""
    for sub in element:
        kind = local(sub)
        if kind in ("AxialShd", "RadialShd"):
            return _gradient(sub, kind == "RadialShd", element, resources, report)
        if kind in ("Pattern", "GouraudShd", "LaGourandShd", "LaGouraudShd"):
            report("ofd.note-shading", kind=kind)
            return _plain(element, resources, report) if element.get("Value") else None
    return _plain(element, resources, report)


def _plain(element: Element, resources: Resources, report: Report) -> Color:
    alpha = min(255, max(0, integer(element.get("Alpha"), 255))) / 255
    space = resources.color_space(element.get("ColorSpace"))
    value = element.get("Value")
    if value is None and element.get("Index") is not None:
        index = integer(element.get("Index"), -1)
        if space is not None and 0 <= index < len(space.palette):
            value = space.palette[index]
    if value is None:
        return Color(BLACK.red, BLACK.green, BLACK.blue, alpha)
    if space is not None and space.profile:
        report("ofd.note-icc")
    bits = space.bits if space is not None and space.bits in (1, 2, 4, 8, 16) else 8
    largest = (1 << bits) - 1
    parts = [min(1.0, max(0.0, c / largest)) for c in _components(value)]
    kind = space.kind if space is not None else ""
    if len(parts) == 4 and kind in ("CMYK", ""):
        cyan, magenta, yellow, key = parts
        rgb = ((1 - cyan) * (1 - key), (1 - magenta) * (1 - key), (1 - yellow) * (1 - key))
    elif len(parts) == 1:
        rgb = (parts[0], parts[0], parts[0])
    elif len(parts) >= 3:
        rgb = (parts[0], parts[1], parts[2])
    else:
        report("ofd.note-color", value=value[:40])
        rgb = (0.0, 0.0, 0.0)
    red, green, blue = (round(c * 255) for c in rgb)
    return Color(red, green, blue, alpha)


def _components(value: str) -> list[float]:
    """Colour components: decimal, or hexadecimal with `#` (8.3.1)."""
    components = []
    for word in value.replace(",", " ").split():
        try:
            components.append(float(int(word[1:], 16)) if word.startswith("#") else float(word))
        except ValueError:
            return []
    return [c if abs(c) < 1e9 else 0.0 for c in components]


def _gradient(
    element: Element, radial: bool, color: Element, resources: Resources, report: Report
) -> Gradient | None:
    ends = [floats(element.get(name)) for name in ("StartPoint", "EndPoint")]
    stops = []
    segments = list(children(element, "Segment"))[:256]
    for index, segment in enumerate(segments):
        stop = child(segment, "Color")
        if stop is not None:
            even = index / max(1, len(segments) - 1)
            position = min(1.0, max(0.0, number(segment.get("Position"), even)))
            stops.append((position, _plain(stop, resources, report)))
    if any(len(end) < 2 for end in ends) or not stops:
        report("ofd.note-shading", kind=local(element))
        return None
    if number(element.get("Eccentricity"), 0.0) > 0:
        report("ofd.note-shading", kind="RadialShd/Eccentricity")
    radii = (max(0.0, number(element.get(n), 0.0)) if radial else 0.0 for n in ("StartRadius", "EndRadius"))
    first, second = ((end[0], end[1], radius) for end, radius in zip(ends, radii, strict=True))
    extend = integer(element.get("Extend"), 0)
    alpha = min(255, max(0, integer(color.get("Alpha"), 255))) / 255
    faded = tuple(
        (p, Color(c.red, c.green, c.blue, c.alpha * alpha)) for p, c in sorted(stops, key=lambda s: s[0])
    )
    return Gradient(
        radial,
        (first, second),
        faded,
        element.get("MapType") or "Direct",
        max(0.0, number(element.get("MapUnit"), 0.0)),
        bool(extend & 1),
        bool(extend & 2),
    )


def _word(style: Style, name: str) -> str | None:
    value = style.get(name)
    return value if isinstance(value, str) else None
