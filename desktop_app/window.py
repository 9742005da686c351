"""The one window: the bar that says whose turn it is, the page of the step, the notice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from desktop_app import theme
from desktop_app.background import Background
from desktop_app.bedside.checking import simulated_parts
from desktop_app.bedside.flow import Flow
from desktop_app.bedside.jobs import Equipment
from desktop_app.bedside.steps import Role, Step
from desktop_app.documents import ShownDocument, preload
from desktop_app.pages.nurse import HandOverPage, ResultPage, ReviewPage, WaitPage
from desktop_app.pages.parts import ElidedLabel, Page, badge, button, label, picture, restyle
from desktop_app.pages.sign import SignPage
from desktop_app.pages.signer import HandBackPage, PhotoPage, ReadingPage, UploadPage
from desktop_app.pages.task_list import TaskListPage
from desktop_app.qt import (
    QCloseEvent,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QObject,
    QStackedWidget,
    Qt,
    QTimer,
    QVBoxLayout,
    QWidget,
    Signal,
)
from desktop_app.words import Words
from signing.verdict import PenwardError
from signing.wire import MediaType

LOG = logging.getLogger("penward.desktop")
POLL_MS = 20_000
NOTICE_MS = 15_000
SIZE = (1280, 860)
MINIMUM = (1100, 780)


class Doorbell(QObject):
    """Wakes the window's thread from any other one. Signals: `rung()`, coalesced by the receiver."""

    rung = Signal()

    def ring(self) -> None:
        """May be called from any thread."""
        self.rung.emit()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the window stands: names for the bar."""

    station: str
    ward: str
    hospital: str


class Bar(QFrame):
    """The coloured bar: whose turn it is, in colour, picture and words."""

    def __init__(self, words: Words, place: Place) -> None:
        super().__init__()
        self._words = words
        self.setObjectName("bar")
        self.setFixedHeight(76)
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 8, 24, 8)
        row.setSpacing(16)
        self._nurse, self._signer = picture("nurse", 52), picture("person", 52)
        row.addWidget(self._nurse)
        row.addWidget(self._signer)
        self._role = label("", "bar")
        row.addWidget(self._role)
        row.addSpacing(16)
        self._who = ElidedLabel("bar-who")
        row.addWidget(self._who, 1)
        self._badge = badge(words("simulated"), "badge-large")
        row.addWidget(self._badge)
        where = " · ".join(part for part in (place.hospital, place.ward, place.station) if part)
        self._where = label(where, "bar-small")
        row.addWidget(self._where)

    def show_role(self, role: Role, signer: str, identity: str, simulated: bool) -> None:
        """Nurse or signer, with the signer's name and the patient's identity line."""
        nurse = role is Role.NURSE
        self._nurse.setVisible(nurse)
        self._signer.setVisible(not nurse)
        self._role.setText(self._words("bar-nurse") if nurse else self._words("bar-signer", signer=signer))
        self._who.show_text(identity)
        self._where.setVisible(nurse)
        self._badge.setVisible(simulated)
        if self.property("role") != role.value:
            self.setProperty("role", role.value)
            self.setAccessibleName(self._role.text())
            restyle(self)


class MainWindow(QMainWindow):
    """`View` of the flow. `make_equipment` gets the window's runner and the desk's poke."""

    def __init__(
        self,
        words: Words,
        place: Place,
        make_equipment: Callable[[Background, Callable[[], None], MainWindow], Equipment],
        *,
        simulate: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self.setWindowTitle(words("window-title"))
        self.setMinimumSize(*MINIMUM)
        self.resize(*SIZE)
        self._words = words
        self._bell, self._push = Doorbell(), Doorbell()
        self.work, self.render_work = Background(2, self), Background(1, self)
        self._equipment = make_equipment(self.work, self._bell.ring, self)
        self.flow = Flow(self._equipment, self)
        self._document: tuple[bytes, ShownDocument] | None = None
        self._bell.rung.connect(self.flow.pump, Qt.ConnectionType.QueuedConnection)
        self._push.rung.connect(self.flow.refresh, Qt.ConnectionType.QueuedConnection)
        self._build(place, simulate)
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self.flow.refresh)
        self._hide_notice = QTimer(self)
        self._hide_notice.setSingleShot(True)
        self._hide_notice.timeout.connect(self.notice.hide)

    def begin(self) -> None:
        """Show the list, listen to the server, poll behind it."""
        self.show_step(self.flow.step)
        self.tasks.rows.setFocus(Qt.FocusReason.OtherFocusReason)
        self.flow.start()
        self.render_work.run(preload, lambda _none: None, self.show_notice)
        self._equipment.server.listen(self._push.ring)
        self._poll.start()

    @property
    def page(self) -> Page:
        """The page that is shown."""
        current = self._stack.currentWidget()
        assert isinstance(current, Page)  # noqa: S101  only pages are put in
        return current

    @property
    def writing_area(self) -> tuple[float, float]:
        """Width and height in pixels of the signature canvas."""
        return self.sign.writing_area

    @property
    def notice_text(self) -> str:
        """The sentence that is shown, empty when there is none."""
        return self._notice_text.text() if self.notice.isVisibleTo(self) else ""

    # View

    def show_step(self, step: Step) -> None:
        """See `View`."""
        page = self._page_of[step]
        changed = page is not self._stack.currentWidget()
        if changed:
            self.page.left()
            if step is not Step.SIGNING:
                self.notice.hide()
        self._refresh(step)
        if changed:
            self._stack.setCurrentWidget(page)
            if step in (Step.LIST, Step.HAND_BACK, Step.REVIEW):
                self.reading.forget()
        self._show_bar()
        focus = page.first_focus()
        if changed and focus is not None:
            focus.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_notice(self, error: PenwardError) -> None:
        """See `View`."""
        LOG.info("told: %s", error)
        self._notice_text.setText(self._words.error(error))
        self.notice.setAccessibleName(self._words.error(error))
        self.notice.show()
        self._hide_notice.start(NOTICE_MS)
        if self.flow.step in (Step.PHOTO, Step.SIGNING):
            self._refresh(self.flow.step)

    def ink_changed(self, begun: bool) -> None:
        """See `View`."""
        self.sign.ink_changed(self.flow, begun)

    # Inside

    def _build(self, place: Place, simulate: Callable[[], None] | None) -> None:
        words, flow = self._words, self.flow
        self.tasks = TaskListPage(
            words,
            ward=place.ward,
            on_open=flow.choose,
            on_refresh=flow.refresh,
            on_resume=flow.resume,
            on_discard=flow.discard,
        )
        self.review = ReviewPage(words, flow, self.render_work)
        self.hand_over = HandOverPage(words, flow)
        self.reading = ReadingPage(words, flow, self.render_work)
        self.sign = SignPage(words, flow, simulate)
        self.photo = PhotoPage(words, flow)
        self.upload = UploadPage(words, flow)
        self.hand_back = HandBackPage(words, flow)
        self.result = ResultPage(words, flow, self.render_work)
        self._page_of: dict[Step, Page] = {
            Step.LIST: self.tasks,
            Step.LOADING: WaitPage(words("loading")),
            Step.REVIEW: self.review,
            Step.HAND_OVER: self.hand_over,
            Step.READING: self.reading,
            Step.SIGNING: self.sign,
            Step.PHOTO: self.photo,
            Step.UPLOADING: self.upload,
            Step.UPLOAD_FAILED: self.upload,
            Step.HAND_BACK: self.hand_back,
            Step.RESULT: self.result,
        }
        self._stack = QStackedWidget()
        for page in dict.fromkeys(self._page_of.values()):
            self._stack.addWidget(page)
        for page in (self.review, self.reading, self.result):
            page.view.failed.connect(self.show_notice)
        self.bar = Bar(words, place)
        self.notice = QFrame()
        self.notice.setProperty("kind", "notice")
        inside = QHBoxLayout(self.notice)
        inside.setContentsMargins(20, 12, 12, 12)
        inside.addWidget(picture("warning", 32))
        self._notice_text = label("", wrap=True)
        inside.addWidget(self._notice_text, 1)
        inside.addWidget(button(words("notice-close"), self.notice.hide))
        self.notice.hide()
        holder = QWidget()
        holder.setObjectName("page")
        box = QVBoxLayout(holder)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.bar)
        box.addWidget(self._stack, 1)
        margin = QHBoxLayout()
        margin.setContentsMargins(theme.MARGIN_PX, 0, theme.MARGIN_PX, 16)
        margin.addWidget(self.notice)
        box.addLayout(margin)
        self.setCentralWidget(holder)

    def _refresh(self, step: Step) -> None:
        flow = self.flow
        if step is Step.LIST:
            self.tasks.refresh(flow.tasks, flow.unfinished, flow.loaded)
        elif step is Step.REVIEW:
            self.review.refresh(flow, self._shown())
        elif step is Step.HAND_OVER:
            self.hand_over.refresh(flow)
        elif step is Step.READING:
            self.reading.refresh(flow, self._shown())
        elif step is Step.SIGNING:
            self.sign.refresh(flow)
        elif step is Step.PHOTO:
            self.photo.refresh(flow)
        elif step in (Step.UPLOADING, Step.UPLOAD_FAILED):
            self.upload.refresh(flow)
        elif step is Step.RESULT and flow.result is not None:
            self.result.refresh(flow.result, self._open(flow.result.task.media_type, flow.result.signed))

    def _shown(self) -> ShownDocument | None:
        signing = self.flow.signing
        return None if signing is None else self._open(signing.task.media_type, signing.document)

    def _open(self, media_type: MediaType, data: bytes) -> ShownDocument | None:
        if self._document is None or self._document[0] != data:
            try:
                opened = ShownDocument(media_type, data)
            except PenwardError as error:
                self.show_notice(error)
                return None
            self._document = (data, opened)
        return self._document[1]

    def _show_bar(self) -> None:
        flow = self.flow
        task = flow.signing.task if flow.signing else flow.result.task if flow.result else None
        signer = flow.signing.signer.name if flow.signing else flow.result.signer.name if flow.result else ""
        device = flow.desk.device
        camera = flow.camera
        simulated = (device is not None and device.simulated) or (
            flow.step is Step.PHOTO and camera is not None and camera.simulated
        )
        simulated = simulated or (flow.result is not None and bool(flow.result.simulated))
        simulated = simulated or (flow.signing is not None and bool(simulated_parts(flow.signing)))
        identity = self._words.identity(task.patient) if task is not None else ""
        self.bar.show_role(flow.role, signer, identity, simulated)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Give back pads, journals, connections; a signature in progress stays in its journal."""
        self.hide()  # what runs in the background may take a moment to end
        self._poll.stop()
        self.flow.close()
        self._equipment.server.close()
        self.work.close()
        self.render_work.close()
        super().closeEvent(event)
