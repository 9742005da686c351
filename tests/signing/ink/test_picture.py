"""R18, R21: the picture is computed by integers alone, the same bytes everywhere, and looks like ink."""

from __future__ import annotations

import ast
import dataclasses
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import signing.ink
from signing.ink import (
    IN_RANGE,
    TIP,
    InkError,
    InkPicture,
    InkRecord,
    Sample,
    decode_record,
    draw_picture,
    encode_record,
    raster_png,
)
from signing.ink import pen as pen_module
from signing.ink import raster as raster_module
from signing.sm import sm3
from tests.support.strokes import STU_540, record_bytes, signature

SQUARE = InkPicture(8000, 4000, (((1000, 1000), (7000, 1000), (7000, 3000), (1000, 3000)),))


def at(x: int, y: int, pressure: int = 500, flags: int = TIP | IN_RANGE, time: int = 0) -> Sample:
    """One report."""
    return Sample(time, time, x, y, pressure, flags, -1)


def test_no_floats_in_the_room() -> None:
    """protocol.md: integer arithmetic alone: no float literal, no true division, no float()."""
    for path in Path(signing.ink.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            where = f"{path.name}:{getattr(node, 'lineno', 0)}"
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float | complex)), where
            assert not isinstance(node, ast.Div), where
            assert not (isinstance(node, ast.Name) and node.id in ("float", "round", "complex")), where
            if isinstance(node, ast.ImportFrom) and node.module == "math":
                assert {name.name for name in node.names} == {"isqrt"}, where
            if isinstance(node, ast.Import):
                assert "math" not in {name.name for name in node.names}, where
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
                assert isinstance(node.right, ast.Constant) and node.right.value > 0, where


def test_known_answer() -> None:
    """R21: these bytes are the picture of this ink for ever; a changed pen needs a new version."""
    picture = draw_picture(decode_record(encode_record(STU_540, _fixed_ink(), started_at_us=0)))
    assert sm3(picture.to_bytes()).hex() == KNOWN_PICTURE
    assert sm3(raster_png(picture, 300)).hex() == KNOWN_PNG


def test_drawn_again_it_is_the_same() -> None:
    """R21: a verifier with the evidence makes the picture again and compares byte for byte."""
    data = record_bytes("李永明", seed=4)
    assert draw_picture(decode_record(data)).to_bytes() == draw_picture(decode_record(data)).to_bytes()


def test_other_ink_another_picture() -> None:
    """R21: one moved sample changes the picture."""
    samples = signature("永")
    moved = [s._replace(x=s.x + 60) if i == 50 else s for i, s in enumerate(samples)]
    first = draw_picture(InkRecord(STU_540, tuple(samples), 0)).to_bytes()
    assert draw_picture(InkRecord(STU_540, tuple(moved), 0)).to_bytes() != first


@pytest.mark.parametrize("seed", range(6))
def test_every_polygon_turns_the_same_way(seed: int) -> None:
    """R21: under the nonzero rule nothing is cancelled where strokes cross: all areas have one sign."""
    picture = draw_picture(decode_record(record_bytes("李永明", seed=seed)))
    assert 10 < len(picture.paths) < 120
    for path in picture.paths:
        doubled = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(path, path[1:] + path[:1], strict=True))
        assert doubled < 0


def test_ink_covers_the_way_of_the_pen() -> None:
    """R21: at every sample there is ink, wherever strokes cross or turn back."""
    record = decode_record(record_bytes("李永明", seed=3))
    picture = draw_picture(record)
    raster = picture.raster(900)
    touching = [s for s in record.samples if s.flags & TIP]
    scale_x, scale_y = STU_540.width_um / STU_540.max_x, STU_540.height_um / STU_540.max_y
    left = min(s.x for s in touching) * scale_x
    top = min(s.y for s in touching) * scale_y
    # The picture is cropped to the outline, so its offset is found by the samples' best fit.
    best = 0
    for shift_x in range(0, 2500, 100):
        for shift_y in range(0, 2500, 100):
            hits = sum(
                raster.gray[
                    min(raster.height - 1, int((s.y * scale_y - top + shift_y) * 900 / picture.width_um))
                    * 900
                    + min(899, int((s.x * scale_x - left + shift_x) * 900 / picture.width_um))
                ]
                < 128
                for s in touching[::8]
            )
            best = max(best, hits)
    assert best == len(touching[::8])


def test_a_pen_without_pressure_draws_by_speed() -> None:
    """R10: a device without pressure gives a picture too."""
    device = dataclasses.replace(STU_540, kind="screen", max_pressure=0)
    samples = tuple(s._replace(pressure=0) for s in signature("永"))
    assert len(draw_picture(InkRecord(device, samples, 0)).paths) >= 5


def test_a_device_without_clock_uses_the_host() -> None:
    """R10: equal device times mean no clock."""
    samples = tuple(s._replace(device_time_us=0) for s in signature("永"))
    assert draw_picture(InkRecord(STU_540, samples, 0)).paths


def test_a_dot_is_a_disc() -> None:
    """R21: a single touch, a tap that does not move, and two touches next to each other."""
    for samples in ([at(500, 500)], [at(500, 500), at(500, 500)], [at(500, 500), at(501, 500)]):
        picture = draw_picture(InkRecord(STU_540, tuple(samples), 0))
        assert len(picture.paths) == 1
        assert picture.width_um < 2000 and picture.height_um < 2000


def test_nothing_to_draw() -> None:
    """R21: a record without contact has no picture."""
    with pytest.raises(InkError, match="no-strokes"):
        draw_picture(InkRecord(STU_540, (at(1, 1, flags=IN_RANGE),), 0))


def test_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """R10: a hostile record is refused, not drawn for minutes."""
    samples = tuple(at(i % 2 * 10_800, i % 3 * 3_000, time=i) for i in range(600))
    draw_picture(InkRecord(STU_540, samples, 0))
    monkeypatch.setattr(pen_module, "MAX_SPINE_POINTS", 500)
    with pytest.raises(InkError, match="too-complex"):
        draw_picture(InkRecord(STU_540, samples, 0))
    monkeypatch.setattr(pen_module, "MAX_DRAWN_SAMPLES", 500)
    with pytest.raises(InkError, match="too-complex"):
        draw_picture(InkRecord(STU_540, samples, 0))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-5, 11_000), st.integers(-5, 7_000), st.integers(0, 2_000), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_any_ink_is_drawn_or_refused(points: list[tuple[int, int, int, bool]]) -> None:
    """R10: whatever a device reports, there is a picture or the documented error."""
    samples = tuple(
        at(x, y, pressure, TIP | IN_RANGE if down else IN_RANGE, index * 5000)
        for index, (x, y, pressure, down) in enumerate(points)
    )
    try:
        picture = draw_picture(InkRecord(STU_540, samples, 0))
    except InkError as error:
        assert error.code == "ink.no-strokes"
        return
    assert InkPicture.from_bytes(picture.to_bytes()) == picture
    assert picture.raster(64).width == 64


COORDINATES = st.tuples(st.integers(0, 5000), st.integers(0, 5000))


@given(st.lists(st.lists(COORDINATES, min_size=3, max_size=8).map(tuple), max_size=5).map(tuple))
def test_picture_bytes_round_trip(paths: tuple[tuple[tuple[int, int], ...], ...]) -> None:
    """R21: one picture, one byte string."""
    picture = InkPicture(5000, 5000, paths)
    data = picture.to_bytes()
    assert data.isascii()
    assert InkPicture.from_bytes(data) == picture


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"penward-picture 2\nsize 1 1\nend\n",
        b"penward-picture 1\nsize 1 1\nend",
        b"penward-picture 1\nsize 01 1\nend\n",
        b"penward-picture 1\nsize 0 1\nend\n",
        b"penward-picture 1\r\nsize 1 1\r\nend\r\n",
        b"penward-picture 1\nsize 9 9\npolygon 1 1 2 2\nend\n",
        b"penward-picture 1\nsize 9 9\npolygon 1 1 2 2 3\nend\n",
        b"penward-picture 1\nsize 9 9\npolygon 1 1 2 2 3 +3\nend\n",
        b"penward-picture 1\nsize 9 9\npolygon 1 1 2 2 3 10\nend\n",
        b"penward-picture 1\nsize 9 9\npolygon 1 1 2 2 3  3\nend\n",
        b"penward-picture 1\nsize 9 9\n\nend\n",
        b"penward-picture 1\nsize 9 9\nend\n\n",
        b"penward-picture 1\nsize 99999999 9\nend\n",
    ],
)
def test_anything_else_is_no_picture(data: bytes) -> None:
    """R21: strict: no other spelling of a picture is read."""
    with pytest.raises(InkError, match="bad-picture"):
        InkPicture.from_bytes(data)


@given(st.binary(max_size=200))
def test_garbage_is_no_picture(data: bytes) -> None:
    """A parser lets nothing out but its error."""
    with pytest.raises(InkError):
        InkPicture.from_bytes(b"penward-picture 1\n" + data + b"\xff")


def test_raster_by_hand() -> None:
    """R21: a rectangle on pixel borders is exact, on half pixels it is half."""
    raster = SQUARE.raster(8)
    rows = [raster.gray[y * 8 : y * 8 + 8] for y in range(raster.height)]
    full, empty = bytes([255, 0, 0, 0, 0, 0, 0, 255]), b"\xff" * 8
    assert rows == [empty, full, full, empty]
    half = InkPicture(2000, 1000, (((500, 0), (1500, 0), (1500, 1000), (500, 1000)),)).raster(2)
    assert list(half.gray) == [127, 127]


def test_raster_overlap_is_union() -> None:
    """R21: nonzero: where polygons overlap there is ink, not a hole."""
    doubled = dataclasses.replace(SQUARE, paths=SQUARE.paths * 3)
    assert doubled.raster(40) == SQUARE.raster(40)


def test_raster_agrees_with_another_rasteriser() -> None:
    """R21: PIL, drawing the same polygons large, covers the same area within half a percent."""
    from PIL import ImageDraw

    picture = draw_picture(decode_record(record_bytes("李永明", seed=2)))
    scale = 4000 / picture.width_um
    image = Image.new("L", (4000, int(picture.height_um * scale) + 1), 255)
    for path in picture.paths:
        ImageDraw.Draw(image).polygon([(x * scale, y * scale) for x, y in path], fill=0)
    theirs = sum(255 - value for value in image.resize((1000, image.height // 4)).tobytes())
    ours = sum(255 - value for value in picture.raster(1000).gray)
    assert abs(ours - theirs) < ours * 0.02


@pytest.mark.parametrize("width", [0, -3, 16_000_001, 9_000])
def test_raster_limits(width: int) -> None:
    """A wish for a poster is refused."""
    with pytest.raises(InkError, match="raster-too-large"):
        InkPicture(1000, 9000, ()).raster(width)


@pytest.mark.parametrize("transparent", [False, True])
def test_png_is_read_by_others(transparent: bool) -> None:
    """R21: a PNG that PIL reads gives the raster back; rows across a stored block too."""
    picture = draw_picture(decode_record(record_bytes("王小明")))
    image = Image.open(io.BytesIO(raster_png(picture, 500, transparent=transparent)))
    raster = picture.raster(500)
    assert image.size == (500, raster.height)
    if transparent:
        assert image.mode == "LA"
        assert bytes(255 - a for a in image.getchannel("A").tobytes()) == raster.gray
    else:
        assert image.mode == "L" and image.tobytes() == raster.gray
    assert image.info["dpi"][0] == pytest.approx(500 / (picture.width_um / 25_400), rel=0.01)


def test_rasters_are_bounded_by_pixels() -> None:
    """The limit is the product of both sides."""
    assert raster_module.MAX_PIXELS == 16_000_000


def _fixed_ink() -> list[Sample]:
    """A hook with pressure, a dot, and a stroke that doubles back; integers by rule, no generator."""
    samples = [
        at(1000 + 40 * i, 1000 + i * i // 4, 100 + 25 * min(i, 60 - i), time=i * 5000) for i in range(60)
    ]
    samples.append(at(3400, 1900, 0, IN_RANGE, 300_000))
    samples += [at(5000, 1500, 700, time=400_000)]
    samples.append(at(5000, 1500, 0, IN_RANGE, 405_000))
    samples += [at(6000 + abs(40 - i) * 30, 2000 - 10 * i, 600, time=500_000 + i * 5000) for i in range(80)]
    samples.append(at(7200, 1210, 0, 0, 1_000_000))
    return samples


KNOWN_PICTURE = "4efde82fe1de8ab148b876463b93dbe59cb0b3a16b7a5e88025282efa7f6440d"
KNOWN_PNG = "d3a5219523394426e0508bf1b7026789d54325c0e54540133bc0fad4947ac7ee"
