"""The demonstration (演示): walk one task through the real window by keyboard and mouse.

Only with the simulated pad, so that what comes of it is labelled 模拟. Each step is done by events on
the widgets that a person would use, found by their accessible names, and leaves a picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from desktop_app.bedside.model import Signing
from desktop_app.bedside.steps import Step
from desktop_app.devices.openers import SimulatedPads
from desktop_app.errors import DesktopError
from desktop_app.pages.document_view import DocumentView
from desktop_app.qt import QApplication, QCheckBox, QImage, QPushButton, Qt
from desktop_app.qt.testing import QTest, wait
from desktop_app.window import MainWindow
from signing.sm import sm3

WAIT_S = 30.0
KEY = Qt.Key


@dataclass(slots=True)
class DriveResult:
    """`timings`: milliseconds by step name; `signed_sm3` in hexadecimal; `signed` the document's bytes."""

    timings: dict[str, float] = field(default_factory=dict)
    signed_sm3: str = ""
    signed: bytes = b""


def drive(
    window: MainWindow,
    task_id: str,
    screens: Path | None,
    pads: SimulatedPads,
    *,
    seed: int | None = None,
    prefix: str = "",
) -> DriveResult:
    """Sign one task from the list to the result and back to the list.

    Raises:
        DesktopError: `desktop.drive-failed` with the step and what the window said.
    """
    return _Drive(window, screens, pads, seed, prefix).run(task_id)


class _Drive:
    def __init__(
        self, window: MainWindow, screens: Path | None, pads: SimulatedPads, seed: int | None, prefix: str
    ) -> None:
        self._window = window
        self._screens = screens
        self._pads = pads
        self._seed = seed
        self._prefix = prefix
        self._count = 0
        self._result = DriveResult()

    def run(self, task_id: str) -> DriveResult:
        if self._screens is not None:
            self._screens.mkdir(parents=True, exist_ok=True)
        self._window.activateWindow()
        with _Timer(self, "list"):
            self._choose(task_id)
        with _Timer(self, "open"):
            self._press(KEY.Key_Return)
            self._until("review", lambda: self._at(Step.REVIEW) and self._window.review.view.complete)
        self._picture("review")
        with _Timer(self, "challenge"):
            self._click(self._words("review-hand-over"))
            self._until("hand-over", lambda: self._at(Step.HAND_OVER))
        self._picture("hand-over")
        with _Timer(self, "read"):
            self._press(KEY.Key_Return, control=True)
            self._read()
        self._picture("reading")
        self._sign()
        self._photo()
        self._finish()
        return self._result

    def _choose(self, task_id: str) -> None:
        tasks = self._window.tasks
        self._until("list", lambda: any(t.id == task_id for t in self._window.flow.tasks))
        self._picture("list")
        tasks.rows.setFocus()
        self._press(KEY.Key_Home)
        for _ in self._window.flow.tasks:
            current = tasks.rows.currentIndex().data(Qt.ItemDataRole.UserRole)
            if current is not None and current.id == task_id:
                return
            self._press(KEY.Key_Down)
        raise self._failed("list")

    def _read(self) -> None:
        page = self._window.reading
        self._until("reading", lambda: self._at(Step.READING) and page.view.complete)
        signing = self._window.flow.signing
        while signing is not None and not signing.reading.all_pages_seen:
            seen = signing.reading.seen
            page.view.setFocus()
            self._press(KEY.Key_PageDown)
            self._settle(page.view)
            bar = page.view.verticalScrollBar()
            if bar.value() == bar.maximum() and not signing.reading.all_pages_seen:
                self._until("reading", partial(_read_more, signing, seen))
        for box in page.findChildren(QCheckBox):
            if box.isVisible() and not box.isChecked():
                box.setFocus()
                self._press(KEY.Key_Space)
        go = self._button(self._words("reading-go"))
        self._until("reading", go.isEnabled)

    def _sign(self) -> None:
        window = self._window
        with _Timer(self, "pad"):
            self._press(KEY.Key_Return, control=True)
            self._until("signing", lambda: self._at(Step.SIGNING) and window.flow.desk.connected)
        self._picture("sign-empty")
        self._pad_display()
        confirm = self._button(self._words("sign-confirm"))
        with _Timer(self, "write"):
            if self._seed is None:
                self._press(KEY.Key_F8)
            else:
                self._pads.write(self._seed)
            self._until("signing", lambda: _strokes(window) >= 4)
            self._picture("sign-writing")
            self._until("signing", lambda: self._pads.sim.idle and confirm.isEnabled())
        self._picture("sign-written")

    def _photo(self) -> None:
        window = self._window
        with _Timer(self, "confirm"):
            self._press(KEY.Key_Return, control=True)
            self._until("confirm", lambda: not self._at(Step.SIGNING))
        if self._at(Step.PHOTO):
            self._picture("photo-empty")
            with _Timer(self, "photo"):
                self._click(self._words("photo-take"))
                self._until("photo", lambda: window.flow.still is not None)
            self._picture("photo")
            self._press(KEY.Key_Return, control=True)
        with _Timer(self, "sign"):
            self._until(
                "upload", lambda: window.flow.step in (Step.UPLOADING, Step.UPLOAD_FAILED, Step.HAND_BACK)
            )
            self._picture("uploading")
            self._until("upload", lambda: window.flow.step in (Step.UPLOAD_FAILED, Step.HAND_BACK))
        if self._at(Step.UPLOAD_FAILED):
            self._picture("upload-failed")
            raise self._failed("upload")

    def _finish(self) -> None:
        window = self._window
        self._picture("hand-back")
        with _Timer(self, "show"):
            self._click(self._words("hand-back-go"))
            self._until("result", lambda: self._at(Step.RESULT) and window.result.view.complete)
        self._picture("result")
        if window.flow.result is not None:
            self._result.signed = window.flow.result.signed
            self._result.signed_sm3 = sm3(self._result.signed).hex()
        self._press(KEY.Key_Return, control=True)
        self._until("list", lambda: self._at(Step.LIST) and not window.flow.busy)
        self._wait(0.3)
        self._picture("list-after")

    # Hands and eyes

    def _words(self, key: str) -> str:
        return self._window.tasks.words(key)

    def _at(self, step: Step) -> bool:
        return self._window.flow.step is step

    def _button(self, name: str) -> QPushButton:
        for found in self._window.findChildren(QPushButton):
            if found.accessibleName() == name and found.isVisible():
                return found
        raise self._failed(name)

    def _click(self, name: str) -> None:
        found = self._button(name)
        if not found.isEnabled():
            raise self._failed(name)
        QTest.mouseClick(found, Qt.MouseButton.LeftButton)

    def _press(self, key: Qt.Key, *, control: bool = False) -> None:
        modifier = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
        target = QApplication.focusWidget() or self._window
        QTest.keyClick(target, key, modifier)

    def _until(self, step: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            if time.monotonic() > deadline:
                raise self._failed(step)
            self._wait(0.004)

    def _settle(self, view: DocumentView) -> None:
        self._wait(0.06)
        self._until("reading", lambda: view.complete)

    def _wait(self, seconds: float) -> None:
        wait(seconds)

    def _failed(self, step: str) -> DesktopError:
        error = self._window.flow.upload_error
        reason = str(error) if error is not None else self._window.notice_text or str(self._window.flow.step)
        return DesktopError("desktop.drive-failed", step=step, reason=reason)

    def _picture(self, name: str) -> None:
        if self._screens is None:
            return
        self._count += 1
        self._wait(0.02)
        self._window.grab().save(str(self._screens / f"{self._prefix}{self._count:02d}-{name}.png"))

    def _pad_display(self) -> None:
        """What the simulated pad's own display shows."""
        screen = self._window.flow.desk.pad.screen if self._window.flow.desk.pad is not None else None
        lcd = self._pads.sim.lcd
        if self._screens is None or screen is None or lcd is None:
            return
        self._count += 1
        image = QImage(lcd, screen.width, screen.height, screen.width * 3, QImage.Format.Format_RGB888)
        image.save(str(self._screens / f"{self._prefix}{self._count:02d}-pad-display.png"))

    def timed(self, name: str, seconds: float) -> None:
        self._result.timings[name] = round(seconds * 1000, 1)


class _Timer:
    def __init__(self, drive: _Drive, name: str) -> None:
        self._drive, self._name = drive, name
        self._begin = 0.0

    def __enter__(self) -> None:
        self._begin = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._drive.timed(self._name, time.perf_counter() - self._begin)


def _read_more(signing: Signing, seen: int) -> bool:
    return signing.reading.seen > seen


def _strokes(window: MainWindow) -> int:
    capture = window.flow.desk.capture
    return capture.stroke_count if capture is not None else 0
