"""The signature canvas: paints each new sample once into an image and repaints only that part."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from desktop_app import theme
from desktop_app.ink.curve import Curve, Dot, Piece
from desktop_app.qt import (
    QColor,
    QEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPointF,
    QRect,
    QRectF,
    QResizeEvent,
    QSizePolicy,
    Qt,
    QTabletEvent,
    QWidget,
)
from signing.ink import TIP, InkDevice, Sample

MIN_WIDTH, MAX_WIDTH = 1.6, 6.0
PenInput = Callable[[float, float, float, bool, bool], None]
"""x, y as fractions of the writing area, pressure 0–1, touching, in range."""


class InkCanvas(QWidget):
    """Shows ink of a device in its own proportions.

    Attributes: `pen_input` gets mouse and pen movements when this canvas is itself the pad (None:
    it only shows); `painted` is told the host times (µs) of the samples that a paint event put on
    the screen, for measuring.
    """

    def __init__(self, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pen_input: PenInput | None = None
        self.painted: Callable[[Sequence[int]], None] | None = None
        self._hint = hint
        self._aspect = 10800 / 6480
        self._device: InkDevice | None = None
        self._samples: list[Sample] = []
        self._image = QImage()
        self._curve = Curve()
        self._tail: Piece | None = None
        self._touching = False
        self._fresh: list[int] = []
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(480, 240)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def area(self) -> QRectF:
        """The writing area in widget pixels: the largest rectangle of the device's proportions."""
        width, height = self.width() - 4.0, self.height() - 4.0
        if width / max(height, 1) > self._aspect:
            width = height * self._aspect
        else:
            height = width / self._aspect
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is shown."""
        return not self._samples

    def set_hint(self, hint: str) -> None:
        """The words on an empty canvas."""
        self._hint = hint
        self.update()

    def set_device(self, device: InkDevice | None) -> None:
        """Whose coordinates the samples have."""
        if device is not None and device != self._device:
            self._aspect = device.width_um / device.height_um
            self._device = device
            self._redraw()

    def show_ink(self, device: InkDevice | None, samples: Sequence[Sample]) -> None:
        """Show exactly this ink; new samples at the end are painted on, anything else anew."""
        self.set_device(device)
        known = len(self._samples)
        if known and len(samples) >= known and samples[known - 1] == self._samples[-1]:
            self._add(samples[known:])
        else:
            self._samples = []
            self._clear_image()
            self._add(samples)

    def clear(self) -> None:
        """Nothing is shown."""
        self._samples = []
        self._clear_image()

    def _add(self, samples: Sequence[Sample]) -> None:
        if not samples or self._device is None:
            return
        self._ensure_image()
        self._samples.extend(samples)
        painter = QPainter(self._image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        dirty = QRectF()
        for sample in samples:
            if sample.flags & TIP:
                pieces = list(self._curve.add(self._dot(sample)))
            elif self._touching:
                pieces = list(self._curve.end())
            else:
                pieces = []
            self._touching = bool(sample.flags & TIP)
            for piece in pieces:
                dirty = dirty.united(_paint(painter, piece))
        painter.end()
        self._fresh.extend(sample.host_time_us for sample in samples if sample.flags & TIP)
        for tail in (self._tail, self._curve.tail):
            if tail is not None:
                dirty = dirty.united(_bounds(tail))
        self._tail = self._curve.tail
        if not dirty.isEmpty():
            self.update(dirty.toAlignedRect())

    def _dot(self, sample: Sample) -> Dot:
        device = self._device
        assert device is not None  # noqa: S101  callers have set it
        area = self.area
        force = sample.pressure / device.max_pressure if device.max_pressure else 0.5
        scale = area.width() / 900
        return Dot(
            area.left() + sample.x / device.max_x * area.width(),
            area.top() + sample.y / device.max_y * area.height(),
            (MIN_WIDTH + (MAX_WIDTH - MIN_WIDTH) * min(1.0, force)) * max(scale, 0.5),
        )

    def _ensure_image(self) -> None:
        if self._image.isNull():
            ratio = self.devicePixelRatioF()
            self._image = QImage(
                max(1, round(self.width() * ratio)),
                max(1, round(self.height() * ratio)),
                QImage.Format.Format_ARGB32_Premultiplied,
            )
            self._image.setDevicePixelRatio(ratio)
            self._image.fill(Qt.GlobalColor.transparent)

    def _clear_image(self) -> None:
        self._image = QImage()
        self._curve, self._tail, self._touching, self._fresh = Curve(), None, False, []
        self.update()

    def _redraw(self) -> None:
        samples, self._samples = self._samples, []
        self._clear_image()
        self._add(samples)

    def _pen(self, at: QPointF, pressure: float, touching: bool, in_range: bool = True) -> None:
        if self.pen_input is not None:
            area = self.area
            x = (at.x() - area.left()) / area.width()
            y = (at.y() - area.top()) / area.height()
            self.pen_input(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0), pressure, touching, in_range)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw the ink anew at the new size."""
        super().resizeEvent(event)
        self._redraw()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The mouse as a pen without pressure."""
        if event.button() == Qt.MouseButton.LeftButton and self.area.contains(event.position()):
            self._pen(event.position(), 0.5, True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """See `mousePressEvent`."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._pen(event.position(), 0.5, True)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """See `mousePressEvent`."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pen(event.position(), 0.0, False)

    def tabletEvent(self, event: QTabletEvent) -> None:
        """A pen with pressure; accepted, so that Qt does not make mouse events of it."""
        event.accept()
        touching = event.type() != QEvent.Type.TabletRelease and bool(
            event.buttons() & Qt.MouseButton.LeftButton
        )
        self._pen(event.position(), event.pressure() if touching else 0.0, touching)

    def leaveEvent(self, event: QEvent) -> None:
        """The pen or mouse is away."""
        if self.pen_input is not None:
            self.pen_input(0.0, 0.0, 0.0, False, False)
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The part that changed."""
        painter = QPainter(self)
        self._paint_ground(painter, event.rect())
        if not self._image.isNull():
            target = event.rect()
            ratio = self._image.devicePixelRatio()
            source = QRectF(
                target.x() * ratio, target.y() * ratio, target.width() * ratio, target.height() * ratio
            )
            painter.drawImage(QRectF(target), self._image, source)
        if self._tail is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            _paint(painter, self._tail)
        painter.end()
        fresh, self._fresh = self._fresh, []
        if self.painted is not None and fresh:
            self.painted(fresh)

    def _paint_ground(self, painter: QPainter, part: QRect) -> None:
        painter.fillRect(part, QColor(theme.GROUND))
        area = self.area
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.FOCUS if self.hasFocus() else "#9DB1BC"), 2))
        painter.setBrush(QColor(theme.PAPER))
        painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), 12, 12)
        painter.setPen(QPen(QColor("#C5D2D9"), 2, Qt.PenStyle.DashLine))
        line = area.top() + area.height() * 0.78
        painter.drawLine(QPointF(area.left() + 48, line), QPointF(area.right() - 48, line))
        if not self._samples and self._hint:
            painter.setPen(QColor("#6B7F8A"))
            painter.setFont(theme.font(26))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self._hint)


def _paint(painter: QPainter, piece: Piece) -> QRectF:
    """Paint a piece; the rectangle that it touched."""
    pen = QPen(QColor(theme.INK), piece.width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    if piece.a == piece.d:
        painter.drawPoint(QPointF(*piece.a))
    else:
        path = QPainterPath(QPointF(*piece.a))
        path.cubicTo(QPointF(*piece.b), QPointF(*piece.c), QPointF(*piece.d))
        painter.drawPath(path)
    return _bounds(piece)


def _bounds(piece: Piece) -> QRectF:
    """What a piece may touch."""
    xs, ys = zip(piece.a, piece.b, piece.c, piece.d, strict=True)
    margin = piece.width / 2 + 2
    return QRectF(
        min(xs) - margin, min(ys) - margin, max(xs) - min(xs) + 2 * margin, max(ys) - min(ys) + 2 * margin
    )
