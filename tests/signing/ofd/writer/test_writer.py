"""R15, R28: new documents: reproducible, embedded subsets, found and drawn where they were put."""

from __future__ import annotations

import io
from datetime import date

import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from signing.ofd.document import OfdError, find_text, open_document, page_text
from signing.ofd.painters.qt import render, render_page
from signing.ofd.writer import (
    EmbeddedFont,
    Line,
    PageContent,
    Picture,
    Rectangle,
    TextLine,
    make_document,
)
from tests.signing.ofd.painters.test_fonts import block_font

CREATED = date(2026, 11, 22)


def font() -> EmbeddedFont:
    return EmbeddedFont("Blocks & <Co>", block_font())


def png(color: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(out, "PNG")
    return out.getvalue()


def pages() -> list[PageContent]:
    return [
        PageContent(
            (
                Rectangle(10, 10, 30, 20, thickness=1, color=(0, 0, 255), fill=(255, 255, 0)),
                Line(10, 50, 90, 50, thickness=2, color=(255, 0, 0)),
                TextLine(20, 70, "AAA", size=6),
                Picture(60, 10, 20, 20, png((0, 255, 0))),
                Picture(60, 32, 5, 5, png((0, 255, 0))),
            ),
            100,
            100,
        ),
        PageContent((TextLine(20, 70, "A", size=6, spacing=1),), 100, 150),
    ]


def test_the_same_input_gives_the_same_bytes() -> None:
    """R15: the demo documents are made again and compared in CI."""
    first, again = (make_document(pages(), {"body": font()}, title="<测试>", created=CREATED) for _ in "ab")
    assert first == again
    assert first != make_document(pages(), {"body": font()}, title="测试二", created=CREATED)


def test_everything_lies_where_it_was_put() -> None:
    """R28: pixels of the drawn page, at ten to the millimetre."""
    data = make_document(pages(), {"body": font(), "unused": font()}, title="测试", created=CREATED)
    document = open_document(data)
    assert document.package.tolerances == ()
    assert [page.size_mm for page in document.pages] == [(100, 100), (100, 150)]
    page = render(document, 0, 254)
    assert page.notes == ()

    def at(x: float, y: float) -> tuple[int, int, int]:
        color = page.image.pixelColor(int(x * 10), int(y * 10))
        return color.red(), color.green(), color.blue()

    assert at(25, 20) == (255, 255, 0)
    assert at(9.7, 20) == at(40.3, 20) == at(25, 30.3) == (0, 0, 255)
    assert at(50, 49.2) == at(50, 50.8) == at(10.1, 50) == at(89.9, 50) == (255, 0, 0)
    assert at(50, 48.8) == at(50, 51.2) == (255, 255, 255)
    assert at(70, 20) == at(62, 34) == (0, 255, 0)
    assert at(23, 69) == at(37, 69) == (0, 0, 0)
    (hit,) = find_text(document, "AAA")
    assert (hit.x_mm, hit.width_mm, hit.height_mm) == pytest.approx((20, 18, 6))
    assert page_text(document, 1) == "A"
    assert render_page(document, 1, 25.4).height() == 150


def test_fonts_and_pictures_are_stored_once_and_small() -> None:
    """R28: only the characters used; a picture used twice is one member; an unused font none."""
    data = make_document(pages(), {"body": font(), "unused": font()}, title="测试", created=CREATED)
    package = open_document(data).package
    names = package.names()
    assert [n for n in names if n.endswith(".ttf")] == ["Doc_0/Res/font_1.ttf"]
    assert len([n for n in names if n.endswith(".png")]) == 1
    subset = TTFont(io.BytesIO(package.read("Doc_0/Res/font_1.ttf")))
    assert list(subset.getBestCmap()) == [ord("A")]
    assert len(subset.getGlyphOrder()) == 2


def test_lines_are_broken_as_chinese_is() -> None:
    """R15: no closing mark begins a line, no opening one ends it, words stay whole."""

    class Square(EmbeddedFont):
        def advances(self, text: str, size: float) -> list[float]:
            return [size * (0.5 if c.isascii() else 1) for c in text]

    square = Square("x", b"")
    assert square.wrap("一二三四五。六七", 1, 5) == ["一二三四五。", "六七"]
    assert square.wrap("一二三四（五六）", 1, 5) == ["一二三四", "（五六）"]
    assert square.wrap("一二 word三", 1, 3.9) == ["一二", "word三"]
    assert square.wrap("一\n\n二", 1, 5) == ["一", "", "二"]


def test_what_cannot_be_written_is_refused() -> None:
    """R15: one sentence each."""
    for content, code in (
        ((TextLine(0, 9, "患"),), "ofd.no-such-character"),
        ((Picture(0, 0, 9, 9, b"GIF89a"),), "ofd.bad-image"),
    ):
        with pytest.raises(OfdError) as caught:
            make_document([PageContent(content)], {"body": font()}, title="x", created=CREATED)
        assert caught.value.code == code
    with pytest.raises(OfdError) as caught:
        make_document([], {}, title="x", created=CREATED)
    assert caught.value.code == "ofd.no-pages"
    with pytest.raises(OfdError) as caught:
        EmbeddedFont("bad", b"no font").width("A", 1)
    assert caught.value.code == "ofd.bad-font"
