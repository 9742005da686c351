"""The signer's pages before and after the writing: reading, photo, sending, giving the screen back."""

from __future__ import annotations

from desktop_app import theme
from desktop_app.bedside.flow import Flow
from desktop_app.bedside.ports import Runner
from desktop_app.bedside.steps import Step
from desktop_app.documents import ShownDocument
from desktop_app.pages.document_view import DocumentView
from desktop_app.pages.parts import Page, TickBox, badge, button, card, label, picture
from desktop_app.qt import (
    QHBoxLayout,
    QLabel,
    QPixmap,
    QProgressBar,
    Qt,
    QTimer,
    QVBoxLayout,
    QWidget,
)
from desktop_app.words import Words

PHOTO_PX = (720, 420)


class ReadingPage(Page):
    """Step `reading`: only this document, large, and what is agreed to."""

    def __init__(self, words: Words, flow: Flow, renderer: Runner) -> None:
        super().__init__()
        self._words, self._flow = words, flow
        self.view = DocumentView(words, renderer, words("document-name"))
        self.view.pages_in_view.connect(self._viewed)
        self._title = label("", "patient-h1", wrap=True)
        self.box.addWidget(self._title)
        self.box.addWidget(self.view, 1)
        self._consents = QVBoxLayout()
        self._boxes: list[TickBox] = []
        self.box.addLayout(self._consents)
        row = QHBoxLayout()
        row.setSpacing(theme.GAP_PX)
        self._back = button(words("reading-refuse"), flow.return_to_nurse, kind="large", shortcut="Esc")
        row.addWidget(self._back)
        row.addStretch(1)
        self._seen = label("", "patient-muted")
        row.addWidget(self._seen)
        self._go = button(words("reading-go"), flow.finish_reading, kind="signer", shortcut="Ctrl+Return")
        row.addWidget(self._go)
        self.box.addLayout(row)
        self._tick = QTimer(self)
        self._tick.setInterval(500)
        self._tick.timeout.connect(self._update)
        self._task_id = ""

    def refresh(self, flow: Flow, document: ShownDocument | None) -> None:
        """Show the flow's document."""
        signing = flow.signing
        if signing is None:
            return
        self._title.setText(signing.task.title)
        self.view.show_document(document, signing.signer.field, self._words("sign-here"))
        key = f"{signing.task.id}/{signing.signer.index}"
        if key != self._task_id:
            self._task_id = key
            self._make_consents([consent.text for consent in signing.task.consents])
        self._tick.start()
        self._update()

    def first_focus(self) -> QWidget:
        """The document, so that the arrow keys scroll."""
        return self.view

    def left(self) -> None:
        """Nothing is read any more."""
        self._tick.stop()
        if self._flow.signing is not None:
            self._flow.signing.reading.view(frozenset())

    def forget(self) -> None:
        """Another person may come: nothing of this one stays."""
        self._task_id = ""
        self._make_consents([])
        self.view.show_document(None)
        self._title.setText("")

    def _make_consents(self, texts: list[str]) -> None:
        for box in self._boxes:
            self._consents.removeWidget(box)
            box.deleteLater()
        self._boxes = []
        for text in texts:
            box = TickBox(self._words("consent", text=text), self._update)
            self._consents.addWidget(box)
            self._boxes.append(box)

    def _viewed(self, pages: frozenset[int], ends: frozenset[int]) -> None:
        if self._flow.step is Step.READING and self._flow.signing is not None:
            self._flow.signing.reading.view(pages)
            self._flow.signing.reading.reach_end(ends)
            self._update()

    def _update(self) -> None:
        signing = self._flow.signing
        if signing is None or self._flow.step is not Step.READING:
            return
        reading = signing.reading
        left = signing.task.policy.reading_seconds - reading.total_ms() // 1000
        if not reading.all_pages_seen:
            text = self._words("reading-pages", seen=reading.seen, pages=reading.pages)
        elif left > 0:
            text = self._words("reading-seconds", seconds=left)
        elif not all(tick.box.isChecked() for tick in self._boxes):
            text = self._words("reading-consents")
        else:
            text = ""
        self._seen.setText(text)
        self._go.setEnabled(not text and self._flow.may_sign)


class PhotoPage(Page):
    """Step `photo`: take, look, take again or use."""

    def __init__(self, words: Words, flow: Flow) -> None:
        super().__init__()
        self._words = words
        self._had = False
        self.box.addWidget(label(words("photo-title"), "patient-h1"))
        self._why = label(words("photo-why"), "patient-muted", wrap=True)
        self.box.addWidget(self._why)
        frame, inside = card()
        self._picture = QLabel()
        self._picture.setAccessibleName(words("photo-picture"))
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._picture.setMinimumHeight(PHOTO_PX[1])
        inside.addWidget(self._picture, 1)
        self._badge = badge(words("simulated-photo-badge"), "badge-large")
        inside.addWidget(self._badge, 0, Qt.AlignmentFlag.AlignHCenter)
        self.box.addWidget(frame, 1)
        row = QHBoxLayout()
        row.setSpacing(theme.GAP_PX)
        self._skip = button(words("photo-skip"), flow.skip_photo, kind="large")
        self._later = button(words("keep-for-later"), flow.keep_for_later, kind="large", shortcut="Esc")
        row.addWidget(self._skip)
        row.addWidget(self._later)
        row.addStretch(1)
        self._again = button(words("photo-again"), flow.take_photo, kind="large", shortcut="F4")
        row.addWidget(self._again)
        self._take = button(words("photo-take"), flow.take_photo, kind="signer", shortcut="Ctrl+Return")
        row.addWidget(self._take)
        self._use = button(words("photo-use"), flow.use_photo, kind="signer", shortcut="Ctrl+Return")
        row.addWidget(self._use)
        self.box.addLayout(row)

    def refresh(self, flow: Flow) -> None:
        """Show the picture that was taken, or a place for one."""
        signing, still = flow.signing, flow.still
        if signing is None:
            return
        shown = QPixmap()
        if still is not None:
            shown.loadFromData(still.jpeg, "JPEG")
            shown = shown.scaled(
                PHOTO_PX[0],
                PHOTO_PX[1],
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        else:
            shown = theme.pixmap("camera", 160)
        self._picture.setPixmap(shown)
        camera = flow.camera
        self._badge.setVisible(camera is not None and camera.simulated)
        self._take.setVisible(still is None)
        self._take.setEnabled(camera is not None and not flow.busy)
        self._use.setVisible(still is not None)
        self._again.setVisible(still is not None)
        self._skip.setVisible(not signing.needs_photo)
        if self.isVisible() and still is not None and not self._use.hasFocus() and not self._had:
            self._use.setFocus(Qt.FocusReason.OtherFocusReason)
        self._had = still is not None

    def first_focus(self) -> QWidget:
        """The way on."""
        return self._take if self._take.isVisibleTo(self) else self._use

    def left(self) -> None:
        """The picture is not shown longer than needed."""
        self._picture.clear()


class UploadPage(Page):
    """Steps `uploading` and `upload-failed`."""

    def __init__(self, words: Words, flow: Flow) -> None:
        super().__init__()
        self._words = words
        self.box.addStretch(1)
        frame, inside = card()
        frame.setMaximumWidth(900)
        inside.setContentsMargins(56, 48, 56, 48)
        inside.setSpacing(24)
        self._icon = picture("warning", 72)
        inside.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignHCenter)
        self._title = label("", "patient-h1", wrap=True)
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside.addWidget(self._title)
        self._text = label("", "patient-muted", wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside.addWidget(self._text)
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(words("uploading"))
        inside.addWidget(self._bar)
        row = QHBoxLayout()
        row.setSpacing(theme.GAP_PX)
        self._keep = button(words("keep-for-later"), flow.keep_for_later, kind="large", shortcut="Esc")
        self._retry = button(words("upload-retry"), flow.retry_upload, kind="signer", shortcut="Ctrl+Return")
        row.addStretch(1)
        row.addWidget(self._keep)
        row.addWidget(self._retry)
        row.addStretch(1)
        inside.addLayout(row)
        outer = QHBoxLayout()
        outer.addStretch(1)
        outer.addWidget(frame, 8)
        outer.addStretch(1)
        self.box.addLayout(outer)
        self.box.addStretch(1)

    def refresh(self, flow: Flow) -> None:
        """Waiting, or what went wrong and what can be done."""
        failed = flow.step is Step.UPLOAD_FAILED
        self._icon.setVisible(failed)
        self._bar.setVisible(not failed)
        self._keep.setVisible(failed)
        self._retry.setVisible(failed)
        if failed and flow.upload_error is not None:
            self._title.setText(self._words("upload-failed"))
            self._text.setText(self._words.error(flow.upload_error))
        else:
            self._title.setText(self._words("uploading"))
            self._text.setText(self._words("uploading-hint"))

    def first_focus(self) -> QWidget:
        """The way on."""
        return self._retry


class HandBackPage(Page):
    """Step `hand-back`: thanks, and the screen goes back to the nurse."""

    def __init__(self, words: Words, flow: Flow) -> None:
        super().__init__()
        self.box.addStretch(1)
        frame, inside = card()
        frame.setMaximumWidth(900)
        inside.setContentsMargins(56, 48, 56, 48)
        inside.setSpacing(24)
        inside.addWidget(picture("check", 112), 0, Qt.AlignmentFlag.AlignHCenter)
        title = label(words("thanks"), "patient-h1", wrap=True)
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside.addWidget(title)
        text = label(words("hand-back-ask"), "patient-muted", wrap=True)
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside.addWidget(text)
        self._go = button(words("hand-back-go"), flow.hand_back, kind="primary", shortcut="Ctrl+Return")
        inside.addWidget(self._go, 0, Qt.AlignmentFlag.AlignHCenter)
        outer = QHBoxLayout()
        outer.addStretch(1)
        outer.addWidget(frame, 8)
        outer.addStretch(1)
        self.box.addLayout(outer)
        self.box.addStretch(1)

    def first_focus(self) -> QWidget:
        """The way on."""
        return self._go
