"""What a page shows, as plain values in millimetres: the contract between reading and painting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from signing.ofd.errors import Tolerance
from signing.ofd.geometry import IDENTITY, Box, Matrix
from signing.ofd.resources import FontResource

Segment = tuple[str, tuple[float, ...]]
"""("M", (x, y)) · ("L", (x, y)) · ("Q", (x1, y1, x, y)) · ("B", (x1, y1, x2, y2, x, y)) · ("C", ())."""

BLEND_NORMAL = "Normal"
BLEND_MULTIPLY = "Multiply"
BLENDS = (BLEND_NORMAL, BLEND_MULTIPLY, "Screen", "Overlay", "Darken", "Lighten")


class Note(Tolerance):
    """Something of a page that is not drawn, or drawn otherwise than written; `code` is a message code."""


@dataclass(frozen=True, slots=True)
class Color:
    """Device RGB, each 0–255, and opacity 0–1."""

    red: int
    green: int
    blue: int
    alpha: float = 1.0


BLACK = Color(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Gradient:
    """An axial or radial shading in object space (GB/T 33190-2016, 8.3.4).

    `circles` holds start and end as (x, y, radius); both radii are 0 in an axial one. `stops` are
    (position 0–1, colour). `spread` is Direct, Repeat or Reflect, `unit` the length in mm of one period for
    the latter two. `before` and `after` say whether the colour goes on outside start and end.
    """

    radial: bool
    circles: tuple[tuple[float, float, float], tuple[float, float, float]]
    stops: tuple[tuple[float, Color], ...]
    spread: str
    unit: float
    before: bool
    after: bool


Paint = Color | Gradient


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a line is drawn; lengths in object space. `cap` Butt|Round|Square, `join` Miter|Round|Bevel."""

    paint: Paint
    width: float
    cap: str
    join: str
    miter_limit: float
    dash: tuple[float, ...]
    dash_offset: float


@dataclass(frozen=True, slots=True)
class PathItem:
    """A path in object space; `matrix` leads to the page."""

    segments: tuple[Segment, ...]
    matrix: Matrix
    fill: Paint | None
    stroke: Stroke | None
    even_odd: bool = False
    blend: str = BLEND_NORMAL


class Glyph(NamedTuple):
    """One glyph of a run: the characters it stands for (may be empty), the glyph's number in the embedded
    font or -1 when it is found by its character, and its origin in object space.
    """

    text: str
    number: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class TextItem:
    """Glyphs of one font and size. `size` in object space; `angle` turns each glyph about its origin,
    clockwise in degrees; `h_scale` stretches each glyph along its own baseline. `run` numbers the TextCode in
    page order. `read_angle` is the reading direction in degrees.
    """

    font: FontResource | None
    size: float
    glyphs: tuple[Glyph, ...]
    matrix: Matrix
    fill: Paint | None
    stroke: Stroke | None
    h_scale: float = 1.0
    angle: int = 0
    read_angle: int = 0
    weight: int = 400
    italic: bool = False
    run: int = 0
    blend: str = BLEND_NORMAL


@dataclass(frozen=True, slots=True)
class ImageItem:
    """A picture that fills the unit square (0,0)–(1,1), top left first, before `matrix`.

    `key` names the bytes (`Document.blobs`); `format` is what the document calls them. `mask` names a second
    picture whose light parts let the first be seen.
    """

    key: str
    matrix: Matrix
    alpha: float = 1.0
    blend: str = BLEND_NORMAL
    format: str = ""
    mask: str | None = None


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a clip: the inside of a path after `matrix`."""

    segments: tuple[Segment, ...]
    matrix: Matrix
    even_odd: bool = False


@dataclass(frozen=True, slots=True)
class Clip:
    """The union of its regions."""

    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Items seen only inside every one of the clips."""

    clips: tuple[Clip, ...]
    items: tuple[Item, ...]


Item = PathItem | TextItem | ImageItem | Group


@dataclass(frozen=True, slots=True)
class DisplayList:
    """A page ready to be painted: size in mm, items from bottom to top, origin at the top left.

    `notes` says what is not drawn or drawn otherwise (the page report).
    """

    width_mm: float
    height_mm: float
    items: tuple[Item, ...]
    notes: tuple[Note, ...] = field(default=())


def rectangle(box: Box) -> tuple[Segment, ...]:
    """The outline of a box."""
    x, y, w, h = box
    return (("M", (x, y)), ("L", (x + w, y)), ("L", (x + w, y + h)), ("L", (x, y + h)), ("C", ()))


def clip_to(box: Box, matrix: Matrix = IDENTITY) -> Clip:
    """A clip to one rectangle."""
    return Clip((Region(rectangle(box), matrix),))
