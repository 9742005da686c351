"""Finds TrueType fonts with Chinese glyphs and cuts out of them what a document embeds.

Only TrueType outlines (`glyf`) will do: the writer of PDF refuses PostScript ones such as Noto CJK's.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont, TTLibError

from signing.pdf.errors import FontError

OVERRIDE = "PENWARD_FONT"
"""Environment variable: the path of a font file, for a collection followed by `#` and the index."""

CANDIDATES: tuple[str, ...] = (
    # Windows
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/simhei.ttf",
    "C:/Windows/Fonts/simsun.ttc",
    "C:/Windows/Fonts/simsunb.ttf",
    "C:/Windows/Fonts/Deng.ttf",
    # Debian, Ubuntu, UOS, Kylin
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
    "/usr/share/fonts/truetype/arphic-gbsn00lp/gbsn00lp.ttf",
    "/usr/share/fonts/truetype/arphic-gkai00mp/gkai00mp.ttf",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    # Fedora, openEuler, Arch
    "/usr/share/fonts/wqy-microhei/wqy-microhei.ttc",
    "/usr/share/fonts/wqy-zenhei/wqy-zenhei.ttc",
    "/usr/share/fonts/google-droid-sans-fonts/DroidSansFallbackFull.ttf",
)
"""Where fonts are looked for, in order of preference; the same list on every system."""

_NO_EMBEDDING = 0x0002
_BITMAP_ONLY = 0x0200
_PROBE = "签"
MISSING = "□"
"""Stands for a character that no font has."""


@dataclass(frozen=True, slots=True)
class FontFile:
    """A usable font: the file, the index inside a collection, and the characters it has."""

    path: Path
    index: int
    characters: frozenset[int]

    def has(self, character: str) -> bool:
        """Whether there is a glyph for it."""
        return ord(character) in self.characters


@dataclass(frozen=True, slots=True)
class FontSubset:
    """A TrueType font cut down to some characters.

    `data` is the font file, `glyphs` maps a code point to its glyph number, `widths` glyph number to
    thousandths of the em; `ascent`, `descent` and `box` are in thousandths of the em too.
    """

    name: str
    data: bytes
    glyphs: dict[int, int]
    widths: dict[int, int]
    ascent: int
    descent: int
    box: tuple[int, int, int, int]


def find_fonts() -> tuple[FontFile, ...]:
    """The fonts of this machine that can be embedded, the preferred one first.

    Raises:
        FontError: `report.no-font`; `report.bad-font` when the one named by PENWARD_FONT will not do.
    """
    named = os.environ.get(OVERRIDE, "")
    if named:
        path, _, index = named.partition("#")
        font = _examine(path, int(index) if index.isdecimal() else 0)
        if font is None:
            raise FontError("report.bad-font", path=path, variable=OVERRIDE)
        return (font, *_installed())
    fonts = _installed()
    if not fonts:
        raise FontError("report.no-font", variable=OVERRIDE)
    return fonts


def runs(text: str, fonts: Sequence[FontFile]) -> Iterator[tuple[int, str]]:
    """Split `text` into (index of the font, piece): each character by the first font that has it.

    A character that none has becomes `□(U+…)`, so that it is seen to be missing and can be named.
    """
    piece, current = "", 0
    for character in _spelled(text, fonts):
        chosen = next((i for i, font in enumerate(fonts) if font.has(character)), 0)
        if chosen != current and piece:
            yield current, piece
            piece = ""
        current = chosen
        piece += character
    if piece:
        yield current, piece


def cut(font: Path | bytes, characters: Iterable[str], *, index: int = 0) -> FontSubset:
    """Cut a TrueType font down to `characters`; equal input gives equal bytes.

    Raises:
        FontError: `report.bad-font` when the font cannot be read or lacks one of the characters.
    """
    text = "".join(sorted(set(characters)))
    with _opened(font, index) as ttf:
        missing = [c for c in text if ord(c) not in (ttf.getBestCmap() or {})]
        if missing:
            raise FontError("report.bad-font", path="".join(missing)[:20], variable=OVERRIDE)
        options = subset.Options()
        options.layout_features = []
        options.hinting = False
        options.notdef_outline = True
        options.glyph_names = False
        options.recalc_timestamp = False
        options.name_IDs = [0, 1, 2, 6, 13, 14]
        options.drop_tables = [
            *options.drop_tables,
            "FFTM",
            "BDF ",
            "mort",
            "GSUB",
            "GPOS",
            "GDEF",
            "vhea",
            "vmtx",
        ]
        cutter = subset.Subsetter(options)
        cutter.populate(text=text)
        cutter.subset(ttf)
        out = io.BytesIO()
        ttf.save(out, reorderTables=None)
        return _described(out.getvalue())


@cache
def _installed() -> tuple[FontFile, ...]:
    found = (_examine(candidate, 0) for candidate in CANDIDATES)
    return tuple(font for font in found if font is not None)


def _examine(path: str, index: int) -> FontFile | None:
    """The font if it is there, has TrueType outlines and Chinese, and may be embedded."""
    if not Path(path).is_file():
        return None
    try:
        with _opened(Path(path), index) as ttf:
            characters = frozenset(ttf.getBestCmap() or ())
            kind = ttf["OS/2"].fsType if "OS/2" in ttf else 0
            if "glyf" not in ttf or kind & 0xF == _NO_EMBEDDING or kind & _BITMAP_ONLY:
                return None
            if ord(_PROBE) not in characters and "simsunb" not in path:
                return None
            return FontFile(Path(path), index, characters)
    except FontError:
        return None


@contextmanager
def _opened(font: Path | bytes, index: int) -> Iterator[TTFont]:
    source = io.BytesIO(font) if isinstance(font, bytes) else io.BytesIO(font.read_bytes())
    name = "" if isinstance(font, bytes) else str(font)
    try:
        is_collection = source.getvalue()[:4] == b"ttcf"
        ttf = TTFont(source, fontNumber=index if is_collection else -1, lazy=True, recalcTimestamp=False)
        yield ttf
        ttf.close()
    except (TTLibError, KeyError, ValueError, OSError, AssertionError) as error:
        raise FontError("report.bad-font", path=name, variable=OVERRIDE) from error


def _described(data: bytes) -> FontSubset:
    with _opened(data, 0) as ttf:
        em = ttf["head"].unitsPerEm
        head, hhea = ttf["head"], ttf["hhea"]
        ids = {name: number for number, name in enumerate(ttf.getGlyphOrder())}
        scaled = [round(value * 1000 / em) for value in (head.xMin, head.yMin, head.xMax, head.yMax)]
        name = ttf["name"].getDebugName(6) or "Subset"
        return FontSubset(
            name="".join(c for c in name if c.isascii() and (c.isalnum() or c == "-")) or "Subset",
            data=data,
            glyphs={code: ids[glyph] for code, glyph in ttf.getBestCmap().items()},
            widths={ids[g]: round(w * 1000 / em) for g, (w, _) in ttf["hmtx"].metrics.items()},
            ascent=round(hhea.ascent * 1000 / em),
            descent=round(hhea.descent * 1000 / em),
            box=(scaled[0], scaled[1], scaled[2], scaled[3]),
        )


def _spelled(text: str, fonts: Sequence[FontFile]) -> Iterator[str]:
    for character in text:
        if character.isspace() or any(font.has(character) for font in fonts):
            yield character
        else:
            yield from f"{MISSING}(U+{ord(character):04X})"
