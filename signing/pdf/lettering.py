"""Lines of text as a PDF form with an embedded subset of a font that has Chinese (ISO 32000-1 §9.7)."""

from __future__ import annotations

from collections.abc import Sequence

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.writer import BasePdfFileWriter

from signing.pdf.fonts import FontFile, FontSubset, cut, find_fonts, runs

LEADING = 1.3
LARGEST_PT = 9.0
SHARE = 0.4
"""The largest part of the box's height that lines of text may take."""


def lettering_height(lines: Sequence[str], height_pt: float) -> float:
    """How much of a box `height_pt` high the lines take, in pt."""
    return min(SHARE * height_pt, len(lines) * LARGEST_PT * LEADING) if lines else 0.0


def lettering_form(
    writer: BasePdfFileWriter, lines: Sequence[str], width_pt: float, height_pt: float
) -> generic.IndirectObject:
    """A form XObject of the size given with the lines set from the top, as large as fits up to 9 pt.

    Raises:
        FontError: no font was found.
    """
    fonts = find_fonts()
    spelled = [list(runs(line, fonts)) for line in lines]
    used = sorted({index for line in spelled for index, _ in line})
    subsets = {index: _cut(fonts[index], spelled, index) for index in used}
    widest = max((_width(line, subsets) for line in spelled), default=0.0)
    size = min(LARGEST_PT, height_pt / (LEADING * len(lines)), width_pt / widest if widest else LARGEST_PT)
    content = [b"BT\n0.2 g\n"]
    for number, line in enumerate(spelled):
        baseline = height_pt - size * (LEADING * number + 1)
        content.append(b"1 0 0 1 0 %s Tm\n" % _number(baseline))
        for index, piece in line:
            glyphs = "".join(
                f"{subsets[index].glyphs[ord(c)]:04X}" for c in piece if ord(c) in subsets[index].glyphs
            )
            content.append(b"/F%d %s Tf <%s> Tj\n" % (index, _number(size), glyphs.encode("ascii")))
    content.append(b"ET\n")
    resources = generic.DictionaryObject(
        {
            pdf_name("/Font"): generic.DictionaryObject(
                {pdf_name(f"/F{index}"): embed_font(writer, subsets[index]) for index in used}
            )
        }
    )
    form = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): generic.ArrayObject(
                [generic.FloatObject(f"{value:.3f}") for value in (0, 0, width_pt, height_pt)]
            ),
            pdf_name("/Resources"): resources,
        },
        stream_data=b"".join(content),
    )
    form.compress()
    return writer.add_object(form)


def embed_font(writer: BasePdfFileWriter, font: FontSubset) -> generic.IndirectObject:
    """A Type0 font over the subset, glyph numbers as codes, with a ToUnicode map."""
    name = pdf_name(f"/{_tag(font)}+{font.name}")
    file = generic.StreamObject(
        {pdf_name("/Length1"): generic.NumberObject(len(font.data))}, stream_data=font.data
    )
    file.compress()
    descriptor = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/FontDescriptor"),
            pdf_name("/FontName"): name,
            pdf_name("/Flags"): generic.NumberObject(4),
            pdf_name("/FontBBox"): generic.ArrayObject([generic.NumberObject(v) for v in font.box]),
            pdf_name("/ItalicAngle"): generic.NumberObject(0),
            pdf_name("/Ascent"): generic.NumberObject(font.ascent),
            pdf_name("/Descent"): generic.NumberObject(font.descent),
            pdf_name("/CapHeight"): generic.NumberObject(font.ascent),
            pdf_name("/StemV"): generic.NumberObject(80),
            pdf_name("/FontFile2"): writer.add_object(file),
        }
    )
    widths = generic.ArrayObject()
    for glyph, width in sorted(font.widths.items()):
        widths += [generic.NumberObject(glyph), generic.ArrayObject([generic.NumberObject(width)])]
    descendant = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Font"),
            pdf_name("/Subtype"): pdf_name("/CIDFontType2"),
            pdf_name("/BaseFont"): name,
            pdf_name("/CIDSystemInfo"): generic.DictionaryObject(
                {
                    pdf_name("/Registry"): generic.pdf_string("Adobe"),
                    pdf_name("/Ordering"): generic.pdf_string("Identity"),
                    pdf_name("/Supplement"): generic.NumberObject(0),
                }
            ),
            pdf_name("/FontDescriptor"): writer.add_object(descriptor),
            pdf_name("/CIDToGIDMap"): pdf_name("/Identity"),
            pdf_name("/W"): widths,
        }
    )
    to_unicode = generic.StreamObject(stream_data=_to_unicode(font))
    to_unicode.compress()
    return writer.add_object(
        generic.DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/Font"),
                pdf_name("/Subtype"): pdf_name("/Type0"),
                pdf_name("/BaseFont"): name,
                pdf_name("/Encoding"): pdf_name("/Identity-H"),
                pdf_name("/DescendantFonts"): generic.ArrayObject([writer.add_object(descendant)]),
                pdf_name("/ToUnicode"): writer.add_object(to_unicode),
            }
        )
    )


def _cut(font: FontFile, lines: Sequence[Sequence[tuple[int, str]]], index: int) -> FontSubset:
    wanted = {c for line in lines for number, piece in line if number == index for c in piece if font.has(c)}
    return cut(font.path, wanted | {" "}, index=font.index)


def _width(line: Sequence[tuple[int, str]], subsets: dict[int, FontSubset]) -> float:
    """Width of a line at size 1."""
    return (
        sum(
            subsets[index].widths[subsets[index].glyphs[ord(c)]]
            for index, piece in line
            for c in piece
            if ord(c) in subsets[index].glyphs
        )
        / 1000
    )


def _to_unicode(font: FontSubset) -> bytes:
    pairs = [
        f"<{glyph:04X}> <{chr(code).encode('utf-16-be').hex().upper()}>"
        for code, glyph in sorted(font.glyphs.items())
    ]
    blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    mapping = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
        f"{mapping}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode("ascii")


def _tag(font: FontSubset) -> str:
    """Six letters that stand for the set of characters (ISO 32000-1 §9.6.4)."""
    number = sum(code * (position + 1) for position, code in enumerate(sorted(font.glyphs)))
    return "".join(chr(ord("A") + number // 26**power % 26) for power in range(6))


def _number(value: float) -> bytes:
    return f"{value:.3f}".rstrip("0").rstrip(".").encode("ascii")
