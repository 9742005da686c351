"""The errors that leave the PDF room: documents that cannot be used, signatures that cannot be made."""

from __future__ import annotations

from signing.verdict import PenwardError


class PdfError(PenwardError):
    """A file is not a PDF that can be used; `code` is `pdf.<name>`."""


class PdfSignError(PenwardError):
    """A PDF that can be read but not signed so; `code` is `pdfsign.<name>`."""


class FontError(PenwardError):
    """No font for writing into PDF; `code` is `report.<name>`."""
