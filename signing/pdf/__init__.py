"""PDF: render (PDFium), find text, normalise, sign with visible ink in SM2, verify, write the report."""

from signing.pdf.document import Hit, PageImage, PdfDocument, find_text, open_pdf, render_page, render_png
from signing.pdf.errors import FontError, PdfError, PdfSignError
from signing.pdf.events import EventSignature, event_signatures
from signing.pdf.limits import Limits
from signing.pdf.normalise import document_digest, normalise_pdf
from signing.pdf.report import build_report_pdf
from signing.pdf.sign import sign_pdf
from signing.pdf.verify import verify_pdf

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
