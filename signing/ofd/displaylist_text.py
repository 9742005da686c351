"""Places the glyphs of a TextObject: codes, deltas, glyph transforms (GB/T 33190-2016, 11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from signing.ofd.displaylist import Glyph
from signing.ofd.markup import Element, integer, local, number
from signing.ofd.resources import FontResource

Advance = Callable[[FontResource | None, str, int], float]
"""Width in em of a glyph: font, characters, glyph number or -1."""

_MOST_GLYPHS = 200_000


@dataclass(slots=True)
class _Cell:
    """A glyph to come: its characters, its number or -1, and which character of the TextCode it begins at."""

    text: str
    number: int
    offset: int


@dataclass(slots=True)
class _Mapping:
    """A CGTransform."""

    position: int
    codes: int
    glyphs: list[int]


def place_glyphs(
    element: Element, font: FontResource | None, size: float, read_angle: int, advance: Advance
) -> tuple[list[tuple[Glyph, ...]], set[str]]:
    """The glyphs of each TextCode in object space, and codes of what had to be guessed.

    X and Y of a TextCode that has none are those of the one before. A short delta list goes on with its last
    value. Where both deltas are absent and there are several characters the font's widths are used, as
    readers do, although the standard would put all of them on one spot.
    """
    runs: list[tuple[Glyph, ...]] = []
    guesses: set[str] = set()
    x = y = 0.0
    mappings: list[_Mapping] = []
    total = 0
    for sub in element:
        kind = local(sub)
        if kind == "CGTransform":
            mappings.append(_mapping(sub))
        elif kind == "TextCode":
            x, y = number(sub.get("X"), x), number(sub.get("Y"), y)
            text = _code_text(sub.text or "")
            cells, mappings = _cells(text, mappings)
            if font is None or font.member is None:
                # Glyph numbers speak of the writer's own font; with another font only the characters count.
                cells = [_Cell(cell.text, -1, cell.offset) for cell in cells]
            total += len(cells)
            if total > _MOST_GLYPHS:
                guesses.add("ofd.note-too-much-text")
                break
            if cells:
                runs.append(_positions(sub, text, cells, (x, y), font, size, read_angle, advance, guesses))
    return runs, guesses


def parse_delta(text: str | None, most: int) -> list[float]:
    """The numbers of a DeltaX or DeltaY, `g n v` standing for v n times; at most `most` of them."""
    words = (text or "").replace(",", " ").split()
    values: list[float] = []
    position = 0
    while position < len(words) and len(values) < most:
        word = words[position]
        if word.lower() == "g":
            count = integer(words[position + 1], 0) if position + 1 < len(words) else 0
            value = number(words[position + 2], 0.0) if position + 2 < len(words) else 0.0
            values += [value] * max(0, min(count, most - len(values)))
            position += 3
        else:
            values.append(number(word, 0.0))
            position += 1
    return values


def _code_text(text: str) -> str:
    """Line breaks and the indentation next to them belong to the XML, not to the text."""
    if "\n" not in text and "\r" not in text and "\t" not in text:
        return text
    return "".join(line.strip(" \t\r") for line in text.split("\n")) if "\n" in text else text.strip("\t\r")


def _mapping(element: Element) -> _Mapping:
    glyphs = [g for g in (integer(w, -1) for w in (_glyph_words(element))) if g >= 0]
    codes = max(0, integer(element.get("CodeCount"), 1))
    limit = integer(element.get("GlyphCount"), len(glyphs))
    return _Mapping(max(0, integer(element.get("CodePosition"), 0)), codes, glyphs[: max(0, limit)])


def _glyph_words(element: Element) -> list[str]:
    for sub in element:
        if local(sub) == "Glyphs":
            return (sub.text or "").split()[:_MOST_GLYPHS]
    return []


def _cells(text: str, mappings: list[_Mapping]) -> tuple[list[_Cell], list[_Mapping]]:
    """One cell a glyph; transforms that begin behind this text are left for the next TextCode."""
    cells: list[_Cell] = []
    later: list[_Mapping] = []
    position = 0
    for mapping in sorted(mappings, key=lambda m: m.position):
        if mapping.position >= len(text):
            later.append(_Mapping(mapping.position - len(text), mapping.codes, mapping.glyphs))
            continue
        if mapping.position < position or not mapping.glyphs or not mapping.codes:
            continue
        cells += [_Cell(c, -1, i) for i, c in enumerate(text[position : mapping.position], position)]
        codes = text[mapping.position : mapping.position + mapping.codes]
        for number_, glyph in enumerate(mapping.glyphs):
            last = number_ == len(mapping.glyphs) - 1
            part = codes[number_:] if last else codes[number_ : number_ + 1]
            cells.append(_Cell(part, glyph, mapping.position + min(number_, len(codes) - 1)))
        position = mapping.position + len(codes)
    cells += [_Cell(c, -1, i) for i, c in enumerate(text[position:], position)]
    return cells, later


def _positions(
    element: Element,
    text: str,
    cells: list[_Cell],
    start: tuple[float, float],
    font: FontResource | None,
    size: float,
    read_angle: int,
    advance: Advance,
    guesses: set[str],
) -> tuple[Glyph, ...]:
    count = max(len(cells), len(text))
    across, down = (parse_delta(element.get(name), count) for name in ("DeltaX", "DeltaY"))
    spread = not across and not down and len(cells) > 1
    if spread:
        guesses.add("ofd.note-no-delta")
    # Deltas go from glyph to glyph; where glyphs are fewer than codes and the list fits the codes, by code.
    by_code = len(cells) < len(text) and max(len(across), len(down)) == len(text) - 1
    steps = len(text) if by_code else len(cells)
    points: list[tuple[float, float]] = []
    x, y = start
    for step in range(steps):
        points.append((x, y))
        if spread:
            width = advance(font, cells[step].text, cells[step].number) * size
            sign = -1.0 if read_angle in (180, 270) else 1.0
            x, y = (x, y + sign * width) if read_angle in (90, 270) else (x + sign * width, y)
        else:
            x += across[min(step, len(across) - 1)] if across else 0.0
            y += down[min(step, len(down) - 1)] if down else 0.0
    glyphs = []
    for number_, cell in enumerate(cells):
        spot = min(cell.offset, steps - 1) if by_code else number_
        px, py = points[spot]
        glyphs.append(Glyph(cell.text, cell.number, px, py))
    return tuple(glyphs)
