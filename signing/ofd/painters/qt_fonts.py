"""Finds glyphs for text: the embedded font, outlines of it where Qt refuses it, or installed fonts."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from PySide6.QtCore import QByteArray
from PySide6.QtGui import QFont, QFontDatabase, QPainterPath, QRawFont

from signing.ofd.displaylist import Glyph, Note, TextItem
from signing.ofd.errors import OfdError, Params
from signing.ofd.fonts import OutlineFont, candidates, looks_bold
from signing.ofd.model import Document
from signing.ofd.painters.qt_paths import painter_path
from signing.ofd.resources import FontResource

_UNHINTED = QFont.HintingPreference.PreferNoHinting
BASE_SIZE = 512.0
_SIZES_KEPT = 400


@dataclass(frozen=True, slots=True)
class Found:
    """A glyph: number in `face` (a QRawFont face), or in `outlines` when Qt cannot use the font."""

    face: Face | None
    number: int
    outlines: OutlineFont | None = None


class Face:
    """One QRawFont face in the sizes that were asked for. Belongs to one thread.

    `thin` says that bold was wanted and the family has none.
    """

    def __init__(self, raw: QRawFont, name: str, thin: bool = False) -> None:
        self.raw = raw
        self.name = name
        self.thin = thin
        self._sizes: dict[float, QRawFont] = {}
        self._paths: dict[int, QPainterPath] = {}

    def sized(self, pixels: float) -> QRawFont:
        """The face at that many pixels to the em."""
        key = round(pixels, 3)
        found = self._sizes.get(key)
        if found is None:
            found = QRawFont(self.raw)
            found.setPixelSize(key)
            if len(self._sizes) >= _SIZES_KEPT:
                self._sizes.clear()
            self._sizes[key] = found
        return found

    def number(self, character: str) -> int:
        """The glyph's number for a character; 0 when there is none."""
        numbers = self.raw.glyphIndexesForString(character)
        return numbers[0] if numbers else 0

    def advance(self, number: int) -> float:
        """A glyph's width in ems."""
        advances = self.raw.advancesForGlyphIndexes([number])
        return advances[0].x() / BASE_SIZE if advances else 0.0

    def path(self, number: int) -> QPainterPath:
        """A glyph's outline at `BASE_SIZE` pixels to the em."""
        found = self._paths.get(number)
        if found is None:
            found = self._paths[number] = self.raw.pathForGlyph(number)
        return found


@dataclass(slots=True)
class _Chain:
    """What a font resource turned into: the embedded face or outlines first, then installed families."""

    embedded: Face | None
    outlines: OutlineFont | None
    families: tuple[str, ...]
    bold: bool
    wanted: str
    glyphs: dict[tuple[str, int], Found | None] = field(default_factory=dict)
    substitute: str = ""
    notes: dict[Note, None] = field(default_factory=dict)

    def note(self, code: str, **params: str) -> None:
        """Add to the report of every page that uses this font."""
        self.notes.setdefault(Note(code, Params(params)))


class FontShelf:
    """Fonts of one document for one thread: QRawFont must stay in the thread that made it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._chains: dict[tuple[FontResource | None, bool], _Chain] = {}
        self._faces: dict[tuple[str, bool], Face | None] = {}
        self._installed = {family.lower(): family for family in QFontDatabase.families()}
        self._used: dict[int, _Chain] = {}

    def begin(self) -> None:
        """Begin a page: forget which fonts were used."""
        self._used.clear()

    @property
    def notes(self) -> tuple[Note, ...]:
        """What there is to report about the fonts used since `begin`."""
        return tuple(dict.fromkeys(note for chain in self._used.values() for note in chain.notes))

    def glyphs(self, item: TextItem) -> list[tuple[Found | None, Glyph]]:
        """Where each glyph of a run comes from, None where no font has it.

        A glyph that stands for several characters without a number becomes one a character.
        """
        bold = item.weight >= 600 or looks_bold(item.font)
        chain = self._chains.get((item.font, bold))
        if chain is None:
            chain = self._chains[item.font, bold] = self._chain(item.font, bold)
        self._used[id(chain)] = chain
        found: list[tuple[Found | None, Glyph]] = []
        for glyph in item.glyphs:
            if glyph.number >= 0 or len(glyph.text) < 2:
                found.append((self._find(chain, glyph.text, glyph.number), glyph))
                continue
            x = glyph.x
            for character in glyph.text:
                single = self._find(chain, character, -1)
                found.append((single, Glyph(character, -1, x, glyph.y)))
                if single is not None and single.face is not None:
                    x += single.face.advance(single.number) * item.size * item.h_scale
        return found

    def _find(self, chain: _Chain, text: str, number: int) -> Found | None:
        key = (text, number)
        if key not in chain.glyphs:
            chain.glyphs[key] = self._search(chain, text, number)
        return chain.glyphs[key]

    def _chain(self, font: FontResource | None, bold: bool) -> _Chain:
        names = candidates(font)
        installed = tuple(self._installed[n.lower()] for n in names if n.lower() in self._installed)
        wanted = (font.name or font.family) if font is not None else ""
        chain = _Chain(None, None, tuple(dict.fromkeys(installed)), bold, wanted)
        if font is not None and font.member is not None:
            chain.embedded = self._embedded(font.member)
            if chain.embedded is None:
                chain.outlines = self._document.fonts.outline_font(font.member)
                if chain.outlines is None:
                    chain.note("ofd.note-bad-font", name=font.member)
        return chain

    def _embedded(self, member: str) -> Face | None:
        key = (f"embedded:{member}", False)
        if key not in self._faces:
            face: Face | None = None
            try:
                data = self._document.blobs.read(member)
            except OfdError:
                data = b""
            if data:
                raw = QRawFont(QByteArray(data), BASE_SIZE, _UNHINTED)
                face = Face(raw, member) if raw.isValid() else None
            self._faces[key] = face
        return self._faces[key]

    def _search(self, chain: _Chain, text: str, number: int) -> Found | None:
        if chain.embedded is not None:
            own = number if number >= 0 else chain.embedded.number(text)
            if own <= 0 and number < 0 and text:
                own = self._by_table(chain, text)
            if own > 0 or number >= 0:
                return Found(chain.embedded, own)
        elif chain.outlines is not None:
            own = number if number >= 0 else chain.outlines.index(text)
            if own > 0 or number >= 0:
                return Found(None, own, chain.outlines)
        if not text or text.isspace():
            return None
        for family in chain.families:
            face = self._system(family, chain.bold)
            found = face.number(text) if face is not None else 0
            if face is not None and found > 0:
                if not chain.substitute:
                    chain.substitute = family
                    _note_substitute(chain)
                return Found(face, found)
        chain.note("ofd.note-no-glyph", text=text[:8])
        return None

    def _by_table(self, chain: _Chain, text: str) -> int:
        """The number of a character by the font's other tables (Macintosh, symbol), which Qt leaves aside."""
        outlines = self._document.fonts.outline_font(chain.embedded.name) if chain.embedded else None
        return outlines.index(text) if outlines is not None else 0

    def _system(self, family: str, bold: bool) -> Face | None:
        key = (family, bold)
        if key not in self._faces:
            font = QFont(family)
            font.setPixelSize(round(BASE_SIZE))
            font.setHintingPreference(_UNHINTED)
            font.setStyleStrategy(QFont.StyleStrategy.NoFontMerging)
            has_bold = bold and any("bold" in style.lower() for style in QFontDatabase.styles(family))
            font.setWeight(QFont.Weight.Bold if has_bold else QFont.Weight.Normal)
            raw = QRawFont.fromFont(font)
            self._faces[key] = Face(raw, family, bold and not has_bold) if raw.isValid() else None
        return self._faces[key]


def _note_substitute(chain: _Chain) -> None:
    same = {chain.wanted.lower().replace(" ", ""), ""}
    if chain.substitute.lower().replace(" ", "") not in same:
        chain.note("ofd.note-substitution", wanted=chain.wanted[:60], used=chain.substitute)


class ShelfRoom:
    """A FontShelf for each thread that draws a document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._local = threading.local()

    def shelf(self) -> FontShelf:
        """The shelf of this thread."""
        found = getattr(self._local, "shelf", None)
        if not isinstance(found, FontShelf):
            found = self._local.shelf = FontShelf(self._document)
        return found


def outline_path(font: OutlineFont, number: int) -> QPainterPath:
    """A glyph's outline at one pixel to the em."""
    return painter_path(font.outline(number), False)
