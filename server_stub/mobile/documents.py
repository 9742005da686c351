"""What a task's document is: recognised, refused in one sentence, normalised once, searched for fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from server_stub.errors import TooLarge, Unprocessable
from signing import pdf
from signing.ofd.document import find_text, open_document
from signing.ofd.signatures import normalise
from signing.wire import OFD_MEDIA_TYPE, PDF_MEDIA_TYPE

OFD = OFD_MEDIA_TYPE
PDF = PDF_MEDIA_TYPE

_PDF_HEAD_WINDOW = 1024
_MM_PER_POINT = 25.4 / 72


class DocumentError(Unprocessable):
    """A document that cannot become a task; the code says why."""


class Hit(Protocol):
    """A piece of text found on a page; millimetres from the page's top left corner."""

    @property
    def page(self) -> int: ...
    @property
    def x_mm(self) -> float: ...
    @property
    def y_mm(self) -> float: ...
    @property
    def width_mm(self) -> float: ...
    @property
    def height_mm(self) -> float: ...


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


def take_in(data: bytes, declared: str, *, limit: int, signatures: int) -> Paper:
    """Recognise, normalise and open a document that a HIS has sent.

    Args:
        data: the file's bytes as sent.
        declared: the media type that the sender claims.
        limit: the largest size in bytes.
        signatures: how many signatures it will get.

    Raises:
        DocumentError: empty, unknown or not what it is declared to be; TooLarge when it is above the limit.
        PenwardError: the engine of the format refuses it (its own code and sentence).
    """
    if not data:
        raise DocumentError("mobile.document-empty")
    if len(data) > limit:
        raise TooLarge("mobile.document-too-large", size=len(data), limit=limit)
    found = sniff(data)
    if found is None:
        raise DocumentError("mobile.document-unknown")
    if found != declared:
        raise DocumentError("mobile.document-not-as-declared", declared=declared[:100], found=found)
    paper = _open_ofd(data, signatures) if found == OFD else _open_pdf(data)
    if not paper.page_sizes_mm:
        raise DocumentError("mobile.document-without-pages")
    return paper


def _open_ofd(data: bytes, signatures: int) -> Paper:
    normalised = normalise(data, slots=signatures)
    document = open_document(normalised)
    sizes = tuple(page.size_mm for page in document.pages)
    return Paper(OFD, normalised, sizes, partial(find_text, document))


def _open_pdf(data: bytes) -> Paper:
    normalised = pdf.normalise_pdf(data)
    with pdf.open_pdf(normalised) as document:
        sizes = tuple(
            (width * _MM_PER_POINT, height * _MM_PER_POINT)
            for width, height in map(document.page_size_pt, range(document.page_count))
        )
    return Paper(PDF, normalised, sizes, partial(pdf.find_text, normalised))
