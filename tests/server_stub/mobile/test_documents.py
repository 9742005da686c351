"""Documents and fields by themselves: whatever bytes come, a documented error or a paper with its places."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server_stub.errors import TooLarge
from server_stub.mobile.documents import sniff, take_in
from server_stub.mobile.fields import FieldError, place
from signing.verdict import PenwardError, has_message
from signing.wire import OFD_MEDIA_TYPE, PDF_MEDIA_TYPE, Field
from tests.support.documents import KEYWORD, small_ofd, small_pdf

OFD = small_ofd(lines=((60, "手术知情同意书"), (150, KEYWORD), (200, KEYWORD)))
PAPER = take_in(OFD, OFD_MEDIA_TYPE, limit=1 << 20, signatures=1)


@settings(max_examples=150, deadline=None)
@given(
    head=st.sampled_from([b"", b"PK\x03\x04", b"%PDF-1.7\n", OFD[:200], small_pdf()[:300]]),
    tail=st.binary(max_size=300),
    declared=st.sampled_from([OFD_MEDIA_TYPE, PDF_MEDIA_TYPE]),
)
def test_any_bytes(head: bytes, tail: bytes, declared: str) -> None:
    """Only documented errors escape, and each has a sentence in both languages."""
    try:
        paper = take_in(head + tail, declared, limit=1 << 20, signatures=1)
    except PenwardError as error:
        assert has_message(error.code, "zh_CN")
        assert has_message(error.code, "en")
    else:
        assert paper.page_sizes_mm


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, len(OFD) - 1), bit=st.integers(0, 7))
def test_one_changed_bit(at: int, bit: int) -> None:
    """A damaged OFD is refused or still is one; nothing else happens."""
    damaged = bytearray(OFD)
    damaged[at] ^= 1 << bit
    try:
        take_in(bytes(damaged), OFD_MEDIA_TYPE, limit=1 << 20, signatures=1)
    except PenwardError as error:
        assert has_message(error.code, "en")


def test_the_limit() -> None:
    """One byte above is too large, the limit itself is not."""
    assert take_in(OFD, OFD_MEDIA_TYPE, limit=len(OFD), signatures=1).page_sizes_mm == ((210.0, 297.0),)
    with pytest.raises(TooLarge):
        take_in(OFD, OFD_MEDIA_TYPE, limit=len(OFD) - 1, signatures=1)


def test_what_the_first_bytes_tell() -> None:
    """A PDF may begin with up to 1 KiB of something else; an OFD is a ZIP from its first byte."""
    assert sniff(b"junk\n" * 20 + b"%PDF-1.4") == PDF_MEDIA_TYPE
    assert sniff(b"x" * 2000 + b"%PDF-1.4") is None
    assert sniff(b"PK\x05\x06") is None


@pytest.mark.parametrize(("nth", "middle"), [(1, 148), (2, 198)])
def test_the_nth_keyword(nth: int, middle: float) -> None:
    """Hits are counted in reading order; the offset moves right and down."""
    field = Field("keyword", 30.0, 10.0, keyword=KEYWORD, nth=nth, dx_mm=2.0, dy_mm=1.0)
    box = place(field, PAPER)
    assert box.y_mm + 5 == pytest.approx(middle + 1, abs=2)
    assert box.x_mm == pytest.approx(20 + 25 + 2, abs=3)


@given(
    page=st.integers(0, 3),
    x=st.floats(0, 400),
    y=st.floats(0, 400),
    width=st.floats(1, 400),
    height=st.floats(1, 400),
)
def test_a_box_is_on_the_page_or_refused(page: int, x: float, y: float, width: float, height: float) -> None:
    """What `place` returns lies wholly on its page."""
    field = Field("box", width, height, page=page, x_mm=x, y_mm=y)
    try:
        box = place(field, PAPER)
    except FieldError as error:
        assert error.code in {"mobile.page-out-of-range", "mobile.box-off-page"}
    else:
        assert box.page == 0
        assert box.x_mm + box.width_mm <= 210.011
        assert box.y_mm + box.height_mm <= 297.011
