"""The door for those who read an OFD: open it, list its pages, look at what they show, find words on them."""

from __future__ import annotations

from pathlib import Path

from signing.ofd.displaylist import DisplayList, Note
from signing.ofd.errors import OfdError, Tolerance
from signing.ofd.model import Document, Page, load_document
from signing.ofd.package import Limits, OfdPackage, open_package
from signing.ofd.pages import page_display_list
from signing.ofd.text import Hit, find_on_page, find_text, nth_hit, page_text

__all__ = [
    "DisplayList",
    "Document",
    "Hit",
    "Limits",
    "Note",
    "OfdError",
    "OfdPackage",
    "Page",
    "Tolerance",
    "find_on_page",
    "find_text",
    "load_document",
    "nth_hit",
    "open_document",
    "open_package",
    "page_display_list",
    "page_text",
]


def open_document(source: bytes | str | Path, body: int = 0, limits: Limits | None = None) -> Document:
    """Open an OFD from its bytes or a file and load one of its documents.

    Raises:
        OfdError: as `open_package` and `load_document`.
    """
    return load_document(open_package(source, limits), body)
