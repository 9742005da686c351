"""What the pad's own display shows: who signs what, and a line to write on."""

from __future__ import annotations

from desktop_app import theme
from desktop_app.bedside.model import Signing
from desktop_app.qt import QColor, QFontMetricsF, QImage, QPainter, QPen, QPointF, QRectF, Qt
from desktop_app.words import Words


class PadPrompt:
    """`Prompt` in the language of the station."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def __call__(self, signing: Signing, width: int, height: int) -> bytes:
        """RGB bytes of the picture."""
        image = QImage(width, height, QImage.Format.Format_RGB888)
        image.fill(QColor("white"))
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        scale = height / 480
        band = QRectF(0, 0, width, 64 * scale)
        painter.fillRect(band, QColor(theme.SIGNER))
        self._text(painter, band.adjusted(20, 0, -20, 0), "white", 26 * scale, self._words("pad-please"))
        row = QRectF(20, band.bottom() + 10 * scale, width - 40, 44 * scale)
        self._text(painter, row, theme.TEXT, 22 * scale, signing.task.title)
        row.translate(0, 40 * scale)
        self._text(painter, row, theme.MUTED, 20 * scale, self._words.signer(signing.signer))
        painter.setPen(QPen(QColor("#9DB1BC"), max(1.0, 2 * scale), Qt.PenStyle.DashLine))
        line = height * 0.82
        painter.drawLine(QPointF(40, line), QPointF(width - 40, line))
        painter.end()
        stride, row_bytes = image.bytesPerLine(), width * 3
        data = bytes(image.constBits())
        if stride == row_bytes:
            return data
        return b"".join(data[y * stride : y * stride + row_bytes] for y in range(height))

    def _text(self, painter: QPainter, box: QRectF, colour: str, pixels: float, text: str) -> None:
        font = theme.font(12)
        font.setPixelSize(max(10, round(pixels)))
        painter.setFont(font)
        painter.setPen(QColor(colour))
        shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
