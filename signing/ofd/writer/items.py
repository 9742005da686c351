"""What a new page may hold. All measures in millimetres from the page's top left corner, y down."""

from __future__ import annotations

from dataclasses import dataclass

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text. (x, y) is the start of its baseline, `size` the font size; `font` names a font of the
    document. `spacing` is added between characters.
    """

    x: float
    y: float
    text: str
    size: float = 4.2
    font: str = "body"
    color: Rgb = (0, 0, 0)
    spacing: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line of that thickness."""

    x1: float
    y1: float
    x2: float
    y2: float
    thickness: float = 0.25
    color: Rgb = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle, drawn as a line, filled, or both."""

    x: float
    y: float
    width: float
    height: float
    thickness: float = 0.25
    color: Rgb | None = (0, 0, 0)
    fill: Rgb | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG or JPEG that fills the box."""

    x: float
    y: float
    width: float
    height: float
    data: bytes


PageItem = TextLine | Line | Rectangle | Picture


@dataclass(frozen=True, slots=True)
class PageContent:
    """A page's size and its items from bottom to top."""

    items: tuple[PageItem, ...]
    width: float = 210.0
    height: float = 297.0
