"""PDF documents as people see them: pages, their sizes, their pictures, and where a text stands.

PDFium does the work. It is not safe for threads, so that every call into it holds one lock.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_double, c_int
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from PIL import Image

from signing.pdf.errors import PdfError
from signing.pdf.limits import DEFAULT_LIMITS, Limits, check_outside

MM_PER_PT = 25.4 / 72
_FINE = 1000
"""Device units per point where PDFium converts between page and device, which it does in integers."""

_PDFIUM = threading.RLock()


@dataclass(frozen=True, slots=True)
class Hit:
    """A text found: page from 0, millimetres from the top left corner of the page as shown, y down."""

    page: int
    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    text: str


@dataclass(frozen=True, slots=True)
class PageImage:
    """A rendered page: rows of RGB bytes from the top, 3 bytes a pixel, without padding."""

    width: int
    height: int
    rgb: bytes

    def png(self) -> bytes:
        """As a PNG file."""
        out = io.BytesIO()
        Image.frombytes("RGB", (self.width, self.height), self.rgb).save(out, "PNG", compress_level=3)
        return out.getvalue()


@dataclass(frozen=True, slots=True)
class PageFrame:
    """How a page lies in its user space.

    `rect` is the user-space rectangle (left, bottom, right, top) in pt that a box as shown stands for, and
    `rotation` the clockwise degrees (0, 90, 180, 270) by which the page is turned when shown.
    """

    rect: tuple[float, float, float, float]
    rotation: int


class PdfDocument:
    """An open PDF; close it, or use it in a `with`."""

    def __init__(self, handle: Any, limits: Limits) -> None:
        self._handle = handle
        self.limits = limits
        self.page_count = len(handle)

    def __enter__(self) -> PdfDocument:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the document; closing twice does no harm."""
        with _PDFIUM:
            self._handle.close()

    def page_size_pt(self, index: int) -> tuple[float, float]:
        """(width, height) in pt of page `index` (from 0) as shown: cropped and rotated.

        Raises:
            PdfError: `pdf.no-page`, `pdf.page-unreadable`.
        """
        with self._page(index) as page:
            width, height = page.get_size()
            return float(width), float(height)

    def page_size_mm(self, index: int) -> tuple[float, float]:
        """(width, height) in mm of page `index` as shown."""
        width, height = self.page_size_pt(index)
        return width * MM_PER_PT, height * MM_PER_PT

    def find_text(self, text: str) -> list[Hit]:
        """Every occurrence of `text`, by page and then in reading order; case matters.

        Raises:
            PdfError: `pdf.page-unreadable`, `pdf.too-many-hits`.
        """
        hits: list[Hit] = []
        if not text.strip():
            return hits
        for index in range(self.page_count):
            with self._page(index) as page:
                for x, y, width, height in _search(page, text):
                    hits.append(Hit(index, x, y, width, height, text))
                    if len(hits) > self.limits.hits:
                        raise PdfError("pdf.too-many-hits", text=text, limit=self.limits.hits)
        return hits

    def frame(self, index: int, x_mm: float, y_mm: float, width_mm: float, height_mm: float) -> PageFrame:
        """Where a box given in mm from the top left corner, as shown, lies in the page's user space.

        Raises:
            PdfError: `pdf.no-page`, `pdf.page-unreadable`.
        """
        with self._page(index) as page:
            corners = (
                _to_page(page, x_mm / MM_PER_PT, y_mm / MM_PER_PT),
                _to_page(page, (x_mm + width_mm) / MM_PER_PT, (y_mm + height_mm) / MM_PER_PT),
            )
            xs, ys = sorted(c[0] for c in corners), sorted(c[1] for c in corners)
            return PageFrame((xs[0], ys[0], xs[1], ys[1]), int(page.get_rotation()) % 360)

    def render(self, index: int, dpi: float) -> PageImage:
        """Page `index` at `dpi` with annotations and form fields, on white.

        Raises:
            PdfError: `pdf.no-page`, `pdf.page-unreadable`, `pdf.picture-too-large`, `pdf.too-slow`.
        """
        with self._page(index) as page:
            width_pt, height_pt = page.get_size()
            width = max(1, round(width_pt * dpi / 72))
            height = max(1, round(height_pt * dpi / 72))
            if width * height > self.limits.pixels:
                raise PdfError("pdf.picture-too-large", limit=self.limits.pixels)
            return _render(page, index, width, height, self.limits.seconds)

    @contextmanager
    def _page(self, index: int) -> Iterator[Any]:
        if not 0 <= index < self.page_count:
            raise PdfError("pdf.no-page", page=index + 1, pages=self.page_count)
        with _PDFIUM:
            try:
                page = self._handle[index]
            except pdfium.PdfiumError as error:
                raise PdfError("pdf.page-unreadable", page=index + 1) from error
            try:
                width, height = page.get_size()
                largest = self.limits.side_mm / MM_PER_PT
                if not (0 < width <= largest and 0 < height <= largest):
                    raise PdfError("pdf.page-unreadable", page=index + 1)
                yield page
            finally:
                page.close()


def open_pdf(data: bytes, limits: Limits = DEFAULT_LIMITS) -> PdfDocument:
    """Open a PDF's bytes.

    Raises:
        PdfError: `pdf.empty`, `pdf.too-large`, `pdf.not-a-pdf`, `pdf.encrypted`, `pdf.damaged`,
            `pdf.without-pages`, `pdf.too-many-pages`.
    """
    check_outside(data, limits)
    with _PDFIUM:
        try:
            handle = pdfium.PdfDocument(data)
        except pdfium.PdfiumError as error:
            raise PdfError(_refusal(data)) from error
        pages = len(handle)
        if pages:
            handle.init_forms()
        if not 0 < pages <= limits.pages:
            handle.close()
            if pages:
                raise PdfError("pdf.too-many-pages", pages=pages, limit=limits.pages)
            raise PdfError("pdf.without-pages")
        return PdfDocument(handle, limits)


def _refusal(data: bytes) -> str:
    """Why PDFium would not open it. Its own error code is left over from another call at times."""
    try:
        with pikepdf.open(io.BytesIO(data)) as document:
            if document.is_encrypted:
                return "pdf.encrypted"
            return "pdf.damaged" if len(document.pages) else "pdf.without-pages"
    except pikepdf.PasswordError:
        return "pdf.encrypted"
    except (pikepdf.PdfError, RuntimeError, ValueError):
        return "pdf.damaged"


def render_page(document: PdfDocument | bytes, index: int, dpi: float) -> PageImage:
    """Page `index` (from 0) at `dpi`; raises what `open_pdf` and `PdfDocument.render` raise."""
    if isinstance(document, PdfDocument):
        return document.render(index, dpi)
    with open_pdf(document) as opened:
        return opened.render(index, dpi)


def render_png(document: PdfDocument | bytes, index: int, dpi: float) -> bytes:
    """The same as a PNG file."""
    return render_page(document, index, dpi).png()


def find_text(document: PdfDocument | bytes, text: str) -> list[Hit]:
    """Every occurrence of `text`; raises what `open_pdf` and `PdfDocument.find_text` raise."""
    if isinstance(document, PdfDocument):
        return document.find_text(text)
    with open_pdf(document) as opened:
        return opened.find_text(text)


def _search(page: Any, text: str) -> Iterator[tuple[float, float, float, float]]:
    """(x, y, width, height) in mm of each occurrence on a page; of one over several lines the first."""
    textpage = page.get_textpage()
    try:
        searcher = textpage.search(text, match_case=True)
        while (found := searcher.get_next()) is not None:
            start, count = found
            rectangles = textpage.count_rects(start, count)
            if rectangles < 1:
                continue
            left, bottom, right, top = _first_line([textpage.get_rect(n) for n in range(rectangles)])
            corners = (_to_device(page, left, bottom), _to_device(page, right, top))
            xs, ys = sorted(c[0] for c in corners), sorted(c[1] for c in corners)
            yield tuple(  # type: ignore[misc]
                round(value * MM_PER_PT, 4) for value in (xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0])
            )
    finally:
        textpage.close()


def _first_line(rectangles: list[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    """Around the rectangles (left, bottom, right, top) on the first one's line: fonts split a text."""
    left, bottom, right, top = rectangles[0]
    for other in rectangles[1:]:
        beside = min(top, other[3]) - max(bottom, other[1]) > 0
        above = min(right, other[2]) - max(left, other[0]) > (right - left) / 2
        if not beside or (above and other[0] < right - (right - left) / 2):
            break
        left, bottom = min(left, other[0]), min(bottom, other[1])
        right, top = max(right, other[2]), max(top, other[3])
    return left, bottom, right, top


def _device(page: Any) -> tuple[int, int, int, int, int]:
    width, height = page.get_size()
    return 0, 0, round(width * _FINE), round(height * _FINE), 0


def _to_device(page: Any, x: float, y: float) -> tuple[float, float]:
    """User space to pt from the top left corner of the page as shown."""
    device_x, device_y = c_int(), c_int()
    raw.FPDF_PageToDevice(page.raw, *_device(page), x, y, byref(device_x), byref(device_y))
    return device_x.value / _FINE, device_y.value / _FINE


def _to_page(page: Any, x: float, y: float) -> tuple[float, float]:
    """Pt from the top left corner of the page as shown to user space."""
    page_x, page_y = c_double(), c_double()
    raw.FPDF_DeviceToPage(
        page.raw, *_device(page), round(x * _FINE), round(y * _FINE), byref(page_x), byref(page_y)
    )
    return page_x.value, page_y.value


def _render(page: Any, index: int, width: int, height: int, seconds: float) -> PageImage:
    """Progressive rendering, given up at the deadline."""
    deadline = time.monotonic() + seconds
    bitmap = pdfium.PdfBitmap.new_native(width, height, raw.FPDFBitmap_BGRx)
    try:
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)

        def over(_self: Any) -> int:
            return int(time.monotonic() > deadline)

        pause = raw.IFSDK_PAUSE(version=1)
        pause.NeedToPauseNow = type(pause.NeedToPauseNow)(over)
        flags = raw.FPDF_ANNOT
        state = raw.FPDF_RenderPageBitmap_Start(
            bitmap.raw, page.raw, 0, 0, width, height, 0, flags, byref(pause)
        )
        raw.FPDF_RenderPage_Close(page.raw)
        if state == raw.FPDF_RENDER_TOBECONTINUED:
            raise PdfError("pdf.too-slow", page=index + 1, seconds=round(seconds))
        if state != raw.FPDF_RENDER_DONE:
            raise PdfError("pdf.page-unreadable", page=index + 1)
        if page.formenv is not None:
            raw.FPDF_FFLDraw(page.formenv.raw, bitmap.raw, page.raw, 0, 0, width, height, 0, flags)
        picture = Image.frombuffer(
            "RGB", (width, height), bytes(bitmap.buffer), "raw", "BGRX", bitmap.stride, 1
        )
        return PageImage(width, height, picture.tobytes())
    finally:
        bitmap.close()
