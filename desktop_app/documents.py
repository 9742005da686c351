"""A document as the bedside shows it: pages, sizes, pictures, digest; OFD and PDF alike.

The engines are loaded when the first document needs them (`preload` does it in the background), so
that the window is there at once.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from desktop_app.errors import DesktopError
from desktop_app.qt import QImage
from signing.wire import OFD_MEDIA_TYPE, MediaType

if TYPE_CHECKING:
    from signing.pdf import PdfDocument

MM_PER_INCH = 25.4
MAX_DPI = 300.0


class ShownDocument:
    """An open document. May be used from any thread, from one at a time.

    Raises, when made: `OfdError` or `PdfError`.
    """

    def __init__(self, media_type: MediaType, data: bytes) -> None:
        self._render: Callable[[int, float], QImage]
        if media_type == OFD_MEDIA_TYPE:
            from signing.ofd.document import open_document
            from signing.ofd.painters.qt import render_page

            document = open_document(data)
            self._render = partial(render_page, document)
            self.sizes_mm = [page.size_mm for page in document.pages]
        else:
            from signing.pdf import open_pdf

            pdf = open_pdf(data)
            weakref.finalize(self, pdf.close)
            self._render = partial(_pdf_page, pdf)
            self.sizes_mm = [pdf.page_size_mm(index) for index in range(pdf.page_count)]
        if not self.sizes_mm:
            raise DesktopError("desktop.document-empty")

    @property
    def page_count(self) -> int:
        """How many pages there are."""
        return len(self.sizes_mm)

    def image(self, index: int, width_px: int) -> QImage:
        """Page `index` (from 0), about `width_px` pixels wide. Raises `OfdError` or `PdfError`."""
        width_mm = self.sizes_mm[index][0]
        return self._render(index, min(MAX_DPI, max(24.0, width_px / width_mm * MM_PER_INCH)))


def digest(media_type: MediaType, data: bytes) -> bytes:
    """The document digest of `protocol.md` for the next signature, 32 bytes."""
    if media_type == OFD_MEDIA_TYPE:
        from signing.ofd.signatures import document_digest as ofd_digest

        return ofd_digest(data)
    from signing.pdf import document_digest as pdf_digest

    return pdf_digest(data)


def preload() -> None:
    """Load the engines that showing, digesting and verifying a document need."""
    import signing.ofd.painters.qt
    import signing.ofd.signatures.verify
    import signing.pdf  # noqa: F401


def _pdf_page(pdf: PdfDocument, index: int, dpi: float) -> QImage:
    page = pdf.render(index, dpi)
    return QImage(page.rgb, page.width, page.height, page.width * 3, QImage.Format.Format_RGB888).copy()
