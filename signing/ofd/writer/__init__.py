"""Writes new OFD documents: pages of text, lines, rectangles and pictures, byte for byte reproducibly."""

from signing.ofd.writer.document import make_document
from signing.ofd.writer.font import EmbeddedFont
from signing.ofd.writer.items import Line, PageContent, PageItem, Picture, Rectangle, TextLine

__all__ = [
    "EmbeddedFont",
    "Line",
    "PageContent",
    "PageItem",
    "Picture",
    "Rectangle",
    "TextLine",
    "make_document",
]
