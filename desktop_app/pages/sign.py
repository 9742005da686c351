"""Step `signing`: what is signed, a large canvas with live ink, clear and confirm."""

from __future__ import annotations

from collections.abc import Callable

from desktop_app import theme
from desktop_app.bedside.flow import Flow
from desktop_app.devices.screen_pad import ScreenPad
from desktop_app.ink.canvas import InkCanvas
from desktop_app.pages.parts import Page, badge, button, label
from desktop_app.qt import QHBoxLayout, QTimer, QWidget
from desktop_app.words import Words

RECONNECT_MS = 1000


class SignPage(Page):
    """`simulate` lets the simulated pad write; None where the pad is real."""

    def __init__(self, words: Words, flow: Flow, simulate: Callable[[], None] | None) -> None:
        super().__init__()
        self._words, self._flow = words, flow
        self._title = label("", "patient-h1", wrap=True)
        self.box.addWidget(self._title)
        line = QHBoxLayout()
        line.setSpacing(theme.GAP_PX)
        self._status = label("", "patient-muted", wrap=True)
        line.addWidget(self._status, 1)
        self._badge = badge(words("simulated-pad-badge"), "badge-large")
        line.addWidget(self._badge)
        self.box.addLayout(line)
        self.canvas = InkCanvas("")
        self.canvas.setAccessibleName(words("canvas-name"))
        self.box.addWidget(self.canvas, 1)
        row = QHBoxLayout()
        row.setSpacing(theme.GAP_PX)
        row.addWidget(button(words("sign-read-again"), flow.read_again, kind="large", shortcut="Esc"))
        self._simulate = button(words("simulate"), simulate or (lambda: None), kind="large", shortcut="F8")
        self._simulate.setVisible(simulate is not None)
        row.addWidget(self._simulate)
        row.addStretch(1)
        self._clear = button(words("sign-clear"), flow.clear, kind="large", shortcut="F4")
        row.addWidget(self._clear)
        self._confirm = button(words("sign-confirm"), flow.confirm, kind="signer", shortcut="Ctrl+Return")
        row.addWidget(self._confirm)
        self.box.addLayout(row)
        self._retry = QTimer(self)
        self._retry.setInterval(RECONNECT_MS)
        self._retry.timeout.connect(flow.reconnect_pad)

    @property
    def writing_area(self) -> tuple[float, float]:
        """Width and height in pixels that an on-screen pad may use."""
        return max(1.0, self.canvas.width() - 4.0), max(1.0, self.canvas.height() - 4.0)

    def refresh(self, flow: Flow) -> None:
        """Status, buttons, ink."""
        signing, desk, words = flow.signing, flow.desk, self._words
        if signing is None:
            return
        self._title.setText(
            words("sign-title", signer=words.signer(signing.signer), title=signing.task.title)
        )
        device, capture = desk.device, desk.capture
        on_screen = isinstance(desk.pad, ScreenPad)
        self.canvas.pen_input = desk.pad.pen if isinstance(desk.pad, ScreenPad) else None
        if device is None and desk.may_confirm:
            status = words("pad-gone-whole")
        elif device is None and capture is not None and capture.has_ink:
            status = words("pad-gone-broken")
        elif device is None:
            status = words("pad-waiting")
        elif desk.spoiled:
            status = words("sign-spoiled")
        elif on_screen:
            status = words("sign-on-screen")
        else:
            status = words("sign-on-pad", model=device.model, serial=device.serial)
        self._status.setText(status)
        self._badge.setVisible(device is not None and device.simulated)
        self.canvas.set_hint(words("canvas-hint") if device is not None else "")
        if capture is not None:
            shown = capture.device or device
            if capture.samples:
                self.canvas.show_ink(shown, capture.samples)
            else:
                self.canvas.clear()
                self.canvas.set_device(device)
        self._clear.setEnabled(capture is not None and capture.has_ink)
        self._confirm.setEnabled(desk.may_confirm)
        self._simulate.setEnabled(device is not None and device.simulated)
        if desk.connected:
            self._retry.stop()
        else:
            self._retry.start()

    def ink_changed(self, flow: Flow, begun: bool) -> None:
        """Paint new samples only; buttons follow by `refresh`."""
        capture = flow.desk.capture
        if capture is None:
            return
        if begun:
            self.canvas.clear()
        self.canvas.show_ink(capture.device, capture.samples)

    def first_focus(self) -> QWidget:
        """The canvas: no key does anything there by accident; Tab leads to the buttons."""
        return self.canvas

    def left(self) -> None:
        """The ink is not shown longer than needed."""
        self._retry.stop()
        self.canvas.pen_input = None
        self.canvas.clear()
