"""Interprets the graphic units of a page, its templates, annotations and stamps into a display list."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from signing.ofd.displaylist import (
    BLACK,
    BLEND_NORMAL,
    BLENDS,
    Clip,
    Color,
    DisplayList,
    Gradient,
    Group,
    ImageItem,
    Item,
    Note,
    Paint,
    PathItem,
    Region,
    Stroke,
    TextItem,
    clip_to,
)
from signing.ofd.displaylist_path import bounds, parse_path, path_length
from signing.ofd.displaylist_style import Style, own_style, paint, param_style, stroke
from signing.ofd.displaylist_text import place_glyphs
from signing.ofd.errors import OfdError, Params
from signing.ofd.fonts import FontBook
from signing.ofd.geometry import IDENTITY, Box, Matrix, parse_box, parse_matrix, translation
from signing.ofd.markup import Element, child, child_text, children, integer, local, number, truth
from signing.ofd.model import Document, Page, is_layer_type, layers
from signing.ofd.resources import Resources

if TYPE_CHECKING:
    from collections.abc import Iterable

_DEEPEST = 24
_DEEPEST_COMPOSITE = 8
_MOST_DASHES = 20_000
_SLACK_MM = 0.02
_TEXT_AIR_MM = 1.5


class PageBuilder:
    """Collects the items of one page. Use `page_display_list`."""

    def __init__(self, document: Document, fonts: FontBook) -> None:
        """`fonts` tells the widths of glyphs that the document places by width alone."""
        self._document = document
        self._fonts = fonts
        self._notes: dict[Note, None] = {}
        self._count = 0
        self._runs = 0

    def note(self, code: str, **params: str) -> None:
        """Add to the page report, once."""
        self._notes.setdefault(Note(code, Params(params)))

    @property
    def notes(self) -> tuple[Note, ...]:
        """The page report so far."""
        return tuple(self._notes)

    def page(self, page: Page) -> tuple[Item, ...]:
        """The page's own content with its templates, in page space (GB/T 33190-2016, 7.5, 7.7)."""
        box = page.box
        base = translation(-box.x, -box.y)
        under: list[Item] = []
        over: list[Item] = []
        for z_order, member in self._document.templates(page):
            try:
                items = self._part(member, base)
            except OfdError as error:
                self.note("ofd.note-template", name=member, reason=error.code)
                continue
            (over if z_order == "Foreground" else under).extend(items)
        return (*under, *self._part(page.member, base), *over)

    def annotations(self, page: Page) -> tuple[Item, ...]:
        """The appearance of the page's visible annotations (GB/T 33190-2016, 15.2)."""
        items: list[Item] = []
        base = translation(-page.box.x, -page.box.y)
        for member, annotation in self._document.annotations(page):
            resources = self._document.page_resources(member)
            for appearance in children(annotation, "Appearance"):
                box = parse_box(appearance.get("Boundary"))
                matrix = translation(box.x, box.y).then(base) if box else base
                items += self._units(appearance, matrix, {}, resources, 1.0, 0, 0)
        return tuple(items)

    def _part(self, member: str, base: Matrix) -> list[Item]:
        resources = self._document.page_resources(member)
        items: list[Item] = []
        for kind, layer in layers(self._document.part(member)):
            if not is_layer_type(kind):
                self._document.package.tolerate("ofd.tolerance-layer", type=kind)
            style = param_style(resources, layer.get("DrawParam"), {}, self.note)
            items += self._units(layer, base, style, resources, 1.0, 0, 0)
        return items

    def _units(
        self,
        block: Element,
        base: Matrix,
        style: Style,
        resources: Resources,
        alpha: float,
        depth: int,
        composites: int,
    ) -> list[Item]:
        """The graphic units of a layer, page block or appearance."""
        items: list[Item] = []
        if depth > _DEEPEST:
            self.note("ofd.note-too-deep")
            return items
        for unit in block:
            kind = local(unit)
            if kind == "PageBlock":
                items += self._units(unit, base, style, resources, alpha, depth + 1, composites)
                continue
            if kind not in ("TextObject", "PathObject", "ImageObject", "CompositeObject"):
                if kind.endswith(("Object", "Block")):
                    self.note("ofd.note-unknown-object", name=kind[:60])
                continue
            if not truth(unit.get("Visible"), True):
                continue
            self._count += 1
            if self._count > self._document.package.limits.display_items:
                self.note("ofd.note-too-many-objects")
                break
            items += self._unit(kind, unit, base, style, resources, alpha, depth, composites)
        return items

    def _unit(
        self,
        kind: str,
        unit: Element,
        base: Matrix,
        style: Style,
        resources: Resources,
        alpha: float,
        depth: int,
        composites: int,
    ) -> list[Item]:
        box = parse_box(unit.get("Boundary"))
        place = translation(box.x, box.y).then(base) if box is not None else base
        matrix = parse_matrix(unit.get("CTM")).then(place)
        alpha *= min(255, max(0, integer(unit.get("Alpha"), 255))) / 255
        blend = unit.get("BlendMode") or BLEND_NORMAL
        if blend not in BLENDS:
            self.note("ofd.note-blend", mode=blend[:40])
            blend = BLEND_NORMAL
        own = (
            param_style(resources, unit.get("DrawParam"), style, self.note)
            if unit.get("DrawParam")
            else style
        )
        look = {**own, **own_style(unit)}
        items: list[Item]
        clip_box: Box | None = None
        if kind == "PathObject":
            items, clip_box = self._path(unit, matrix, look, resources, alpha, blend, box, place)
        elif kind == "TextObject":
            items = self._text(unit, matrix, look, resources, alpha, blend)
            clip_box = _text_clip(items, box, parse_matrix(unit.get("CTM")))
        elif kind == "ImageObject":
            items = self._image(unit, matrix, resources, alpha, blend)
            clip_box = _outside(box, [(Box(0.0, 0.0, 1.0, 1.0).mapped(parse_matrix(unit.get("CTM"))), 0.0)])
        else:
            items = self._composite(unit, matrix, own, resources, alpha, depth, composites)
            clip_box = box if box is not None and box.width > 0 and box.height > 0 else None
            if clip_box is not None:
                clip_box = Box(0.0, 0.0, clip_box.width, clip_box.height)
        if not items:
            return items
        clips = self._clips(unit, matrix, place, resources)
        if clip_box is not None:
            clips.append(clip_to(clip_box, place))
        return [Group(tuple(clips), tuple(items))] if clips else items

    def _path(
        self,
        unit: Element,
        matrix: Matrix,
        look: Style,
        resources: Resources,
        alpha: float,
        blend: str,
        box: Box | None,
        place: Matrix,
    ) -> tuple[list[Item], Box | None]:
        segments, whole = parse_path(child_text(unit, "AbbreviatedData"))
        if not whole:
            self.note("ofd.note-path-data", id=unit.get("ID") or "")
        if not segments:
            return [], None
        fill: Paint | None = None
        line: Stroke | None = None
        if truth(unit.get("Fill"), False):
            fill = _faded(paint(look, "FillColor", None, resources, self.note), alpha)
        if truth(unit.get("Stroke"), True):
            line = stroke(look, _faded(paint(look, "StrokeColor", BLACK, resources, self.note), alpha))
        if fill is None and line is None:
            return [], None
        if line is not None and line.dash and path_length(segments) > _MOST_DASHES * sum(line.dash):
            self.note("ofd.note-dash", id=unit.get("ID") or "")
            line = replace(line, dash=())
        even_odd = (unit.get("Rule") or "").lower().replace("_", "-") in ("even-odd", "evenodd")
        item = PathItem(segments, matrix, fill, line, even_odd, blend)
        extent = bounds(segments)
        if extent is None:
            return [item], None
        own = parse_matrix(unit.get("CTM"))
        return [item], _outside(box, [(extent.mapped(own), line.width * own.scale if line else 0.0)])

    def _text(
        self, unit: Element, matrix: Matrix, look: Style, resources: Resources, alpha: float, blend: str
    ) -> list[Item]:
        font = resources.font((unit.get("Font") or "").strip())
        if font is None:
            self.note("ofd.note-missing-font", id=unit.get("Font") or "")
        size = number(unit.get("Size"), 0.0)
        if size <= 0 or size > 10_000:
            self.note("ofd.note-text-size", id=unit.get("ID") or "")
            return []
        fill = line = None
        if truth(unit.get("Fill"), True):
            fill = _faded(paint(look, "FillColor", BLACK, resources, self.note), alpha)
        if truth(unit.get("Stroke"), False):
            line = stroke(look, _faded(paint(look, "StrokeColor", None, resources, self.note), alpha))
        read_angle = integer(unit.get("ReadDirection"), 0) % 360
        runs, guesses = place_glyphs(unit, font, size, read_angle, self._fonts.advance)
        for guess in guesses:
            self.note(guess)
        first = self._runs
        self._runs += len(runs)
        prototype = TextItem(
            font=font,
            size=size,
            glyphs=(),
            matrix=matrix,
            fill=fill,
            stroke=line,
            h_scale=number(unit.get("HScale"), 1.0) or 1.0,
            angle=round(number(unit.get("CharDirection"), 0.0) / 90) * 90 % 360,
            read_angle=read_angle,
            weight=integer(unit.get("Weight"), 400),
            italic=truth(unit.get("Italic"), False),
            blend=blend,
        )
        return [replace(prototype, glyphs=glyphs, run=first + i) for i, glyphs in enumerate(runs)]

    def _image(
        self, unit: Element, matrix: Matrix, resources: Resources, alpha: float, blend: str
    ) -> list[Item]:
        image = resources.image((unit.get("ResourceID") or "").strip())
        if image is None:
            image = resources.image((unit.get("Substitution") or "").strip())
            if image is None:
                self.note("ofd.note-missing-image", id=unit.get("ResourceID") or "")
                return []
        mask = resources.image((unit.get("ImageMask") or "").strip())
        if child(unit, "Border") is not None:
            self.note("ofd.note-image-border")
        return [ImageItem(image.member, matrix, alpha, blend, image.format, mask.member if mask else None)]

    def _composite(
        self,
        unit: Element,
        matrix: Matrix,
        style: Style,
        resources: Resources,
        alpha: float,
        depth: int,
        composites: int,
    ) -> list[Item]:
        composite = resources.composite((unit.get("ResourceID") or "").strip())
        if composite is None:
            self.note("ofd.note-missing-composite", id=unit.get("ResourceID") or "")
            return []
        if composites >= _DEEPEST_COMPOSITE:
            self.note("ofd.note-too-deep")
            return []
        return self._units(composite.content, matrix, style, resources, alpha, depth + 1, composites + 1)

    def _clips(self, unit: Element, matrix: Matrix, place: Matrix, resources: Resources) -> list[Clip]:
        """The object's clips. `TransFlag="true"`, an attribute that real files have, means that the object's
        CTM applies to them too; otherwise they lie in the space of the Boundary (8.4, table 33).
        """
        found: list[Clip] = []
        for clips in children(unit, "Clips"):
            outer = matrix if truth(clips.get("TransFlag"), False) else place
            for clip in children(clips, "Clip"):
                regions: list[Region] = []
                for area in children(clip, "Area"):
                    space = parse_matrix(area.get("CTM")).then(outer)
                    for path in children(area, "Path"):
                        regions.append(self._region(path, space))
                    if child(area, "Text") is not None:
                        self.note("ofd.note-text-clip")
                found.append(Clip(tuple(regions)))
        # A clip without a region would hide the object; writers leave empty ones behind: it counts as none.
        return [clip for clip in found if clip.regions]

    def _region(self, path: Element, space: Matrix) -> Region:
        box = parse_box(path.get("Boundary"))
        inner = parse_matrix(path.get("CTM"))
        place = translation(box.x, box.y) if box is not None else IDENTITY
        segments, whole = parse_path(child_text(path, "AbbreviatedData"))
        if not whole:
            self.note("ofd.note-path-data", id=path.get("ID") or "")
        even_odd = (path.get("Rule") or "").lower().replace("_", "-") in ("even-odd", "evenodd")
        return Region(segments, inner.then(place).then(space), even_odd)


def display_list(page: Page, items: Iterable[Item], notes: tuple[Note, ...]) -> DisplayList:
    """The finished list of a page."""
    width, height = page.size_mm
    return DisplayList(width, height, tuple(items), notes)


def _faded(color: Paint | None, alpha: float) -> Paint | None:
    if color is None or alpha >= 1:
        return color
    if isinstance(color, Color):
        return Color(color.red, color.green, color.blue, color.alpha * alpha)
    stops = tuple((p, Color(c.red, c.green, c.blue, c.alpha * alpha)) for p, c in color.stops)
    return Gradient(color.radial, color.circles, stops, color.spread, color.unit, color.before, color.after)


def _outside(box: Box | None, extents: list[tuple[Box, float]]) -> Box | None:
    """The Boundary as a clip when a shape leaves it, else None. Shapes are (box, line width).

    The geometry counts, not the thickness of its line: writers give a level line a Boundary of no height.
    Where the Boundary is thinner than the line, it is widened by half a line.
    """
    if box is None:
        return None
    for extent, width in extents:
        inside = (
            extent.x >= -_SLACK_MM
            and extent.y >= -_SLACK_MM
            and extent.x + extent.width <= box.width + _SLACK_MM
            and extent.y + extent.height <= box.height + _SLACK_MM
        )
        if not inside:
            grow_x = width / 2 if box.width < width else 0.0
            grow_y = width / 2 if box.height < width else 0.0
            return Box(-grow_x, -grow_y, box.width + 2 * grow_x, box.height + 2 * grow_y)
    return None


def _text_clip(items: list[Item], box: Box | None, own: Matrix) -> Box | None:
    """The Boundary, with some air, as a clip for text that leaves it.

    Readers give text air around its Boundary (writers measure with other fonts), so do we. A Boundary of no
    area does not clip: writers leave it empty when they do not know the text's size.
    """
    if box is None or box.width <= 0 or box.height <= 0:
        return None
    extents = []
    for item in items:
        if isinstance(item, TextItem):
            xs = [glyph.x for glyph in item.glyphs]
            ys = [glyph.y for glyph in item.glyphs]
            before, below = (item.size, item.size) if item.angle else (0.0, item.size / 4)
            left, top = min(xs) - before, min(ys) - item.size
            extent = Box(left, top, max(xs) + item.size * item.h_scale - left, max(ys) + below - top)
            extents.append((extent.mapped(own), 0.0))
    if (
        _outside(Box(0.0, 0.0, box.width + 2 * _TEXT_AIR_MM, box.height + 2 * _TEXT_AIR_MM), _moved(extents))
        is None
    ):
        return None
    return Box(-_TEXT_AIR_MM, -_TEXT_AIR_MM, box.width + 2 * _TEXT_AIR_MM, box.height + 2 * _TEXT_AIR_MM)


def _moved(extents: list[tuple[Box, float]]) -> list[tuple[Box, float]]:
    return [(Box(e.x + _TEXT_AIR_MM, e.y + _TEXT_AIR_MM, e.width, e.height), w) for e, w in extents]


__all__ = ["PageBuilder", "display_list"]
