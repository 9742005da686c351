"""What is accepted for signing, and the document digest: decided once, when a task is made."""

from __future__ import annotations

import io

import pikepdf
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.pdf.document import open_pdf
from signing.pdf.errors import PdfError, PdfSignError
from signing.pdf.limits import DEFAULT_LIMITS, Limits, check_outside
from signing.pdf.reading import open_reader, open_writer, reading
from signing.sm import sm3

MARK = b"/ByteRange"
"""What no signed PDF is without."""


def document_digest(data: bytes) -> bytes:
    """SM3 (32 bytes) of all bytes before the next signature's increment: of the whole file as it is now."""
    return sm3(data)


def normalise_pdf(data: bytes, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes that can be shown and signed: `data` itself wherever that is possible.

    Bytes before the header are cut off. A document without signatures whose cross references are broken
    or of the hybrid kind is written anew; a signed one is never touched.

    Raises:
        PdfError: what `open_pdf` and `open_reader` raise.
        PdfSignError: `pdfsign.no-changes-allowed` (certified with DocMDP level 1), `pdfsign.xfa`,
            `pdfsign.hybrid` (signed, with hybrid cross references).
    """
    data = data[check_outside(data, limits) :]
    with open_pdf(data, limits) as document:
        pages = document.page_count
        for index in range(pages):
            document.page_size_pt(index)
    signed = MARK in data
    try:
        reader = open_reader(data, limits)
        sound = _pages(reader) == pages and not reader.xrefs.hybrid_xrefs_present
    except PdfError as error:
        if signed or error.code != "pdf.damaged":
            raise
        sound = False
    if not sound:
        if signed:
            raise PdfSignError("pdfsign.hybrid")
        data = _written_anew(data)
        reader = open_reader(data, limits)
        if _pages(reader) != pages:
            raise PdfError("pdf.damaged")
    _check_permission(reader)
    open_writer(data, limits)
    return data


def _pages(reader: PdfFileReader) -> int:
    with reading():
        return int(reader.root["/Pages"]["/Count"])


def _check_permission(reader: PdfFileReader) -> None:
    with reading():
        form = reader.root.get("/AcroForm", generic.DictionaryObject())
        if "/XFA" in form:
            raise PdfSignError("pdfsign.xfa")
        if certification_level(reader) == 1:
            raise PdfSignError("pdfsign.no-changes-allowed")


def certification_level(reader: PdfFileReader) -> int | None:
    """DocMDP's /P (1 no changes, 2 forms and signatures, 3 annotations too), None when not certified."""
    try:
        signature = reader.root["/Perms"]["/DocMDP"]
    except KeyError:
        return None
    return permission_of(signature) or 2


def permission_of(signature: generic.DictionaryObject) -> int | None:
    """/P of a signature dictionary's DocMDP reference, None when it has none (ISO 32000-1 §12.8.2.2)."""
    for item in signature.get("/Reference", ()):
        reference = item.get_object()
        if reference.get("/TransformMethod") == "/DocMDP":
            return int(reference.get("/TransformParams", {}).get("/P", 2))
    return None


def _written_anew(data: bytes) -> bytes:
    out = io.BytesIO()
    try:
        with pikepdf.open(io.BytesIO(data)) as document:
            document.save(out, static_id=True, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    except (pikepdf.PdfError, RuntimeError, ValueError) as error:
        raise PdfError("pdf.damaged") from error
    return out.getvalue()
