"""Draws pages with QPainter on a QImage, or on any painter that a program brings."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
from PySide6.QtGui import QImage, QImageWriter, QPainter, QTransform

from signing.ofd.displaylist import (
    BLEND_NORMAL,
    DisplayList,
    Gradient,
    Group,
    ImageItem,
    Item,
    Note,
    PathItem,
    TextItem,
)
from signing.ofd.errors import OfdError, Params
from signing.ofd.geometry import Matrix
from signing.ofd.model import Document
from signing.ofd.pages import page_display_list
from signing.ofd.painters.application import ensure_application
from signing.ofd.painters.qt_fonts import FontShelf, ShelfRoom
from signing.ofd.painters.qt_images import draw_image
from signing.ofd.painters.qt_paths import (
    brush,
    clip_path,
    fill_with_rings,
    needs_rings,
    painter_path,
    pen,
    strip,
    transform,
)
from signing.ofd.painters.qt_text import draw_text

MM_PER_INCH = 25.4
MOST_PIXELS = 120_000_000
_MODES = {
    "Normal": QPainter.CompositionMode.CompositionMode_SourceOver,
    "Multiply": QPainter.CompositionMode.CompositionMode_Multiply,
    "Screen": QPainter.CompositionMode.CompositionMode_Screen,
    "Overlay": QPainter.CompositionMode.CompositionMode_Overlay,
    "Darken": QPainter.CompositionMode.CompositionMode_Darken,
    "Lighten": QPainter.CompositionMode.CompositionMode_Lighten,
}


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A drawn page and its report: what is not drawn, drawn otherwise, or set in another font."""

    image: QImage
    notes: tuple[Note, ...]


def render(document: Document, index: int, dpi: float = 150.0, *, appearance: bool = True) -> RenderedPage:
    """Draw a page on white; `index` counts from 0. Width and height are rounded to whole pixels.

    May be called from any thread; several threads may draw one document.

    Raises:
        OfdError: no such page, a damaged page part, or `ofd.page-too-large`.
    """
    ensure_application()
    drawn = page_display_list(document, index, appearance=appearance)
    scale = dpi / MM_PER_INCH
    if not math.isfinite(scale) or scale <= 0:
        raise OfdError("ofd.page-too-large", dpi=dpi)
    width, height = max(1, round(drawn.width_mm * scale)), max(1, round(drawn.height_mm * scale))
    if width * height > MOST_PIXELS or max(width, height) > 32_000:
        raise OfdError("ofd.page-too-large", dpi=round(dpi))
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    image.setDotsPerMeterX(round(dpi / MM_PER_INCH * 1000))
    image.setDotsPerMeterY(round(dpi / MM_PER_INCH * 1000))
    painter = QPainter(image)
    try:
        notes = paint(painter, document, drawn, Matrix(scale, 0.0, 0.0, scale, 0.0, 0.0))
    finally:
        painter.end()
    return RenderedPage(image, notes)


def render_page(document: Document, index: int, dpi: float = 150.0, *, appearance: bool = True) -> QImage:
    """The picture of a page on white (Format_RGB32); see `render`.

    Raises:
        OfdError: as `render`.
    """
    return render(document, index, dpi, appearance=appearance).image


def render_png(document: Document, index: int, dpi: float = 150.0, *, appearance: bool = True) -> bytes:
    """The picture of a page as PNG; see `render`.

    Raises:
        OfdError: as `render`.
    """
    return png_bytes(render_page(document, index, dpi, appearance=appearance))


def png_bytes(image: QImage) -> bytes:
    """A QImage as PNG."""
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(b"PNG"))
    writer.setQuality(80)  # for PNG: little compression, soon done
    writer.write(image)
    buffer.close()
    return bytes(content.data())


def paint(painter: QPainter, document: Document, drawn: DisplayList, device: Matrix) -> tuple[Note, ...]:
    """Draw a display list of the document; `device` leads from page mm to the painter's pixels.

    Returns the page report: the list's own notes and what was found while drawing.
    """
    room = document.memo("qt-fonts", lambda: ShelfRoom(document))
    hints = QPainter.RenderHint
    painter.setRenderHints(hints.Antialiasing | hints.TextAntialiasing | hints.SmoothPixmapTransform, True)
    canvas = _Canvas(painter, document, room.shelf(), device)
    painter.save()
    canvas.draw(drawn.items)
    painter.restore()
    return tuple(dict.fromkeys((*drawn.notes, *canvas.notes)))


class _Canvas:
    """One painting of one display list."""

    def __init__(self, painter: QPainter, document: Document, shelf: FontShelf, device: Matrix) -> None:
        self._painter = painter
        self._document = document
        self._shelf = shelf
        self._device = device
        self._blend = BLEND_NORMAL
        self._bad_images: dict[str, None] = {}
        shelf.begin()

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was met while drawing."""
        images = (Note("ofd.note-image", Params(name=key[:80])) for key in self._bad_images)
        return (*self._shelf.notes, *images)

    def draw(self, items: tuple[Item, ...]) -> None:
        """Draw the items from bottom to top."""
        for item in items:
            if isinstance(item, Group):
                self._group(item)
                continue
            if item.blend != self._blend:
                self._blend = item.blend
                self._painter.setCompositionMode(_MODES[item.blend])
            if isinstance(item, TextItem):
                draw_text(self._painter, self._shelf, item, self._device)
            elif isinstance(item, PathItem):
                self._path(item)
            elif isinstance(item, ImageItem) and not draw_image(
                self._painter, self._document, item, self._device
            ):
                self._bad_images[item.key] = None

    def _group(self, group: Group) -> None:
        painter = self._painter
        painter.save()
        painter.setTransform(QTransform())
        for clip in group.clips:
            painter.setClipPath(clip_path(clip, self._device), Qt.ClipOperation.IntersectClip)
        before = self._blend
        self.draw(group.items)
        painter.restore()
        self._blend = before

    def _path(self, item: PathItem) -> None:
        painter = self._painter
        painter.setTransform(transform(item.matrix.then(self._device)))
        path = painter_path(item.segments, item.even_odd)
        if isinstance(item.fill, Gradient) and needs_rings(item.fill):
            fill_with_rings(painter, path, item.fill)
        elif item.fill is not None:
            band = strip(item.fill, path.boundingRect()) if isinstance(item.fill, Gradient) else None
            if band is not None:
                painter.save()
                painter.setClipPath(band, Qt.ClipOperation.IntersectClip)
            painter.fillPath(path, brush(item.fill))
            if band is not None:
                painter.restore()
        if item.stroke is not None:
            painter.strokePath(path, pen(item.stroke))
