"""R20, R29: the seal picture follows from the ink bit for bit, both ways."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.ink import InkPicture, decode_record, draw_picture
from signing.ofd.model import load_document
from signing.ofd.package import open_package, update_package
from signing.ofd.signatures import OfdSignError, ink_seal_picture, read_ink_seal_picture
from tests.support.strokes import record_bytes

SIDE = 200_000
POINT = st.tuples(st.integers(0, SIDE), st.integers(0, SIDE))


@given(st.lists(st.lists(POINT, min_size=3, max_size=8), max_size=5))
def test_there_and_back(rings: Sequence[Sequence[tuple[int, int]]]) -> None:
    picture = InkPicture(SIDE, SIDE, tuple(tuple(ring) for ring in rings))
    data = ink_seal_picture(picture)
    assert read_ink_seal_picture(data) == picture
    assert ink_seal_picture(picture) == data


def test_drawn_ink_is_a_page_of_its_own_size() -> None:
    picture = draw_picture(decode_record(record_bytes("王小明")))
    document = load_document(open_package(ink_seal_picture(picture)))
    (page,) = document.pages
    assert page.size_mm == (picture.width_um / 1000, picture.height_um / 1000)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<ofd:PathObject", b"<ofd:PathObject "),
        (b'Value="0 0 0"', b'Value="9 0 0"'),
        (b"</ofd:Layer>", b'<ofd:PathObject ID="99" Boundary="0 0 1 1"/></ofd:Layer>'),
        (b" C</ofd:", b" L 1 1 C</ofd:"),
    ],
)
def test_anything_else_in_the_picture_is_refused(old: bytes, new: bytes) -> None:
    package = open_package(ink_seal_picture(draw_picture(decode_record(record_bytes("小")))))
    name = "Doc_0/Pages/Page_0/Content.xml"
    changed = update_package(package, {name: package.read(name).replace(old, new, 1)})
    with pytest.raises(OfdSignError):
        read_ink_seal_picture(changed)


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(OfdSignError):
        read_ink_seal_picture(data)
