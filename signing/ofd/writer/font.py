"""Measures text in a TrueType font and cuts the font down to the characters a document uses."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cached_property

from fontTools import subset
from fontTools.ttLib import TTFont

from signing.ofd.errors import OfdError

_NOT_FIRST = frozenset("，。、；：！？）》」』】〕”’％,.;:!?)]}%")
_NOT_LAST = frozenset("（《「『【〔“‘([{")


class EmbeddedFont:
    """A font to be embedded. `name` is what the document calls it; `data` a TrueType file or collection.

    The font's licence must allow embedding; that is the caller's to see to.

    Raises (on first use):
        OfdError: `ofd.bad-font`.
    """

    def __init__(self, name: str, data: bytes, number: int = 0) -> None:
        self.name = name
        self._data = data
        self._number = number

    @cached_property
    def _widths(self) -> dict[int, float]:
        try:
            font = self._open()
            units = float(font["head"].unitsPerEm)
            metrics = font["hmtx"].metrics
            return {code: metrics[glyph][0] / units for code, glyph in font.getBestCmap().items()}
        except Exception as error:  # fontTools documents no errors
            raise OfdError("ofd.bad-font", name=self.name) from error

    def width(self, text: str, size: float, spacing: float = 0.0) -> float:
        """Length of the text in mm.

        Raises:
            OfdError: `ofd.no-such-character`.
        """
        return sum(self.advances(text, size)) + spacing * max(0, len(text) - 1)

    def advances(self, text: str, size: float) -> list[float]:
        """Width of each character in mm.

        Raises:
            OfdError: `ofd.no-such-character`.
        """
        try:
            return [self._widths[ord(c)] * size for c in text]
        except KeyError as error:
            code = f"U+{error.args[0]:04X}"
            raise OfdError("ofd.no-such-character", font=self.name, character=code) from error

    def wrap(self, text: str, size: float, width: float) -> list[str]:
        """The text broken into lines no longer than `width` mm.

        Chinese may be broken anywhere but before a closing and after an opening mark; words of letters and
        digits stay whole where they fit on a line.

        Raises:
            OfdError: `ofd.no-such-character`.
        """
        lines: list[str] = []
        for paragraph in text.split("\n"):
            line = ""
            for piece in _pieces(paragraph):
                if line and self.width(line + piece, size) > width and piece not in _NOT_FIRST:
                    carried = ""
                    while line and line[-1] in _NOT_LAST:
                        carried, line = line[-1] + carried, line[:-1]
                    lines.append(line.rstrip())
                    line = carried + piece.lstrip() if not carried else carried + piece
                else:
                    line += piece
            lines.append(line.rstrip())
        return lines

    def subset(self, characters: Iterable[str]) -> bytes:
        """A TrueType file with just these characters, found by their Unicode numbers; always the same bytes.

        Raises:
            OfdError: `ofd.bad-font`.
        """
        try:
            font = self._open()
            options = subset.Options()
            options.layout_features = []
            options.hinting = False
            options.notdef_outline = True
            options.glyph_names = False
            options.name_IDs = [1, 2, 3, 4, 6, 13, 14]
            options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "DSIG", "FFTM", "EBDT", "EBLC", "EBSC"]
            options.recalc_timestamp = False
            cutter = subset.Subsetter(options)
            cutter.populate(unicodes=sorted({ord(c) for c in characters}))
            cutter.subset(font)
            out = io.BytesIO()
            font.save(out, reorderTables=True)
            return out.getvalue()
        except Exception as error:  # fontTools documents no errors
            raise OfdError("ofd.bad-font", name=self.name) from error

    def _open(self) -> TTFont:
        return TTFont(io.BytesIO(self._data), fontNumber=self._number, lazy=True, recalcTimestamp=False)


def _pieces(text: str) -> Iterable[str]:
    """Parts that are not broken: a word of ASCII letters and digits, or one character."""
    word = ""
    for character in text:
        if character.isascii() and (character.isalnum() or character in "-_/@#&+='"):
            word += character
            continue
        if word:
            yield word
            word = ""
        yield character
    if word:
        yield word
