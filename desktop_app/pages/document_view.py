"""Pages of a document in a scrolling view, drawn in the background as they come into sight."""

from __future__ import annotations

from collections.abc import Callable

from desktop_app import theme
from desktop_app.bedside.ports import Runner
from desktop_app.documents import ShownDocument
from desktop_app.qt import (
    QColor,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRectF,
    QResizeEvent,
    QScrollArea,
    Qt,
    QTimer,
    QVBoxLayout,
    QWidget,
    Signal,
)
from desktop_app.words import Words
from signing.verdict import PenwardError
from signing.wire import StampBox

MAX_SHEET_PX = 1100
SEEN_SHARE = 0.6
"""A page counts as in view when so much of it is visible, or it fills so much of the view."""


KEEP_PAGES = 2
"""So many pages before and after those in view keep their pictures."""
END_PX = 24
"""So much of a page's lower margin may be missing when its end counts as seen."""


class Sheet(QWidget):
    """One page of paper."""

    def __init__(self, size_mm: tuple[float, float], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.size_mm = size_mm
        self._image = QImage()
        self._mark: StampBox | None = None
        self._mark_text = ""
        self.setAccessibleName(name)

    @property
    def drawn_width(self) -> int:
        """Width in pixels of the picture that is there; 0 for none."""
        return self._image.width()

    def set_image(self, image: QImage) -> None:
        """The page's picture."""
        self._image = image
        self.update()

    def set_mark(self, box: StampBox, text: str) -> None:
        """Point out where the signature goes."""
        self._mark, self._mark_text = box, text
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paper, picture, mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(self.rect())
        painter.fillRect(whole, QColor("white"))
        if not self._image.isNull():
            painter.drawImage(whole, self._image)
        painter.setPen(QPen(QColor("#C2CDD4"), 1))
        painter.drawRect(whole.adjusted(0.5, 0.5, -0.5, -0.5))
        if self._mark is not None:
            self._paint_mark(painter, self._mark)
        painter.end()

    def _paint_mark(self, painter: QPainter, box: StampBox) -> None:
        scale = self.width() / self.size_mm[0]
        area = QRectF(box.x_mm * scale, box.y_mm * scale, box.width_mm * scale, box.height_mm * scale)
        painter.setPen(QPen(QColor(theme.SIGNER), 2, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(30, 107, 82, 22))
        painter.drawRoundedRect(area, 6, 6)
        font = theme.font(11, bold=True)
        font.setPixelSize(max(11, min(18, round(area.height() * 0.32))))
        painter.setFont(font)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self._mark_text)


class DocumentView(QScrollArea):
    """Signals: `pages_in_view(frozenset, frozenset)` whenever other pages, or ends of pages, are in view;
    `failed(PenwardError)`."""

    pages_in_view = Signal(object, object)
    failed = Signal(object)

    def __init__(self, words: Words, renderer: Runner, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._renderer = renderer
        self._document: ShownDocument | None = None
        self._sheets: list[Sheet] = []
        self._pending: set[int] = set()
        self._round = 0
        self._wanted: StampBox | None = None
        self._in_view: frozenset[int] = frozenset()
        self._ends: frozenset[int] = frozenset()
        self._holder = QWidget()
        self._holder.setObjectName("sheets")
        self._box = QVBoxLayout(self._holder)
        self._box.setContentsMargins(16, 16, 16, 16)
        self._box.setSpacing(16)
        self.setWidget(self._holder)
        self.setWidgetResizable(True)
        self.setAccessibleName(name)
        self.setObjectName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().setAccessibleName(name)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(30)
        self._later.timeout.connect(self._look)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._later.start())

    @property
    def complete(self) -> bool:
        """Whether every page in view has its picture."""
        return (
            self._wanted is None
            and bool(self._sheets)
            and all(self._sheets[i].drawn_width for i in self._visible_part() if i < len(self._sheets))
        )

    def show_document(
        self, document: ShownDocument | None, mark: StampBox | None = None, mark_text: str = ""
    ) -> None:
        """Show another document (None: nothing), pointing out `mark`."""
        if document is self._document and document is not None:
            self._in_view = self._ends = frozenset()
            self._later.start()
            return
        self._round += 1
        self._document, self._wanted = document, None
        self._in_view = self._ends = frozenset()
        self._pending.clear()
        for sheet in self._sheets:
            self._box.removeWidget(sheet)
            sheet.deleteLater()
        self._sheets = []
        if document is None:
            return
        for number, size in enumerate(document.sizes_mm):
            sheet = Sheet(size, self._words("page-number", page=number + 1, pages=document.page_count))
            if mark is not None and mark.page == number:
                sheet.set_mark(mark, mark_text)
            self._sheets.append(sheet)
            self._box.addWidget(sheet, 0, Qt.AlignmentFlag.AlignHCenter)
        self._fit()
        self.verticalScrollBar().setValue(0)

    def scroll_to_mark(self, box: StampBox) -> None:
        """Bring the place of a signature into view, now or as soon as the pages are laid out."""
        self._wanted = box
        self._later.start()

    def _scroll_to(self, box: StampBox) -> bool:
        """False while the pages are not yet where they will be."""
        if not 0 <= box.page < len(self._sheets):
            return True
        sheet = self._sheets[box.page]
        if not self.isVisible() or self._holder.height() < sheet.y() + sheet.height():
            return False
        middle = (box.y_mm + box.height_mm / 2) / sheet.size_mm[1] * sheet.height()
        self.verticalScrollBar().setValue(round(sheet.y() + middle - self.viewport().height() / 2))
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Home and End besides what a scroll area knows."""
        bar = self.verticalScrollBar()
        if event.key() == Qt.Key.Key_Home:
            bar.setValue(0)
        elif event.key() == Qt.Key.Key_End:
            bar.setValue(bar.maximum())
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_PageDown):
            bar.setValue(bar.value() + round(self.viewport().height() * 0.85))
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Pages follow the width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        width = max(200, min(MAX_SHEET_PX, self.viewport().width() - 40))
        for sheet in self._sheets:
            height = round(width * sheet.size_mm[1] / sheet.size_mm[0])
            sheet.setFixedSize(width, height)
        self._later.start()

    def _visible_part(self) -> dict[int, float]:
        """Page number → share of it (or of the view, if that is more) that can be seen."""
        top = self.verticalScrollBar().value()
        bottom = top + self.viewport().height()
        seen = {}
        for number, sheet in enumerate(self._sheets):
            overlap = min(bottom, sheet.y() + sheet.height()) - max(top, sheet.y())
            if overlap > 0:
                seen[number] = overlap / max(1, min(sheet.height(), self.viewport().height()))
        return seen

    def _look(self) -> None:
        """See which pages are in view; draw those that are or soon will be."""
        if self._document is None:
            return
        if self._wanted is not None:
            if not self._scroll_to(self._wanted):
                self._later.start()
                return
            self._wanted = None
        visible = self._visible_part()
        for number in [*sorted(visible), max(visible, default=-1) + 1]:
            self._draw(number)
        self._let_go(visible)
        there = [n for n in visible if self._sheets[n].drawn_width]
        drawn = frozenset(n for n in there if visible[n] >= SEEN_SHARE)
        bottom = self.verticalScrollBar().value() + self.viewport().height()
        # A page's end counts even where only a little of the page is left in view.
        ends = frozenset(n for n in there if self._sheets[n].geometry().bottom() <= bottom + END_PX)
        if self.isVisible() and (drawn, ends) != (self._in_view, self._ends):
            self._in_view, self._ends = drawn, ends
            self.pages_in_view.emit(drawn, ends)

    def _let_go(self, visible: dict[int, float]) -> None:
        """Drop the pictures of pages far from view: a long document must not fill the memory."""
        if not visible:
            return
        first, last = min(visible) - KEEP_PAGES, max(visible) + KEEP_PAGES
        for number, sheet in enumerate(self._sheets):
            if sheet.drawn_width and not first <= number <= last:
                sheet.set_image(QImage())

    def _draw(self, number: int) -> None:
        document = self._document
        if document is None or not 0 <= number < len(self._sheets) or number in self._pending:
            return
        sheet = self._sheets[number]
        wanted = round(sheet.width() * self.devicePixelRatioF())
        if abs(sheet.drawn_width - wanted) <= max(2, wanted // 50):
            return
        self._pending.add(number)
        turn = self._round

        def done(image: QImage) -> None:
            if turn == self._round:
                self._pending.discard(number)
                self._sheets[number].set_image(image)
                self._later.start()

        def broke(error: PenwardError) -> None:
            if turn == self._round:
                self.failed.emit(error)

        self._renderer.run(_drawing(document, number, wanted), done, broke)


def _drawing(document: ShownDocument, number: int, width: int) -> Callable[[], QImage]:
    return lambda: document.image(number, width)
