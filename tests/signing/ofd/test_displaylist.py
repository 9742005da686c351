"""R28: what a page shows, as numbers: paths, colours, draw parameters, clips, composites, notes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.ofd.displaylist import Color, Gradient, Group, ImageItem, Item, PathItem
from signing.ofd.displaylist_path import bounds, parse_path
from signing.ofd.document import page_display_list
from signing.ofd.geometry import IDENTITY, Matrix, parse_matrix, rotation, translation
from signing.ofd.model import load_document
from signing.ofd.package import Limits, open_package
from tests.signing.ofd.micro import SQUARE, fill, micro, micro_bytes, path, text


def items(content: str, **parts: object) -> tuple[Item, ...]:
    return page_display_list(micro(content, **parts), 0).items


def only_path(content: str, **parts: object) -> PathItem:
    (item,) = items(content, **parts)
    assert isinstance(item, PathItem)
    return item


def notes(content: str, **parts: object) -> set[str]:
    return {note.code for note in page_display_list(micro(content, **parts), 0).notes}


def test_every_path_operator_is_read() -> None:
    """R28: 9.1, table 35, and operators that run together."""
    segments, whole = parse_path("S 1 2 L 3 4 Q 5 6 7 8 B 1 1 2 2 3 3 CM0 0L-1.5e1 .5 2 2C")
    assert whole
    assert segments == (
        ("M", (1, 2)),
        ("L", (3, 4)),
        ("Q", (5, 6, 7, 8)),
        ("B", (1, 1, 2, 2, 3, 3)),
        ("C", ()),
        ("M", (0, 0)),
        ("L", (-15, 0.5)),
        ("L", (2, 2)),
        ("C", ()),
    )


@pytest.mark.parametrize("data", ["M 1", "X 1 2", "M 1 2 L 3", "1 2", "M 1 2 L 3 x", "C 1", "M 1e9 0 L 1 1"])
def test_wrong_path_data_is_told(data: str) -> None:
    """R28: what follows the mistake is not drawn, and the report says so."""
    assert not parse_path(data)[1]
    assert "ofd.note-path-data" in notes(path(data))


@pytest.mark.parametrize(
    ("large", "sweep", "middle"), [(0, 1, (0, -10)), (1, 0, (0, 10)), (1, 1, (0, -10)), (0, 0, (0, 10))]
)
def test_half_circles(large: int, sweep: int, middle: tuple[float, float]) -> None:
    """R28: an arc with sweep 1 goes clockwise as seen, y down."""
    segments, whole = parse_path(f"M -10 0 A 10 10 0 {large} {sweep} 10 0")
    assert whole
    assert segments[-1][1][-2:] == (10, 0)
    ends = [values[-2:] for _, values in segments[1:]]
    assert any(math.dist(end, middle) < 1e-9 for end in ends)


def test_arcs_that_cannot_reach_or_have_no_radius() -> None:
    """R28: radii grow until they reach; without a radius the arc is a line."""
    grown, _ = parse_path("M 0 0 A 1 1 0 0 1 10 0")
    box = bounds(grown)
    assert box is not None
    assert box.y == pytest.approx(-5, abs=0.1)
    assert parse_path("M 0 0 A 0 5 0 0 1 10 0")[0][1] == ("L", (10, 0))


@given(st.text("SMLQBAC 0123456789.-eE", max_size=80))
def test_no_path_data_raises(data: str) -> None:
    """R28: any text is a path or a note."""
    segments, _ = parse_path(data)
    assert all(math.isfinite(v) for _, values in segments for v in values)


def test_matrices() -> None:
    """R28: a CTM of six numbers; first the inner, then the outer."""
    assert parse_matrix("2 0 0 3 4 5").map(1, 1) == (6, 8)
    assert parse_matrix("1 2 3") == IDENTITY
    assert Matrix(2, 0, 0, 2, 0, 0).then(translation(1, 1)).map(1, 0) == (3, 1)
    assert rotation(90).map(1, 0) == (0, 1)
    assert rotation(270).map(1, 0) == (0, -1)


def test_boundary_and_ctm_place_an_object() -> None:
    """R28: 8.5: object space, then CTM, then the Boundary's corner, then the page's origin."""
    area = "<ofd:Area><ofd:PhysicalBox>5 5 90 90</ofd:PhysicalBox></ofd:Area>"
    item = only_path(path("M 0 0 L 1 1", "10 20 30 30", CTM="2 0 0 2 1 1"), page=area)
    assert item.matrix.map(1, 1) == (10 + 3 - 5, 20 + 3 - 5)


@pytest.mark.parametrize(
    ("attributes", "space", "color"),
    [
        ('Value="255 128 0"', "", (255, 128, 0)),
        ('Value="#ff #80 #0"', "", (255, 128, 0)),
        (
            'Value="1 0 0" ColorSpace="4"',
            '<ofd:ColorSpace ID="4" Type="RGB" BitsPerComponent="1"/>',
            (255, 0, 0),
        ),
        ('Value="51" ColorSpace="4"', '<ofd:ColorSpace ID="4" Type="GRAY"/>', (51, 51, 51)),
        ('Value="255 0 0 0" ColorSpace="4"', '<ofd:ColorSpace ID="4" Type="CMYK"/>', (0, 255, 255)),
        ('Value="0 0 0 255" ColorSpace="4"', '<ofd:ColorSpace ID="4" Type="CMYK"/>', (0, 0, 0)),
        (
            'Index="1" ColorSpace="4"',
            '<ofd:ColorSpace ID="4" Type="RGB"><ofd:Palette><ofd:CV>1 2 3</ofd:CV><ofd:CV>4 5 6</ofd:CV>'
            "</ofd:Palette></ofd:ColorSpace>",
            (4, 5, 6),
        ),
        ("", "", (0, 0, 0)),
    ],
)
def test_colors(attributes: str, space: str, color: tuple[int, int, int]) -> None:
    """R28: 8.3.1 to 8.3.3."""
    item = only_path(
        path(SQUARE, inner=f"<ofd:FillColor {attributes}/>", Fill="true"),
        resources=f"<ofd:ColorSpaces>{space}</ofd:ColorSpaces>",
    )
    assert isinstance(item.fill, Color)
    assert (item.fill.red, item.fill.green, item.fill.blue) == color


def test_alpha_of_object_and_color_multiply() -> None:
    """R28: Alpha 0–255 on both."""
    item = only_path(
        path(
            SQUARE,
            inner='<ofd:FillColor Value="0 0 0" Alpha="51"/>',
            Fill="true",
            Stroke="false",
            Alpha="128",
        )
    )
    assert isinstance(item.fill, Color)
    assert item.fill.alpha == pytest.approx(51 / 255 * 128 / 255)


def test_fill_and_stroke_defaults() -> None:
    """R28: 9.1: a path has a black line of 0.353 mm and no filling, unless it says otherwise."""
    item = only_path(path(SQUARE))
    assert item.fill is None
    assert item.stroke is not None
    assert (item.stroke.paint, item.stroke.width, item.stroke.cap) == (Color(0, 0, 0), 0.353, "Butt")
    assert items(path(SQUARE, Stroke="false")) == ()
    assert items(path(SQUARE, Visible="false")) == ()


def test_the_chain_of_draw_parameters() -> None:
    """R28: 8.2: object, own DrawParam, what that is Relative to, the layer's DrawParam, default."""
    params = (
        '<ofd:DrawParams><ofd:DrawParam ID="20" LineWidth="1" Cap="Round" Join="Bevel" MiterLimit="9"/>'
        '<ofd:DrawParam ID="21" Relative="22" LineWidth="2"/>'
        '<ofd:DrawParam ID="22" LineWidth="3" Cap="Square"><ofd:StrokeColor Value="1 2 3"/></ofd:DrawParam>'
        '<ofd:DrawParam ID="23" Relative="24"/><ofd:DrawParam ID="24" Relative="23"/></ofd:DrawParams>'
    )
    item = only_path(path("M 0 0 L 9 9", DrawParam="21"), resources=params)
    assert item.stroke is not None
    assert (item.stroke.width, item.stroke.cap, item.stroke.join) == (2, "Square", "Miter")
    assert item.stroke.paint == Color(1, 2, 3)
    item = only_path(path("M 0 0 L 9 9", DrawParam="21", LineWidth="5"), resources=params)
    assert item.stroke is not None
    assert item.stroke.width == 5
    assert notes(path("M 0 0 L 9 9", DrawParam="23"), resources=params) == {"ofd.note-draw-param-loop"}
    assert notes(path("M 0 0 L 9 9", DrawParam="77"), resources=params) == {"ofd.note-missing-draw-param"}


def test_the_boundary_clips_what_leaves_it_and_only_that() -> None:
    """R28: 8.5; a level line in a Boundary of no height is still seen."""
    assert isinstance(items(fill("0 0 0", SQUARE, "0 0 10 10"))[0], PathItem)
    clipped = items(fill("0 0 0", SQUARE, "0 0 5 10"))[0]
    assert isinstance(clipped, Group)
    assert isinstance(items(path("M 0 0 L 10 0", "5 5 10 0"))[0], PathItem)


def test_clips_lie_in_boundary_space_unless_trans_flag() -> None:
    """R28: 8.4; TransFlag decides whether the object's CTM moves the clip too."""
    for flag, corner in (("", (10, 10)), (' TransFlag="true"', (20, 20)), (' TransFlag="false"', (10, 10))):
        clips = (
            f'<ofd:Clips{flag}><ofd:Clip><ofd:Area><ofd:Path Boundary="0 0 5 5"><ofd:AbbreviatedData>{SQUARE}'
            "</ofd:AbbreviatedData></ofd:Path></ofd:Area></ofd:Clip></ofd:Clips>"
        )
        (group,) = items(path("M 0 0 L 1 1", inner=clips, CTM="2 0 0 2 0 0"))
        assert isinstance(group, Group)
        (region,) = group.clips[0].regions
        assert region.matrix.map(10, 10) == corner
    assert isinstance(items(path("M 0 0 L 1 1", inner="<ofd:Clips/>"))[0], PathItem)


def test_composites_are_drawn_in_place_and_cannot_hang() -> None:
    """R28: 13; a composite that holds itself ends, and so does one that doubles itself."""
    unit = (
        '<ofd:CompositeGraphicUnit ID="30" Width="10" Height="10"><ofd:Content>{}</ofd:Content>'
        "</ofd:CompositeGraphicUnit>"
    )
    again = '<ofd:CompositeObject ID="31" Boundary="1 1 20 20" ResourceID="30"/>'
    resources = f"<ofd:CompositeGraphicUnits>{unit.format(fill('9 9 9', SQUARE))}</ofd:CompositeGraphicUnits>"
    (group,) = items(again, resources=resources)
    assert isinstance(group, Group)
    inner = group.items[0]
    assert isinstance(inner, PathItem)
    assert inner.matrix.map(0, 0) == (1, 1)
    doubling = f"<ofd:CompositeGraphicUnits>{unit.format(again * 20)}</ofd:CompositeGraphicUnits>"
    data = micro_bytes(again, resources=doubling)
    drawn = page_display_list(load_document(open_package(data, Limits(display_items=5000))), 0)
    assert {note.code for note in drawn.notes} >= {"ofd.note-too-many-objects"}
    assert notes('<ofd:CompositeObject ID="31" Boundary="1 1 2 2" ResourceID="77"/>') == {
        "ofd.note-missing-composite"
    }


def test_what_is_not_drawn_is_told() -> None:
    """R28: nothing is left out in silence."""
    pattern = '<ofd:FillColor><ofd:Pattern Width="1" Height="1"/></ofd:FillColor>'
    assert notes(path(SQUARE, inner=pattern, Fill="true")) == {"ofd.note-shading"}
    assert notes('<ofd:ImageObject ID="3" Boundary="0 0 5 5" ResourceID="77"/>') == {"ofd.note-missing-image"}
    assert notes(text("字")) == {"ofd.note-missing-font"}
    assert notes('<ofd:VideoObject ID="3" Boundary="0 0 5 5"/>') == {"ofd.note-unknown-object"}
    assert notes(path(SQUARE, BlendMode="Dissolve")) == {"ofd.note-blend"}
    assert "ofd.note-text-size" in notes(text("字", Size="-1"))


def test_shadings_are_values() -> None:
    """R28: 8.3.4: stops without Position are spread evenly; Extend says on which sides it goes on."""
    color = "<ofd:Segment{}><ofd:Color Value='{} 0 0'/></ofd:Segment>"
    stops = color.format("", 0) + color.format("", 100) + color.format(" Position='0.9'", 200)
    shading = (
        '<ofd:FillColor Alpha="128"><ofd:AxialShd StartPoint="0 0" EndPoint="10 0" Extend="1"'
        f' MapType="Repeat" MapUnit="4">{stops}</ofd:AxialShd></ofd:FillColor>'
    )
    paint = only_path(path(SQUARE, inner=shading, Fill="true")).fill
    assert isinstance(paint, Gradient)
    assert [round(p, 3) for p, _ in paint.stops] == [0, 0.5, 0.9]
    assert (paint.before, paint.after, paint.spread, paint.unit) == (True, False, "Repeat", 4)
    assert paint.stops[0][1].alpha == pytest.approx(128 / 255)


def test_annotations_lie_on_top_and_can_be_left_out() -> None:
    """R28: 15.2: the appearance in its Boundary; invisible ones are not shown."""
    appearance = f'<ofd:Appearance Boundary="50 50 20 20">{fill("1 1 1", SQUARE)}</ofd:Appearance>'
    page_annotations = (
        '<ofd:PageAnnot xmlns:ofd="x"><ofd:Annot Type="Stamp" ID="40">'
        f'{appearance}</ofd:Annot><ofd:Annot Type="Link" ID="41" Visible="false">{appearance}</ofd:Annot>'
        "</ofd:PageAnnot>"
    )
    document = micro(
        fill("0 0 0", SQUARE),
        document="<ofd:Annotations>A.xml</ofd:Annotations>",
        members={
            "Doc_0/A.xml": b'<A><Page PageID="1"><FileLoc>B.xml</FileLoc></Page><Page PageID="2"/></A>',
            "Doc_0/B.xml": page_annotations.encode(),
        },
    )
    drawn = page_display_list(document, 0).items
    assert len(drawn) == 2
    assert isinstance(drawn[1], PathItem)
    assert drawn[1].matrix.map(0, 0) == (50, 50)
    assert len(page_display_list(document, 0, appearance=False).items) == 1


def test_images_fill_the_unit_square() -> None:
    """R28: 10: ResourceID, else Substitution; the CTM maps the unit square."""
    resources = (
        '<ofd:MultiMedias><ofd:MultiMedia ID="50" Type="Image" Format="PNG">'
        "<ofd:MediaFile>a.png</ofd:MediaFile></ofd:MultiMedia></ofd:MultiMedias>"
    )
    for attributes in ('ResourceID="50"', 'ResourceID="9" Substitution="50"'):
        (item,) = items(
            f'<ofd:ImageObject ID="3" Boundary="10 10 20 20" CTM="20 0 0 20 0 0" Alpha="51" {attributes}/>',
            resources=resources,
            members={"Doc_0/Res/a.png": b"x"},
        )
        assert isinstance(item, ImageItem)
        assert item.key == "Doc_0/Res/a.png"
        assert item.matrix.map(1, 1) == (30, 30)
        assert item.alpha == pytest.approx(0.2)
