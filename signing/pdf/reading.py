"""Opens PDFs by pyHanko under limits: whatever a broken file makes it raise becomes one documented error."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from pyhanko.pdf_utils import misc
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.pdf.errors import PdfError
from signing.pdf.limits import DEFAULT_LIMITS, Limits, check_outside
from signing.verdict import PenwardError

FOREIGN = (
    misc.PdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pyHanko and the libraries under it raise on bytes that make no sense."""


@contextmanager
def reading() -> Iterator[None]:
    """Turn foreign errors into `PdfError("pdf.damaged")`."""
    try:
        yield
    except PenwardError:
        raise
    except FOREIGN as error:
        raise PdfError("pdf.damaged") from error


def open_reader(data: bytes, limits: Limits = DEFAULT_LIMITS) -> PdfFileReader:
    """A reader over `data`.

    Raises:
        PdfError: `pdf.empty`, `pdf.too-large`, `pdf.not-a-pdf`, `pdf.encrypted`, `pdf.damaged`,
            `pdf.too-many-objects`.
    """
    check_outside(data, limits)
    with reading():
        reader = PdfFileReader(io.BytesIO(data), strict=False)
        if "/Encrypt" in reader.trailer:
            raise PdfError("pdf.encrypted")
        if int(reader.trailer["/Size"]) > limits.objects:
            raise PdfError("pdf.too-many-objects", limit=limits.objects)
        if "/Pages" not in reader.root:
            raise PdfError("pdf.damaged")
        return reader


def open_writer(data: bytes, limits: Limits = DEFAULT_LIMITS) -> IncrementalPdfFileWriter:
    """A writer that will append one increment to `data`; raises what `open_reader` raises."""
    reader = open_reader(data, limits)
    with reading():
        return IncrementalPdfFileWriter.from_reader(reader)
