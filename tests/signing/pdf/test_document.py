"""R10, R21: PDFs are opened under limits, rendered, and searched with positions on the page as shown."""

from __future__ import annotations

import io
import threading

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from signing.pdf import Limits, PdfError, find_text, open_pdf, render_page, render_png
from signing.pdf.document import MM_PER_PT
from signing.verdict import PenwardError
from tests.support.pdfs import plain_pdf, rewritten


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "pdf.empty"),
        (b"garbage", "pdf.not-a-pdf"),
        (b"%PDF-1.7\ngarbage", "pdf.damaged"),
        (b"\0" * 1024 * 1024, "pdf.not-a-pdf"),
    ],
)
def test_wrong_files_are_refused_by_name(data: bytes, code: str) -> None:
    """A wrong file gets one clear sentence."""
    with pytest.raises(PdfError) as caught:
        open_pdf(data)
    assert caught.value.code == code
    assert caught.value.message("zh_CN") != code


def test_a_gibibyte_of_zeros_is_refused_before_it_is_looked_at() -> None:
    """1 GiB of zeros: the size alone decides."""
    zeros = memoryview(bytes(1)).cast("B")

    class Huge(bytes):
        def __len__(self) -> int:
            return 1 << 30

    with pytest.raises(PdfError) as caught:
        open_pdf(Huge(zeros))
    assert caught.value.code == "pdf.too-large"


def test_encrypted_pageless_and_oversized() -> None:
    """Each its own reason."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(plain_pdf())) as document:
        document.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))
    with pytest.raises(PdfError) as caught:
        open_pdf(out.getvalue())
    assert caught.value.code == "pdf.encrypted"

    out = io.BytesIO()
    with pikepdf.new() as empty:
        empty.save(out)
    with pytest.raises(PdfError) as caught:
        open_pdf(out.getvalue())
    assert caught.value.code == "pdf.without-pages"

    with pytest.raises(PdfError) as caught:
        open_pdf(plain_pdf(pages=3), Limits(pages=2))
    assert caught.value.code == "pdf.too-many-pages"


def test_page_sizes_and_rendering() -> None:
    """A page of 300 × 400 pt at 72 dpi has 300 × 400 pixels, dark where the text is."""
    with open_pdf(plain_pdf()) as document:
        assert document.page_size_pt(0) == (300, 400)
        image = document.render(0, 72)
        with pytest.raises(PdfError) as caught:
            document.render(1, 72)
        assert caught.value.code == "pdf.no-page"
    assert (image.width, image.height, len(image.rgb)) == (300, 400, 300 * 400 * 3)
    hit = find_text(plain_pdf(), "Consent")[0]
    picture = Image.open(io.BytesIO(render_png(plain_pdf(), 0, 254)))
    box = [round(v * 10) for v in (hit.x_mm, hit.y_mm, hit.x_mm + hit.width_mm, hit.y_mm + hit.height_mm)]
    assert picture.crop(tuple(box)).convert("L").getextrema()[0] < 60
    assert picture.crop((0, 0, picture.width, box[1] - 5)).convert("L").getextrema()[0] == 255


def test_rendering_is_bounded() -> None:
    """Too many pixels, or too long: refused by name."""
    with open_pdf(plain_pdf(), Limits(pixels=1000)) as document, pytest.raises(PdfError) as caught:
        document.render(0, 300)
    assert caught.value.code == "pdf.picture-too-large"


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_text_is_found_where_it_is_shown(rotate: int) -> None:
    """Positions count from the top left corner of the page as shown, whatever its rotation and crop box."""
    data = rewritten(plain_pdf(), rotate=rotate, crop=(40, 20, 280, 390))
    hits = find_text(data, "Consent")
    assert len(hits) == 2
    image = render_page(data, 0, 254)
    picture = Image.frombytes("RGB", (image.width, image.height), image.rgb).convert("L")
    ink = picture.point(lambda v: 255 if v < 128 else 0)
    for hit in hits:
        box = (hit.x_mm - 1, hit.y_mm - 1, hit.x_mm + hit.width_mm + 1, hit.y_mm + hit.height_mm + 1)
        ink.paste(0, tuple(round(v * 10) for v in box))
    assert ink.getbbox() is None


def test_hits_are_numbered_across_pages_and_limited() -> None:
    """Reading order: page by page, from the top."""
    hits = find_text(plain_pdf(pages=3), "Consent")
    assert [hit.page for hit in hits] == [0, 0, 1, 1, 2, 2]
    assert all(first.y_mm < second.y_mm for first, second in zip(hits[::2], hits[1::2], strict=True))
    assert find_text(plain_pdf(), "nowhere") == find_text(plain_pdf(), " ") == []
    with open_pdf(plain_pdf(pages=3), Limits(hits=5)) as document, pytest.raises(PdfError) as caught:
        document.find_text("Consent")
    assert caught.value.code == "pdf.too-many-hits"


@pytest.mark.parametrize(
    ("rotate", "expected"),
    [
        (0, (10, 340, 60, 380)),
        (90, (20, 10, 60, 60)),
        (180, (240, 20, 290, 60)),
        (270, (240, 340, 280, 390)),
    ],
)
def test_a_box_as_shown_becomes_a_rectangle_in_user_space(rotate: int, expected: tuple[int, ...]) -> None:
    """50 × 40 pt at (10, 20) pt from the top left corner, on pages turned by 0 to 270 degrees."""
    with open_pdf(rewritten(plain_pdf(), rotate=rotate)) as document:
        frame = document.frame(0, *(value * MM_PER_PT for value in (10, 20, 50, 40)))
    assert frame.rotation == rotate
    assert frame.rect == pytest.approx(expected, abs=0.01)


def test_threads_share_pdfium() -> None:
    """PDFium itself is not safe for threads; ours takes turns."""
    expected = render_page(plain_pdf(), 0, 72).rgb
    failures: list[object] = []

    def work() -> None:
        for _ in range(10):
            if render_page(plain_pdf(), 0, 72).rgb != expected:
                failures.append("differs")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 1200), garbage=st.binary(min_size=1, max_size=12))
def test_only_documented_errors_escape(position: int, garbage: bytes) -> None:
    """Whatever bytes stand in the file, it opens or is refused by name."""
    data = plain_pdf()
    broken = data[:position] + garbage + data[position + len(garbage) :]
    try:
        with open_pdf(broken) as document:
            document.find_text("Consent")
            document.render(0, 36)
    except PenwardError as error:
        assert error.code.startswith("pdf.")
