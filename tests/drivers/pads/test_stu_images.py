"""R10: pictures for the pad's display, encoded as its reports want them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.pads.stu import images
from drivers.pads.stu.reports import Capability, Encoding

PIXELS = bytes((255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255))


def test_pixel_layouts() -> None:
    """R10: BGR24 is B, G, R; RGB565 is big-endian words; mono is MSB first, white = 1, rows padded."""
    assert images.encode(PIXELS, 2, 2, images.START_BGR24) == bytes(
        (0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255)
    )
    assert images.encode(PIXELS, 2, 2, images.START_RGB565) == bytes.fromhex("f800 07e0 001f ffff")
    black_white = b"\x00\x00\x00" + b"\xff\xff\xff" * 2
    assert images.encode(black_white, 3, 1, images.START_MONO) == b"\x60"


@given(st.integers(1, 9), st.integers(1, 5), st.data())
@settings(max_examples=50)
def test_bgr24_round_trips_and_rgb565_keeps_the_top_bits(
    width: int, height: int, data: st.DataObject
) -> None:
    """R10: what is shown is what was drawn."""
    rgb = data.draw(st.binary(min_size=width * height * 3, max_size=width * height * 3))
    assert images.decode(images.encode(rgb, width, height, 4), width, height, 4) == rgb
    back = images.decode(images.encode(rgb, width, height, 2), width, height, 2)
    assert [b >> 3 for b in back] == [b >> 3 for b in rgb]


@given(st.binary(max_size=1200))
def test_blocks_have_the_published_size_and_join_to_the_data(data: bytes) -> None:
    """R10: 255 bytes after the ID: little-endian length, data, zeros."""
    joined = b""
    for block in images.blocks(data):
        assert len(block) == 256
        assert block[0] == 0x26
        joined += block[3 : 3 + int.from_bytes(block[1:3], "little")]
    assert joined == data


def test_a_full_screen_of_bgr24_has_4554_blocks() -> None:
    """R10: 800 × 480 × 3 bytes by 253 (devices.md §1.3)."""
    assert len(list(images.blocks(bytes(800 * 480 * 3)))) == 4554


@pytest.mark.parametrize(("encodings", "start"), [(Encoding(15), 2), (Encoding(10), 4), (Encoding(3), 0)])
def test_the_richest_encoding_is_chosen(encodings: Encoding, start: int) -> None:
    """R10: colour where the pad has it."""
    assert images.best_encoding(Capability(1, 1, 1, 8, 8, 200, 2540, encodings)) == start
