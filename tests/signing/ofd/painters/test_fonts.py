"""R28: embedded fonts, fonts that are damaged, fonts that are not installed."""

from __future__ import annotations

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PySide6.QtGui import QImage

from signing.ofd.displaylist import TextItem
from signing.ofd.document import Document, page_display_list
from signing.ofd.fonts import LAST_RESORT, OutlineFont, candidates, typical_advance
from signing.ofd.painters import qt_fonts
from signing.ofd.painters.qt import render
from signing.ofd.resources import FontResource
from tests.signing.ofd.micro import micro, text

DPI = 254.0


def block_font(*, cff: bool = False) -> bytes:
    """A font of two glyphs: `A` fills the em's lower half, `B` (no character) its upper half."""
    import io

    builder = FontBuilder(1000, isTTF=not cff)
    builder.setupGlyphOrder([".notdef", "A", "B"])
    builder.setupCharacterMap({ord("A"): "A"})
    boxes = {".notdef": (0, 0, 0, 0), "A": (0, 0, 1000, 500), "B": (0, 500, 1000, 1000)}

    def draw(pen: T2CharStringPen | TTGlyphPen, box: tuple[int, int, int, int]) -> None:
        if box[2]:
            left, bottom, right, top = box
            pen.moveTo((left, bottom))
            for point in ((left, top), (right, top), (right, bottom)):
                pen.lineTo(point)
            pen.closePath()

    glyphs = {}
    for name, box in boxes.items():
        pen: T2CharStringPen | TTGlyphPen = T2CharStringPen(1000, None) if cff else TTGlyphPen(None)
        draw(pen, box)
        glyphs[name] = pen.getCharString() if isinstance(pen, T2CharStringPen) else pen.glyph()
    if cff:
        builder.setupCFF("Blocks", {}, glyphs, {})
    else:
        builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(boxes, (1000, 0)))
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({"familyName": "Blocks", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    out = io.BytesIO()
    builder.save(out)
    return out.getvalue()


def with_font(content: str, font: bytes, attributes: str = "") -> Document:
    return micro(
        content,
        resources=f'<ofd:Fonts><ofd:Font ID="5" FontName="Blocks" {attributes}>'
        "<ofd:FontFile>f.ttf</ofd:FontFile></ofd:Font></ofd:Fonts>",
        members={"Doc_0/Res/f.ttf": font},
    )


def dark(image: QImage, x_mm: float, y_mm: float) -> bool:
    return image.pixelColor(int(x_mm * 10), int(y_mm * 10)).lightness() < 60


TRANSFORM = "<ofd:CGTransform CodePosition='0'><ofd:Glyphs>2</ofd:Glyphs></ofd:CGTransform>"


@pytest.mark.parametrize("cff", [False, True])
@pytest.mark.parametrize("by_qt", [True, False])
@pytest.mark.parametrize("size", [4, 20])
def test_embedded_glyphs_by_character_and_by_number(
    cff: bool, by_qt: bool, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R28: 11.4, TrueType and CFF, small and large, by Qt and by outlines where Qt refuses the font."""
    if not by_qt:
        monkeypatch.setattr(qt_fonts.FontShelf, "_embedded", lambda self, member: None)
    content = text("A", "10 10 60 60", start='X="0" Y="20"', Size=size) + text(
        "A", "10 40 60 60", TRANSFORM, start='X="0" Y="20"', Size=size
    )
    page = render(with_font(content, block_font(cff=cff)), 0, DPI)
    assert page.notes == ()
    lower, upper = 30 - size / 4, 30 - size * 3 / 4
    assert dark(page.image, 10 + size / 2, lower)
    assert not dark(page.image, 10 + size / 2, upper)
    assert dark(page.image, 10 + size / 2, upper + 30)
    assert not dark(page.image, 10 + size / 2, lower + 30)


@pytest.mark.parametrize(
    ("attributes", "inside", "outside"),
    [
        ({"HScale": 0.5}, (32, 28), (37, 28)),
        ({"CharDirection": 90}, (32, 35), (28, 35)),
        ({"CharDirection": 180}, (25, 32), (35, 28)),
        ({"CharDirection": 270}, (28, 25), (32, 25)),
        ({"CTM": "0 1 -1 0 40 0"}, (32, 35), (28, 35)),
        ({"Fill": "false"}, (61, 63), (35, 28)),
    ],
)
def test_turned_and_stretched_glyphs(
    attributes: dict[str, object], inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    """R28: 11.1: HScale, CharDirection (clockwise about the glyph's origin at 30, 30), CTM, Fill."""
    mark = text("A", "59 49 9 20", start='X="0" Y="15"', Size=4)
    turned = text("A", "10 10 60 60", start='X="20" Y="20"', Size=10, **attributes)
    image = render(with_font(turned + mark, block_font()), 0, DPI).image
    assert dark(image, *inside)
    assert not dark(image, *outside)
    assert dark(image, 61, 63)


def test_outlined_text() -> None:
    """R28: Stroke with its own colour and width."""
    inner = '<ofd:StrokeColor Value="255 0 0"/>'
    content = text("A", "10 10 60 60", inner, start='X="0" Y="20"', Size=20, Stroke="true", LineWidth=1)
    image = render(with_font(content, block_font()), 0, DPI).image
    edge = image.pixelColor(200, 299)
    assert (edge.red(), edge.green()) == (255, 0)
    assert dark(image, 20, 26)


def test_a_damaged_font_is_replaced_and_told() -> None:
    """R28: ofdrw 113, 271: text is not lost when its font cannot be used."""
    page = render(with_font(text("患"), b"this is no font"), 0, DPI)
    codes = {note.code for note in page.notes}
    assert "ofd.note-bad-font" in codes
    assert any(dark(page.image, x / 2, y / 2) for x in range(20) for y in range(4, 24))


def test_a_character_the_embedded_font_lacks_comes_from_another() -> None:
    """R28: a subset without one of its characters."""
    page = render(with_font(text("患"), block_font()), 0, DPI)
    assert any(dark(page.image, x / 2, y / 2) for x in range(20) for y in range(4, 24))


def test_the_published_map() -> None:
    """R28: own name first, then substitutes of its kind, then the last resort."""

    def font(name: str, **more: bool) -> FontResource:
        flags = {"bold": False, "italic": False, "serif": False, "fixed": False, **more}
        return FontResource("1", name, "", member=None, **flags)

    assert candidates(font("楷体"))[0] == "楷体"
    assert candidates(font("楷体")).index("AR PL KaitiM GB") < candidates(font("楷体")).index(
        "AR PL SungtiL GB"
    )
    assert "AR PL SungtiL GB" in candidates(font("ABCDEF+SimSun"))[:6]
    assert candidates(font("ABCDEF+SimSun"))[0] == "SimSun"
    assert candidates(font("仿宋_GB2312"))[1] == "FangSong"
    assert "Liberation Mono" in candidates(font("Courier New"))[:3]
    assert "Liberation Sans" in candidates(font("Arial"))[:4]
    assert candidates(font("Nobody", fixed=True))[1] == "Courier New"
    assert set(LAST_RESORT) <= set(candidates(None))
    assert typical_advance("患a") == 1.5


def test_a_substitute_is_told_on_the_pages_that_use_it() -> None:
    """R28: the page report names both fonts."""
    resources = '<ofd:Fonts><ofd:Font ID="5" FontName="No Such 宋体"/></ofd:Fonts>'
    document = micro(text("患"), resources=resources)
    first = render(document, 0, DPI).notes
    assert [n.code for n in first] == ["ofd.note-substitution"]
    assert first == render(document, 0, DPI).notes


def test_outline_font_reads_widths_and_outlines() -> None:
    """R28: without any window system."""
    font = OutlineFont(block_font())
    assert (font.index("A"), font.index("x"), font.advance(1)) == (1, 0, 1.0)
    assert ("M", (0.0, 0.0)) in font.outline(1)
    assert font.outline(99) == ()


def test_advances_of_the_embedded_font_are_used_without_deltas() -> None:
    """R28: AA without DeltaX stand side by side."""
    document = with_font(text("AA", start='X="0" Y="20"', Size=10), block_font())
    (item,) = page_display_list(document, 0).items
    assert isinstance(item, TextItem)
    assert [g.x for g in item.glyphs] == [0, 10]
