"""R28, R45: words are placed as the document says and found with their positions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.ofd.displaylist import TextItem
from signing.ofd.displaylist_text import parse_delta
from signing.ofd.document import (
    Document,
    OfdError,
    find_on_page,
    find_text,
    nth_hit,
    open_document,
    page_display_list,
    page_text,
)
from tests.signing.ofd.micro import fill, micro, text

FONT = '<ofd:Fonts><ofd:Font ID="5" FontName="宋体" FamilyName="宋体"/></ofd:Fonts>'
EMBEDDED = (
    '<ofd:Fonts><ofd:Font ID="5" FontName="F"><ofd:FontFile>f.ttf</ofd:FontFile></ofd:Font></ofd:Fonts>'
)


def page(content: str, resources: str = FONT) -> Document:
    members = {"Doc_0/Res/f.ttf": b"not a font"} if resources is EMBEDDED else {}
    return micro(content, resources=resources, members=members)


def placed(content: str, resources: str = FONT) -> list[tuple[str, int, float, float]]:
    found = []
    for item in page_display_list(page(content, resources), 0).items:
        assert isinstance(item, TextItem)
        found += [(g.text, g.number, round(g.x, 3), round(g.y, 3)) for g in item.glyphs]
    return found


def test_deltas() -> None:
    """R28: 11.3: numbers, `g n v`, and never more than there are characters."""
    assert parse_delta("1 g 3 2.5 -4", 99) == [1, 2.5, 2.5, 2.5, -4]
    assert parse_delta("g 999999999 1", 5) == [1, 1, 1, 1, 1]
    assert parse_delta("g", 5) == []
    assert parse_delta("x 2", 5) == [0, 2]
    assert parse_delta(None, 5) == []


@given(st.text("g 0123456789.-x", max_size=40), st.integers(0, 30))
def test_any_delta_text_is_read(words: str, most: int) -> None:
    """R28: a delta list is bounded whatever it says."""
    assert len(parse_delta(words, most)) <= most


def test_positions_follow_the_deltas() -> None:
    """R28: a short list goes on with its last value; DeltaY moves down; X and Y are inherited."""
    assert placed(text("一二三四", start='X="1" Y="10" DeltaX="3 4"')) == [
        ("一", -1, 1, 10),
        ("二", -1, 4, 10),
        ("三", -1, 8, 10),
        ("四", -1, 12, 10),
    ]
    assert [p[2:] for p in placed(text("一二", start='X="0" Y="10" DeltaY="5"'))] == [(0, 10), (0, 15)]
    two = text("一", start='X="2" Y="20"').replace(
        "</ofd:TextObject>", '<ofd:TextCode Y="30">二</ofd:TextCode></ofd:TextObject>'
    )
    assert [p[2:] for p in placed(two)] == [(2, 20), (2, 30)]


def test_without_deltas_widths_are_used_and_told() -> None:
    """R28: readers do so, although by the letter all characters would lie on one spot."""
    document = page(text("一a二", start='X="0" Y="10"'))
    drawn = page_display_list(document, 0)
    (item,) = drawn.items
    assert isinstance(item, TextItem)
    assert [g.x for g in item.glyphs] == [0, 10, 15]
    assert {n.code for n in drawn.notes} == {"ofd.note-no-delta"}


@pytest.mark.parametrize(
    ("transform", "code", "delta", "expected"),
    [
        # one to one
        ('CodePosition="1"', "ab", "5", [("a", -1, 0), ("b", 7, 5)]),
        # two codes, one glyph: deltas count glyphs
        (
            'CodePosition="1" CodeCount="2" GlyphCount="1"',
            "afib",
            "5 6",
            [("a", -1, 0), ("fi", 7, 5), ("b", -1, 11)],
        ),
        # the same where deltas count codes
        (
            'CodePosition="1" CodeCount="2" GlyphCount="1"',
            "afib",
            "5 3 3",
            [("a", -1, 0), ("fi", 7, 5), ("b", -1, 11)],
        ),
    ],
)
def test_glyph_transforms(
    transform: str, code: str, delta: str, expected: list[tuple[str, int, float]]
) -> None:
    """R28: 11.4, with an embedded font."""
    inner = f"<ofd:CGTransform {transform}><ofd:Glyphs>7</ofd:Glyphs></ofd:CGTransform>"
    content = text(code, inner=inner, start=f'X="0" Y="10" DeltaX="{delta}"')
    assert [(t, n, x) for t, n, x, _ in placed(content, EMBEDDED)] == expected


def test_one_code_to_several_glyphs() -> None:
    """R28: 11.4, one to many."""
    inner = (
        '<ofd:CGTransform CodePosition="0" CodeCount="1" GlyphCount="3"><ofd:Glyphs>7 8 9</ofd:Glyphs>'
        "</ofd:CGTransform>"
    )
    content = text("ab", inner=inner, start='X="0" Y="10" DeltaX="1 2 3"')
    assert [(t, n, x) for t, n, x, _ in placed(content, EMBEDDED)] == [
        ("a", 7, 0),
        ("", 8, 1),
        ("", 9, 3),
        ("b", -1, 6),
    ]


def test_glyph_numbers_of_a_font_that_is_not_there_do_not_count() -> None:
    """R28: z.ofd names glyph 191 of a Times New Roman that nobody embedded."""
    inner = "<ofd:CGTransform CodePosition='0'><ofd:Glyphs>191</ofd:Glyphs></ofd:CGTransform>"
    assert placed(text("a", inner=inner)) == [("a", -1, 0, 10)]


def test_a_transform_may_stand_before_a_later_code() -> None:
    """R28: positions go on over the TextCodes of an object."""
    inner = "<ofd:CGTransform CodePosition='3'><ofd:Glyphs>7</ofd:Glyphs></ofd:CGTransform>"
    two = text("ab", inner=inner, start='X="0" Y="10" DeltaX="5"').replace(
        "</ofd:TextObject>", '<ofd:TextCode X="0" Y="19" DeltaX="5">cd</ofd:TextCode></ofd:TextObject>'
    )
    assert [(t, n) for t, n, _, _ in placed(two, EMBEDDED)] == [("a", -1), ("b", -1), ("c", -1), ("d", 7)]


def test_found_across_objects_of_a_line() -> None:
    """R45: a keyword put together from several objects, its box in mm, white space not counting."""
    content = (
        text("签名：", "30 40 30 10", start='X="0" Y="8.6" DeltaX="10 10"')
        + text("患 者", "0 40 30 10", start='X="0" Y="8.6" DeltaX="10 5"')
        + text("患者", "0 70 30 10", start='X="0" Y="8.6" DeltaX="10"')
    )
    document = page(content)
    (hit,) = find_text(document, "患者签名")
    assert (hit.page, hit.x_mm, hit.width_mm) == (0, 0, pytest.approx(50))
    assert (hit.y_mm, hit.height_mm) == (pytest.approx(40), pytest.approx(10))
    assert len(find_text(document, "患者")) == 2
    assert nth_hit(document, "患者", 2).y_mm == pytest.approx(70)
    assert nth_hit(document, "患者", -1) == nth_hit(document, "患者", 2)
    for nth in (0, 3, -3):
        with pytest.raises(OfdError) as caught:
            nth_hit(document, "患者", nth)
        assert caught.value.code == "ofd.text-not-found"
    assert find_text(document, " ") == []
    assert page_text(document, 0) == "患 者签名：\n患者"


def test_imitated_bold_counts_once_and_columns_are_apart() -> None:
    """R45: text drawn twice with a small offset; two columns on one baseline."""
    twice = text("患者", "0 40 30 10", start='X="0" Y="8" DeltaX="10"') * 2
    document = page(twice + text("签名", "0.3 40 30 10", start='X="20" Y="8" DeltaX="10"'))
    assert len(find_text(document, "患者签名")) == 1
    far = text("甲", "0 0 3 3", Size=3) + text("乙", "90 0 3 3", Size=3)
    assert find_text(page(far), "甲乙") == []


@pytest.mark.parametrize(
    ("attributes", "start", "box"),
    [
        ({"CTM": "2 0 0 2 0 0"}, 'X="0" Y="10" DeltaX="10"', (0, 2.8, 40, 20)),
        ({"CTM": "0 1 -1 0 50 0"}, 'X="0" Y="10" DeltaX="10"', (38.6, 0, 10, 20)),
        ({"ReadDirection": 90}, 'X="0" Y="10" DeltaX="0" DeltaY="10"', (0, 1.4, 10, 20)),
        ({"HScale": 0.5}, 'X="0" Y="10" DeltaX="5"', (0, 1.4, 10, 10)),
    ],
)
def test_boxes_of_turned_and_stretched_text(
    attributes: dict[str, object], start: str, box: tuple[float, float, float, float]
) -> None:
    """R45: the box is upright and in page millimetres."""
    (hit,) = find_text(page(text("签名", start=start, **attributes)), "签名")
    assert (hit.x_mm, hit.y_mm, hit.width_mm, hit.height_mm) == pytest.approx(box)


def test_hidden_text_and_annotations_are_not_found() -> None:
    """R45: signing must not change what a keyword finds; what is not shown is not found."""
    document = page(text("签名", Visible="false") + fill("0 0 0", "M 0 0 L 1 1 C"))
    assert find_text(document, "签名") == []


@pytest.mark.parametrize(
    ("name", "words", "page_index", "near"),
    [
        # positions computed by hand from the XML of the page: Boundary + X, Boundary + Y − 0.86 Size
        ("ofdrw/converter/999.ofd", "050001700111", 0, (164, 7.557)),
        ("ofdrw/converter/999.ofd", "10000.00", 0, (150.8, 57.1)),
        ("ofdrw/converter/999.ofd", "校验码", 0, (148.6, 24.0)),
        ("ofdrw/converter/zsbk.ofd", "某某省住房和城乡建设厅", 0, (88.862, 157.67)),
        ("ofdrw/converter/helloworld.ofd", "OFD Reader&Writer", 0, None),
    ],
)
def test_found_in_samples(
    shared_testdata: Path, name: str, words: str, page_index: int, near: tuple[float, float] | None
) -> None:
    """R45: real documents, character for character."""
    document = open_document(shared_testdata / "ofd" / name)
    hit = find_on_page(document, page_index, words)[0]
    assert "".join(hit.text.split()) == "".join(words.split())
    if near is not None:
        assert (hit.x_mm, hit.y_mm) == pytest.approx(near, abs=0.05)
