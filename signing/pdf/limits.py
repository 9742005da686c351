"""How much of a PDF is taken on: limits that keep a hostile file from costing more than it is worth."""

from __future__ import annotations

from dataclasses import dataclass

from signing.pdf.errors import PdfError

_HEAD_WINDOW = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one document: bytes, pages, indirect objects, pixels of a rendered page, hits of a search,
    seconds of one rendering, millimetres of a page's side."""

    size: int = 200 * 1024 * 1024
    pages: int = 2000
    objects: int = 500_000
    pixels: int = 100_000_000
    hits: int = 1000
    seconds: float = 30.0
    side_mm: float = 5000.0


DEFAULT_LIMITS = Limits()


def check_outside(data: bytes, limits: Limits) -> int:
    """What can be told without parsing; gives the offset of the header.

    Raises:
        PdfError: `pdf.empty`, `pdf.too-large`, `pdf.not-a-pdf`.
    """
    if not data:
        raise PdfError("pdf.empty")
    if len(data) > limits.size:
        raise PdfError("pdf.too-large", size=len(data), limit=limits.size)
    start = data.find(b"%PDF-", 0, _HEAD_WINDOW)
    if start < 0:
        raise PdfError("pdf.not-a-pdf")
    return start
