"""PDF: render (PDFium), find text, normalise, sign with visible ink in SM2, verify, write the report.

Each name is loaded when it is first asked for: whoever only draws pages (or an OFD's JBIG2 picture)
does not wait for the signing engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signing.pdf.document import (
        Hit,
        PageImage,
        PdfDocument,
        find_text,
        open_pdf,
        render_page,
        render_png,
    )
    from signing.pdf.errors import FontError, PdfError, PdfSignError
    from signing.pdf.events import EventSignature, event_signatures
    from signing.pdf.limits import Limits
    from signing.pdf.normalise import document_digest, normalise_pdf
    from signing.pdf.report import build_report_pdf
    from signing.pdf.sign import sign_pdf
    from signing.pdf.verify import verify_pdf

_MODULES = {
    "document": ("Hit", "PageImage", "PdfDocument", "find_text", "open_pdf", "render_page", "render_png"),
    "errors": ("FontError", "PdfError", "PdfSignError"),
    "events": ("EventSignature", "event_signatures"),
    "limits": ("Limits",),
    "normalise": ("document_digest", "normalise_pdf"),
    "report": ("build_report_pdf",),
    "sign": ("sign_pdf",),
    "verify": ("verify_pdf",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "EventSignature",
    "FontError",
    "Hit",
    "Limits",
    "PageImage",
    "PdfDocument",
    "PdfError",
    "PdfSignError",
    "build_report_pdf",
    "document_digest",
    "event_signatures",
    "find_text",
    "normalise_pdf",
    "open_pdf",
    "render_page",
    "render_png",
    "sign_pdf",
    "verify_pdf",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
