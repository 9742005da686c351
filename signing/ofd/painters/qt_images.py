"""Puts the pictures of a display list on a painter; decoded pictures are remembered by the document."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from signing.ofd.displaylist import ImageItem
from signing.ofd.errors import OfdError
from signing.ofd.geometry import Matrix
from signing.ofd.images import Raster, decode_image
from signing.ofd.model import Document
from signing.ofd.painters.qt_paths import transform

_FORMATS = {
    "L": (QImage.Format.Format_Grayscale8, 1),
    "RGB": (QImage.Format.Format_RGB888, 3),
    "RGBA": (QImage.Format.Format_RGBA8888, 4),
}


def draw_image(painter: QPainter, document: Document, item: ImageItem, device: Matrix) -> bool:
    """Draw a picture; False when it cannot be decoded. `device` leads from page mm to pixels."""
    matrix = item.matrix.then(device)
    image = _image(document, item)
    if image is None:
        return False
    upright = abs(matrix.b) < 1e-6 and abs(matrix.c) < 1e-6
    width, height = math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d)
    if (
        upright
        and width >= 1
        and height >= 1
        and (image.width() > 1.5 * width or image.height() > 1.5 * height)
    ):
        # Averaging beforehand: bilinear sampling alone would skip rows and columns.
        image = _reduced(document, item, image, round(width), round(height))
    painter.setTransform(transform(matrix))
    painter.setOpacity(item.alpha)
    painter.drawImage(QRectF(0.0, 0.0, 1.0, 1.0), image)
    painter.setOpacity(1.0)
    return True


def to_image(raster: Raster) -> QImage:
    """The pixels as a QImage in the painter's own format."""
    kind, size = _FORMATS[raster.mode]
    image = QImage(raster.data, raster.width, raster.height, raster.width * size, kind)
    wanted = (
        QImage.Format.Format_ARGB32_Premultiplied if raster.mode == "RGBA" else QImage.Format.Format_RGB32
    )
    return image.convertToFormat(wanted).copy()


def _image(document: Document, item: ImageItem) -> QImage | None:
    def decode() -> QImage | None:
        try:
            mask = document.blobs.read(item.mask) if item.mask else None
            return to_image(decode_image(document.blobs.read(item.key), item.key, mask))
        except OfdError:
            return None

    return document.memo(("image", item.key, item.mask), decode, _weight)


def _reduced(document: Document, item: ImageItem, image: QImage, width: int, height: int) -> QImage:
    def reduce() -> QImage:
        return image.scaled(
            max(1, width),
            max(1, height),
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )

    return document.memo(("image", item.key, item.mask, width, height), reduce, _weight)


def _weight(image: QImage | None) -> int:
    return int(image.sizeInBytes()) if image is not None else 0
