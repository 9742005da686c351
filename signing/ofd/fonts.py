"""Which font stands in for which (the published substitution map), and the widths of embedded fonts."""

from __future__ import annotations

import io
import logging
import re
import struct
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any, Protocol

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

from signing.ofd.errors import OfdError

Segment = tuple[str, tuple[float, ...]]


class NamedFont(Protocol):
    """What is asked of a font resource here (`resources.FontResource`)."""

    @property
    def name(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def bold(self) -> bool: ...
    @property
    def serif(self) -> bool: ...
    @property
    def fixed(self) -> bool: ...
    @property
    def member(self) -> str | None: ...


SONG = ("SimSun", "宋体", "NSimSun", "AR PL SungtiL GB", "AR PL UMing CN", "Noto Serif CJK SC", "Songti SC")
KAI = ("KaiTi", "楷体", "KaiTi_GB2312", "STKaiti", "AR PL KaitiM GB", "AR PL UKai CN")
FANG = ("FangSong", "仿宋", "FangSong_GB2312", "STFangsong", *SONG[3:])
HEI = (
    "SimHei",
    "黑体",
    "Microsoft YaHei",
    "微软雅黑",
    "Droid Sans Fallback",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Noto Sans CJK SC",
)
MONO = ("Courier New", "Liberation Mono", "DejaVu Sans Mono")
SERIF = ("Times New Roman", "Liberation Serif", "DejaVu Serif")
SANS = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")
LAST_RESORT = (*SONG, *HEI, *KAI, "DejaVu Sans")

SUBSTITUTES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"楷|kai", KAI),
    (r"仿宋|fang|fsjw", FANG),
    (r"黑体|雅黑|yahei|simhei|hei|等线|deng|gothic|source ?han ?sans|notosanscjk|方正兰亭", HEI),
    (r"宋|song|simsun|ming|serifcjk|sourcehanserif|xbsjw|小标", SONG),
    (r"courier|mono|consol|typewriter", MONO),
    (r"times|roman|georgia|garamond|cambria|serif", SERIF),
    (r"arial|helvetica|tahoma|verdana|calibri|sans", SANS),
)
"""Pattern in the lower-cased font or family name without spaces → families tried in this order.

The first pattern that is found counts. The named family itself always comes first, and after these comes
`LAST_RESORT`, character by character, so that a rare character is not lost.
"""

_SUBSET_TAG = re.compile(r"^[A-Z]{6}\+")
_FONTS_KEPT = 64
_LARGEST_GLYPH = 20_000

logging.getLogger("fontTools").setLevel(logging.ERROR)


def candidates(font: NamedFont | None) -> tuple[str, ...]:
    """Family names to try for a font that is not embedded, best first, each once."""
    names: list[str] = []
    if font is not None:
        names = [_SUBSET_TAG.sub("", name).strip() for name in (font.name, font.family) if name]
    tried = list(names)
    for name in names:
        key = name.lower().replace(" ", "")
        for pattern, families in SUBSTITUTES:
            if re.search(pattern, key):
                tried += families
                break
        else:
            continue
        break
    else:
        if font is not None and font.fixed:
            tried += MONO
        elif font is not None and font.serif:
            tried += SERIF
    return tuple(dict.fromkeys((*tried, *LAST_RESORT)))


def looks_bold(font: NamedFont | None) -> bool:
    """Whether the font is bold by flag or by name."""
    return font is not None and (
        font.bold or re.search(r"bold|black|heavy|粗", font.name.lower()) is not None
    )


def typical_advance(text: str, font: NamedFont | None = None) -> float:
    """Width in em of a character in a typical Chinese font: full width 1, everything else a half."""
    if not text:
        return 0.0
    if font is not None and font.fixed and text.isascii():
        return 0.5
    return sum(1.0 if unicodedata.east_asian_width(c) in "WFA" else 0.5 for c in text)


class OutlineFont:
    """An embedded font read by fontTools: glyph numbers, widths and outlines, without any window system.

    Widths are taken from the table as it lies there; characters and outlines are read when first asked for,
    because most documents name their glyphs by number and large fonts take long. Safe to use from several
    threads.

    Raises (constructor):
        OfdError: `ofd.bad-font`.
    """

    def __init__(self, data: bytes, name: str = "") -> None:
        self._data = data
        self._name = name
        self._lock = threading.RLock()
        with _as_font_error(name):
            reader = TTFont(io.BytesIO(data), fontNumber=0, lazy=True).reader
            self.units = float(struct.unpack_from(">H", reader["head"], 18)[0]) or 1000.0
            self._widths: bytes = reader["hmtx"]
            wide = struct.unpack_from(">H", reader["hhea"], 34)[0]
            self._wide = min(wide, len(self._widths) // 4)
            self.count: int = struct.unpack_from(">H", reader["maxp"], 4)[0]
            if not self._wide or not self.count:
                raise ValueError("no glyphs")

    def index(self, character: str) -> int:
        """The glyph's number for a character, 0 when the font does not have it."""
        return self._numbers.get(ord(character), 0) if len(character) == 1 else 0

    def advance(self, index: int) -> float:
        """Width in em."""
        position = min(max(index, 0), self._wide - 1) * 4
        return float(struct.unpack_from(">H", self._widths, position)[0]) / self.units

    def outline(self, index: int) -> tuple[Segment, ...]:
        """The outline in em, y down, origin on the baseline; empty when it cannot be read."""
        with self._lock, suppress(Exception):
            order, glyphs = self._outlines
            pen = _SegmentPen(glyphs, self.units)
            glyphs[order[index]].draw(pen)
            return tuple(pen.segments)
        return ()

    @cached_property
    def _numbers(self) -> dict[int, int]:
        """Characters to glyph numbers. Glyph names are not needed for it, and reading them takes long."""
        with self._lock, suppress(Exception):
            font = TTFont(io.BytesIO(self._data), fontNumber=0, lazy=True)
            font.setGlyphOrder([str(number) for number in range(self.count)])
            found = font.getBestCmap() or _any_cmap(font)
            return {code: int(name) for code, name in found.items()}
        return {}

    @cached_property
    def _outlines(self) -> tuple[list[str], Any]:
        font = TTFont(io.BytesIO(self._data), fontNumber=0, lazy=True)
        return font.getGlyphOrder(), font.getGlyphSet()


class FontBook:
    """Embedded fonts by blob key, each read once. Safe to use from several threads."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._fonts: OrderedDict[str, OutlineFont | None] = OrderedDict()
        self._lock = threading.Lock()

    def outline_font(self, member: str) -> OutlineFont | None:
        """The embedded font in that blob, or None when it is damaged."""
        with self._lock:
            if member not in self._fonts:
                font: OutlineFont | None = None
                with suppress(OfdError):
                    font = OutlineFont(self._read(member), member)
                self._fonts[member] = font
                if len(self._fonts) > _FONTS_KEPT:
                    self._fonts.popitem(last=False)
            return self._fonts[member]

    def advance(self, font: NamedFont | None, text: str, index: int) -> float:
        """Width in em of a glyph (`index` ≥ 0) or of the characters in that font, as well as it is known."""
        if font is not None and font.member is not None:
            outlines = self.outline_font(font.member)
            if outlines is not None:
                number = index if index >= 0 else outlines.index(text)
                if number > 0:
                    return outlines.advance(number)
        return typical_advance(text, font)


class _SegmentPen(BasePen):  # type: ignore[misc]
    """Collects an outline as display-list segments."""

    def __init__(self, glyphs: Any, units: float) -> None:
        super().__init__(glyphs)
        self.segments: list[Segment] = []
        self._units = units

    def _put(self, operator: str, *points: tuple[float, float]) -> None:
        if len(self.segments) > _LARGEST_GLYPH:
            raise ValueError("outline too long")
        self.segments.append(
            (operator, tuple(v for x, y in points for v in (x / self._units, -y / self._units)))
        )

    def _moveTo(self, pt: tuple[float, float]) -> None:
        self._put("M", pt)

    def _lineTo(self, pt: tuple[float, float]) -> None:
        self._put("L", pt)

    def _curveToOne(
        self, pt1: tuple[float, float], pt2: tuple[float, float], pt3: tuple[float, float]
    ) -> None:
        self._put("B", pt1, pt2, pt3)

    def _qCurveToOne(self, pt1: tuple[float, float], pt2: tuple[float, float]) -> None:
        self._put("Q", pt1, pt2)

    def _closePath(self) -> None:
        self._put("C")

    def _endPath(self) -> None:
        self._put("C")


@contextmanager
def _as_font_error(name: str) -> Iterator[None]:
    """Whatever a font file makes fontTools raise is one error of ours."""
    try:
        yield
    except Exception as error:  # fontTools documents none: assertions, struct, attribute and key errors occur
        raise OfdError("ofd.bad-font", name=name) from error


def _any_cmap(font: Any) -> dict[int, str]:
    """Characters of fonts that have only a Macintosh or symbol table (Windows symbol: U+F000 + code)."""
    found: dict[int, str] = {}
    for table in font["cmap"].tables if "cmap" in font else ():
        for code, glyph in table.cmap.items():
            found.setdefault(code, glyph)
            if 0xF000 <= code <= 0xF0FF:
                found.setdefault(code - 0xF000, glyph)
    return found
