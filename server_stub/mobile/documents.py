"""What a task's document is: recognised, refused in one sentence, normalised once, searched for fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from server_stub.errors import TooLarge, Unprocessable
from signing import ofd, pdf
from signing.wire import MEDIA_TYPES, OFD_MEDIA_TYPE, PDF_MEDIA_TYPE

OFD = OFD_MEDIA_TYPE
PDF = PDF_MEDIA_TYPE

_PDF_HEAD_WINDOW = 1024


class DocumentError(Unprocessable):
    """A document that cannot become a task; the code says why."""


class Hit(Protocol):
    """A piece of text found on a page; millimetres from the page's top left corner."""

    page: int
    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that is ready to be signed.

    `data` are the normalised bytes; `page_sizes_mm` holds (width, height) of each page; `find` looks a
    text up in reading order.
    """

    media_type: str
    data: bytes
    page_sizes_mm: tuple[tuple[float, float], ...]
    find: Callable[[str], Sequence[Hit]]


def sniff(data: bytes) -> str | None:
    """The media type that the first bytes tell, or None."""
    if data.startswith(b"PK\x03\x04"):
        return OFD
    if b"%PDF-" in data[:_PDF_HEAD_WINDOW]:
        return PDF
    return None


def take_in(data: bytes, declared: str, *, limit: int) -> Paper:
    """Recognise, normalise and open a document that a HIS has sent.

    Args:
        data: the file's bytes as sent.
        declared: the media type that the sender claims.
        limit: the largest size in bytes.

    Raises:
        DocumentError: empty, too large, unknown or not what it is declared to be.
        PenwardError: the engine of the format refuses it (its own code and sentence).
    """
    if not data:
        raise DocumentError("mobile.document-empty")
    if len(data) > limit:
        raise TooLarge("mobile.document-too-large", size=len(data), limit=limit)
    if declared not in MEDIA_TYPES:
        raise DocumentError("mobile.media-type-unknown", media_type=declared[:100])
    found = sniff(data)
    if found is None:
        raise DocumentError("mobile.document-unknown")
    if found != declared:
        raise DocumentError("mobile.document-not-as-declared", declared=declared, found=found)
    paper = open_paper(ofd.normalise(data) if found == OFD else pdf.normalise_pdf(data), found)
    if not paper.page_sizes_mm:
        raise DocumentError("mobile.document-without-pages")
    return paper
