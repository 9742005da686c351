"""The ward's tasks: what waits for a signature, what was left unfinished, and an honest empty page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from desktop_app import theme
from desktop_app.bedside.model import Unfinished, next_signer
from desktop_app.pages.parts import Page, button, card, label, picture
from desktop_app.qt import (
    QAbstractItemView,
    QAbstractListModel,
    QColor,
    QFontMetricsF,
    QHBoxLayout,
    QListView,
    QModelIndex,
    QPainter,
    QPen,
    QPersistentModelIndex,
    QRectF,
    QSize,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
    QVBoxLayout,
    QWidget,
)
from desktop_app.words import Words
from signing.wire import OFD_MEDIA_TYPE, Task

ROW_PX = 104
Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()


class TaskModel(QAbstractListModel):
    """The tasks, oldest first."""

    def __init__(self, words: Words, parent: QWidget) -> None:
        super().__init__(parent)
        self.words = words
        self.tasks: list[Task] = []

    def set_tasks(self, tasks: Sequence[Task]) -> None:
        """Replace the list; nothing happens when it is the same."""
        if list(tasks) != self.tasks:
            self.beginResetModel()
            self.tasks = list(tasks)
            self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        """See Qt."""
        return 0 if parent.isValid() else len(self.tasks)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The task for the delegate; one sentence for a screen reader."""
        task = self.tasks[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return task
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.DisplayRole):
            signer = next_signer(task)
            who = self.words.signer(signer) if signer else ""
            return f"{task.title}, {self.words.identity(task.patient)}, {who}"
        return None


class TaskDelegate(QStyledItemDelegate):
    """Paints a task as a card."""

    def __init__(self, words: Words, parent: QWidget) -> None:
        super().__init__(parent)
        self.words = words

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """See Qt."""
        return QSize(480, ROW_PX + 12)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        """See Qt."""
        task: Task = index.data(Qt.ItemDataRole.UserRole)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(option.rect).adjusted(4, 4, -4, -8)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        colour = theme.FOCUS if focused else theme.NURSE if chosen else theme.LINE
        painter.setPen(QPen(QColor(colour), 3 if chosen else 1))
        painter.setBrush(QColor("#F4F8FB" if chosen else theme.PAPER))
        painter.drawRoundedRect(area, 12, 12)
        inner = area.adjusted(24, 14, -24, -14)
        right = self._right(painter, inner, task)
        left = QRectF(inner.left(), inner.top(), right - inner.left() - 24, inner.height())
        top, bottom = QRectF(left), QRectF(left)
        top.setHeight(left.height() / 2)
        bottom.setTop(left.center().y())
        self._line(painter, top, task.title, 16, theme.TEXT, bold=True)
        self._line(painter, bottom, self.words.identity(task.patient), 13, theme.MUTED)
        painter.restore()

    def _right(self, painter: QPainter, inner: QRectF, task: Task) -> float:
        """Who signs, since when, which format; returns the left edge of it."""
        signer = next_signer(task)
        who = self.words.signer(signer) if signer else ""
        kind = "OFD" if task.media_type == OFD_MEDIA_TYPE else "PDF"
        when = f"{kind} · {self.words.moment(task.created_at)}"
        width = max(
            QFontMetricsF(theme.font(13, bold=True)).horizontalAdvance(who),
            QFontMetricsF(theme.font(11)).horizontalAdvance(when),
        )
        width = min(width + 4, inner.width() * 0.45)
        box = QRectF(inner.right() - width, inner.top(), width, inner.height() / 2)
        flags = Qt.AlignmentFlag.AlignRight
        self._line(painter, box, who, 13, theme.SIGNER, bold=True, align=flags)
        box.translate(0, inner.height() / 2)
        self._line(painter, box, when, 11, theme.MUTED, align=flags)
        return box.left()

    def _line(
        self,
        painter: QPainter,
        box: QRectF,
        text: str,
        points: float,
        colour: str,
        *,
        bold: bool = False,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    ) -> None:
        font = theme.font(points, bold=bold)
        painter.setFont(font)
        painter.setPen(QColor(colour))
        shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, align | Qt.AlignmentFlag.AlignVCenter, shown)


class TaskListPage(Page):
    """Step `list`."""

    def __init__(
        self,
        words: Words,
        *,
        ward: str,
        on_open: Callable[[str], None],
        on_refresh: Callable[[], None],
        on_resume: Callable[[Unfinished], None],
        on_discard: Callable[[Unfinished], None],
    ) -> None:
        super().__init__()
        self.words = words
        self._on_open = on_open
        self._on_resume, self._on_discard = on_resume, on_discard
        head = QHBoxLayout()
        self._title = label(words("list-title", ward=ward) if ward else words("list-title-all"), "h1")
        head.addWidget(self._title)
        self._count = label("", "muted")
        head.addSpacing(12)
        head.addWidget(self._count, 0, Qt.AlignmentFlag.AlignBottom)
        head.addStretch(1)
        self._open = button(words("list-open"), self._open_chosen, shortcut="Ctrl+O")
        head.addWidget(self._open)
        head.addWidget(button(words("list-refresh"), on_refresh, shortcut="F5"))
        self.box.addLayout(head)
        self._left_behind = QVBoxLayout()
        self._left_behind.setSpacing(12)
        self.box.addLayout(self._left_behind)
        self._shown: list[Unfinished] = []
        self._frames: list[QWidget] = []
        self._resume_buttons: list[QWidget] = []
        self._model = TaskModel(words, self)
        self._list = QListView()
        self._list.setModel(self._model)
        self._list.setItemDelegate(TaskDelegate(words, self._list))
        self._list.setAccessibleName(words("list-name"))
        self._list.setObjectName(words("list-name"))
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._list.activated.connect(lambda _index: self._open_chosen())
        self._stack = QStackedWidget()
        self._stack.addWidget(self._list)
        self._stack.addWidget(self._empty())
        self.box.addWidget(self._stack, 1)

    @property
    def rows(self) -> QListView:
        """The list."""
        return self._list

    def select(self, task_id: str) -> bool:
        """Put the selection on a task; False when it is not in the list."""
        for row, task in enumerate(self._model.tasks):
            if task.id == task_id:
                self._list.setCurrentIndex(self._model.index(row, 0))
                return True
        return False

    def refresh(self, tasks: Sequence[Task], unfinished: Sequence[Unfinished], loaded: bool) -> None:
        """Show these tasks; the selection stays on its task."""
        chosen = self._list.currentIndex().data(Qt.ItemDataRole.UserRole)
        self._model.set_tasks(tasks)
        if not self._list.currentIndex().isValid() and tasks:
            known = next((i for i, task in enumerate(tasks) if chosen and task.id == chosen.id), 0)
            self._list.setCurrentIndex(self._model.index(known, 0))
        appeared = bool(tasks) and self._stack.currentIndex() == 1
        self._stack.setCurrentIndex(0 if tasks else 1)
        if appeared and self.isVisible() and not unfinished:
            self._list.setFocus(Qt.FocusReason.OtherFocusReason)
        self._empty_title.setText(self.words("list-empty" if loaded else "list-loading"))
        self._empty_hint.setVisible(loaded)
        self._count.setText(self.words("list-count", count=len(tasks)) if tasks else "")
        self._open.setEnabled(bool(tasks))
        if list(unfinished) != self._shown:
            self._show_unfinished(unfinished)
            if unfinished and self.isVisible():
                self._resume_buttons[0].setFocus(Qt.FocusReason.OtherFocusReason)

    def first_focus(self) -> QWidget | None:
        """The unfinished signing if there is one, else the list."""
        return self._resume_buttons[0] if self._resume_buttons else self._list

    def _open_chosen(self) -> None:
        task: Task | None = self._list.currentIndex().data(Qt.ItemDataRole.UserRole)
        if task is not None:
            self._on_open(task.id)

    def _empty(self) -> QWidget:
        holder = QWidget()
        box = QVBoxLayout(holder)
        box.addStretch(2)
        box.addWidget(picture("empty", 112), 0, Qt.AlignmentFlag.AlignHCenter)
        self._empty_title = label(self.words("list-loading"), "h2")
        box.addWidget(self._empty_title, 0, Qt.AlignmentFlag.AlignHCenter)
        self._empty_hint = label(self.words("list-empty-hint"), "muted")
        box.addWidget(self._empty_hint, 0, Qt.AlignmentFlag.AlignHCenter)
        box.addStretch(3)
        return holder

    def _show_unfinished(self, unfinished: Sequence[Unfinished]) -> None:
        self._shown = list(unfinished)
        for frame in self._frames:
            self._left_behind.removeWidget(frame)
            frame.hide()
            frame.deleteLater()
        self._frames, self._resume_buttons = [], []
        for left in unfinished:
            frame = self._frame_of(left)
            self._left_behind.addWidget(frame)
            frame.show()

    def _frame_of(self, left: Unfinished) -> QWidget:
        words = self.words
        frame, row = card(horizontal=True, kind="left-behind")
        what = "unfinished-confirmed" if left.confirmed else "unfinished-written"
        text = words(what, title=left.title, patient=left.patient_name, signer=left.signer_name)
        row.addWidget(label(text, "value", wrap=True), 1)
        resume = button(words("resume"), partial(self._on_resume, left))
        row.addWidget(resume)
        row.addWidget(button(words("discard"), partial(self._on_discard, left)))
        self._frames.append(frame)
        self._resume_buttons.append(resume)
        return frame
