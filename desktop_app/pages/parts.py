"""Building blocks of the pages: labels, buttons, cards, each with its accessible name."""

from __future__ import annotations

from collections.abc import Callable

from desktop_app import theme
from desktop_app.qt import (
    QCheckBox,
    QFontMetricsF,
    QFrame,
    QHBoxLayout,
    QKeySequence,
    QLabel,
    QMouseEvent,
    QPushButton,
    QResizeEvent,
    QScrollArea,
    QSizePolicy,
    Qt,
    QVBoxLayout,
    QWidget,
)


class Page(QWidget):
    """Base of all pages: a ground, margins, and the widget that has the keyboard first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.box = QVBoxLayout(self)
        self.box.setContentsMargins(theme.MARGIN_PX, 24, theme.MARGIN_PX, 24)
        self.box.setSpacing(theme.GAP_PX)

    def first_focus(self) -> QWidget | None:
        """The widget that gets the keyboard when the page appears."""
        return None

    def left(self) -> None:
        """The page is no longer shown."""


def label(text: str = "", kind: str = "", *, wrap: bool = False) -> QLabel:
    """A text. `kind` chooses the type in the style sheet; one that may be long must `wrap`."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if kind:
        made.setProperty("kind", kind)
    if wrap:
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    return made


def button(
    text: str, on_click: Callable[[], None], *, kind: str = "", shortcut: str = "", name: str = ""
) -> QPushButton:
    """A button; `name` is its accessible name where the text alone does not say enough."""
    made = QPushButton(text)
    made.setAccessibleName(name or text)
    made.setObjectName(name or text)
    if kind:
        made.setProperty("kind", kind)
    if shortcut:
        made.setShortcut(QKeySequence(shortcut))
        made.setToolTip(
            f"{text}  [{QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)}]"
        )
    made.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
    made.setAutoDefault(True)
    made.clicked.connect(lambda _checked=False: on_click())
    return made


def card(*, horizontal: bool = False, kind: str = "card") -> tuple[QFrame, QVBoxLayout | QHBoxLayout]:
    """A white panel and its layout."""
    frame = QFrame()
    frame.setProperty("kind", kind)
    inside: QVBoxLayout | QHBoxLayout = QHBoxLayout(frame) if horizontal else QVBoxLayout(frame)
    inside.setContentsMargins(24, 20, 24, 20)
    inside.setSpacing(12)
    return frame, inside


def fact(name: str) -> tuple[QWidget, QLabel]:
    """A small name above a value; the value's label is returned to be filled."""
    holder = QWidget()
    box = QVBoxLayout(holder)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(2)
    box.addWidget(label(name, "key"))
    value = label("", "value", wrap=True)
    box.addWidget(value)
    return holder, value


class ElidedLabel(QLabel):
    """One line that ends in … where there is no room; its whole text is its accessible name."""

    def __init__(self, kind: str = "") -> None:
        super().__init__()
        self._whole = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        if kind:
            self.setProperty("kind", kind)

    def show_text(self, text: str) -> None:
        """Show this."""
        self._whole = text
        self.setAccessibleName(text)
        self.setToolTip(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Follow the width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics = QFontMetricsF(self.font())
        self.setText(metrics.elidedText(self._whole, Qt.TextElideMode.ElideRight, self.width() - 2))


class TickBox(QWidget):
    """A check box whose text wraps. Attributes: `box` is the check box."""

    def __init__(self, text: str, on_change: Callable[[], None]) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.box = QCheckBox()
        self.box.setAccessibleName(text)
        self.box.setFixedSize(theme.CONTROL_PX + 8, theme.CONTROL_PX + 8)
        self.box.toggled.connect(lambda _on: on_change())
        row.addWidget(self.box)
        words = label(text, "patient", wrap=True)
        words.setBuddy(self.box)
        row.addWidget(words, 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The words count as the box, too."""
        self.box.toggle()
        super().mousePressEvent(event)


def rule() -> QFrame:
    """A thin line."""
    made = QFrame()
    made.setProperty("kind", "rule")
    return made


def badge(text: str, kind: str = "badge") -> QLabel:
    """A mark that stands out, such as 模拟; `badge-large` on the signer's pages."""
    made = label(text, kind)
    made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return made


def scroller(inside: QWidget, name: str, width: int) -> QScrollArea:
    """A column of `width` pixels that scrolls when its content is longer than its place."""
    made = QScrollArea()
    made.setProperty("kind", "plain")
    made.setAccessibleName(name)
    made.setObjectName(name)
    made.setFixedWidth(width)
    made.setWidgetResizable(True)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    inside.setObjectName(inside.objectName() or "plain")
    made.setWidget(inside)
    made.viewport().setAutoFillBackground(False)
    return made


def picture(name: str, side: int, meaning: str = "") -> QLabel:
    """An icon of `side` pixels; `meaning` is read to who cannot see it."""
    made = QLabel()
    made.setPixmap(theme.pixmap(name, side))
    made.setFixedSize(side, side)
    made.setAccessibleName(meaning)
    return made


def restyle(widget: QWidget) -> None:
    """Apply the style sheet anew after a property has changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
