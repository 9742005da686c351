"""R10, R18, R20, R26: the real window, offscreen: names, sizes, fit, the whole flow by keyboard alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from desktop_app import theme
from desktop_app.assembly import build_window
from desktop_app.bedside.steps import Step
from desktop_app.devices.openers import SimulatedPads
from desktop_app.drive import drive
from desktop_app.errors import DesktopError
from desktop_app.qt import (
    QAbstractButton,
    QApplication,
    QFontMetricsF,
    QLabel,
    QListView,
    QPoint,
    QProgressBar,
    QRectF,
    QScrollArea,
    Qt,
    QWidget,
)
from desktop_app.qt.testing import QTest, wait
from desktop_app.station import Station
from desktop_app.window import MINIMUM, MainWindow
from drivers.camera import FileCamera
from drivers.sim.stu540 import SimulatedStu540
from signing.verdict import Language
from signing.wire import Consent, PhotoPolicy
from tests.conftest import ExpectedWarnings
from tests.desktop_app.fake_server import FakeServer, enrolled_station

pytestmark = pytest.mark.gui

CONSENT = Consent("biometrics", "1", "我同意为本次签署采集手写笔迹与照片，仅用于证明本人签署。" * 3)


class Stage:
    """A window over a fake server, with a fast simulated pad."""

    def __init__(self, folder: Path, language: Language, *, pad: str = "sim", camera: bool = True) -> None:
        self.server = FakeServer(photo=PhotoPolicy.REQUIRED, consents=(CONSENT,))
        self.station: Station = enrolled_station(self.server, folder / "station")
        Image.effect_noise((320, 240), 90).convert("RGB").save(folder / "face.png")
        self.pads = SimulatedPads(5, SimulatedStu540(realtime=False))
        self.window: MainWindow = build_window(
            self.station,
            self.server,
            language=language,
            pad_kind=pad,
            simulated=self.pads if pad == "sim" else None,
            camera=FileCamera(folder / "face.png") if camera else None,
        )
        self.window.show()
        QTest.qWaitForWindowExposed(self.window)
        self.window.activateWindow()

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, (self.window.flow.step, self.window.notice_text)
            wait(0.005)

    def at(self, step: Step) -> None:
        self.until(lambda: self.window.flow.step is step)

    def close(self) -> None:
        self.window.close()
        self.window.deleteLater()
        wait(0.001)
        self.station.close()


@pytest.fixture(params=["zh_CN", "en"])
def stage(request: pytest.FixtureRequest, app: QApplication, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, request.param)
    if request.param == "en":
        made.window.resize(*MINIMUM)
    yield made
    made.close()


def unnamed(window: QWidget) -> list[str]:
    """Interactive widgets that a screen reader could not name."""
    kinds = (QAbstractButton, QListView, QScrollArea, QProgressBar)
    return [
        f"{type(w).__name__} {w.objectName()}"
        for w in window.findChildren(QWidget)
        if (isinstance(w, kinds) or w.focusPolicy() != Qt.FocusPolicy.NoFocus)
        and w.isVisible()
        and not w.accessibleName()
        and not w.objectName().startswith("qt_")
    ]


def too_wide(window: QWidget) -> list[str]:
    """Visible texts that are wider or higher than their widgets."""
    found = []
    for w in window.findChildren(QWidget):
        if not w.isVisible() or not isinstance(w, QLabel | QAbstractButton) or not w.text():
            continue
        metrics = QFontMetricsF(w.font())
        if isinstance(w, QLabel) and w.wordWrap():
            area = QRectF(0, 0, w.width(), 10_000)
            box = metrics.boundingRect(area, int(Qt.TextFlag.TextWordWrap), w.text())
        else:
            box = metrics.boundingRect(w.text())
        if box.width() > w.width() + 2 or (box.height() > w.height() + 2 and not _scrolls(w)):
            found.append(f"{w.text()} {box.width():.0f}×{box.height():.0f} > {w.width()}×{w.height()}")
    return found


def _scrolls(widget: QWidget) -> bool:
    return isinstance(widget.parentWidget() and widget.parentWidget().parentWidget(), QScrollArea)


def too_small(window: QWidget) -> list[str]:
    """Controls under 48 px, and main actions under 72 px."""
    found = []
    for button in window.findChildren(QAbstractButton):
        if button.isVisible():
            least = theme.PRIMARY_PX if button.property("kind") in ("primary", "signer") else theme.CONTROL_PX
            if button.height() < least or button.width() < theme.CONTROL_PX:
                found.append(f"{button.accessibleName()} {button.width()}×{button.height()}")
    return found


def overlapping(window: QWidget) -> list[str]:
    """Visible buttons and labels that reach outside the window."""
    inside = window.rect()
    return [
        w.accessibleName() or w.metaObject().className()
        for w in window.findChildren(QAbstractButton)
        if w.isVisible() and not inside.contains(w.mapTo(window, QPoint(w.width() - 1, w.height() - 1)))
    ]


def check(window: MainWindow) -> None:
    wait(0.08)
    assert unnamed(window) == []
    assert too_wide(window) == []
    assert too_small(window) == []
    assert overlapping(window) == []


def press(key: Qt.Key, *, control: bool = False) -> None:
    """A key to whatever has the keyboard."""
    modifier = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
    target = QApplication.focusWidget()
    assert target is not None
    QTest.keyClick(target, key, modifier)


def tab_to(name: str) -> None:
    """Move the keyboard by Tab alone to the widget of that accessible name."""
    for _ in range(40):
        focus = QApplication.focusWidget()
        if focus is not None and focus.accessibleName() == name:
            return
        press(Qt.Key.Key_Tab)
    raise AssertionError(f"{name} is not reached by Tab")


def test_the_whole_flow_by_keyboard_alone(stage: Stage) -> None:
    """R10, R18, R26: Tab, arrows, Space, Enter; each page is checked for names, sizes and fit."""
    window, words = stage.window, stage.window.tasks.words
    window.begin()
    stage.until(lambda: window.flow.loaded and bool(window.flow.tasks))
    check(window)
    assert QApplication.focusWidget() is window.tasks.rows
    press(Qt.Key.Key_Return)
    stage.at(Step.REVIEW)
    stage.until(lambda: window.review.view.complete)
    check(window)
    assert window.bar.property("role") == "nurse"
    tab_to(words("review-hand-over"))
    press(Qt.Key.Key_Space)
    stage.at(Step.HAND_OVER)
    check(window)
    press(Qt.Key.Key_Space)
    stage.at(Step.READING)
    stage.until(lambda: window.reading.view.complete)
    assert window.bar.property("role") == "signer"
    signing = window.flow.signing
    assert signing is not None
    for _ in range(20):
        if signing.reading.all_pages_seen:
            break
        press(Qt.Key.Key_PageDown)
        wait(0.06)
    tab_to(words("consent", text=CONSENT.text))
    press(Qt.Key.Key_Space)
    check(window)
    tab_to(words("reading-go"))
    press(Qt.Key.Key_Space)
    stage.at(Step.SIGNING)
    stage.until(lambda: window.flow.desk.connected)
    check(window)
    stage.pads.write(5)
    stage.until(lambda: stage.pads.sim.idle and window.flow.desk.may_confirm)
    check(window)
    tab_to(words("sign-clear"))
    press(Qt.Key.Key_Space)
    stage.until(lambda: window.sign.canvas.is_empty)
    assert not window.flow.desk.may_confirm
    stage.pads.write(6)
    confirm = next(b for b in window.findChildren(QAbstractButton) if b.text() == words("sign-confirm"))
    stage.until(lambda: stage.pads.sim.idle and confirm.isEnabled())
    tab_to(words("sign-confirm"))
    press(Qt.Key.Key_Space)
    stage.at(Step.PHOTO)
    check(window)
    tab_to(words("photo-take"))
    press(Qt.Key.Key_Space)
    stage.until(lambda: window.flow.still is not None)
    check(window)
    tab_to(words("photo-use"))
    press(Qt.Key.Key_Space)
    stage.at(Step.HAND_BACK)
    check(window)
    assert any(w.isVisible() and w.text() == words("simulated") for w in window.bar.findChildren(QLabel))
    press(Qt.Key.Key_Space)
    stage.at(Step.RESULT)
    stage.until(lambda: window.result.view.complete)
    check(window)
    press(Qt.Key.Key_Space)
    stage.at(Step.LIST)
    stage.until(lambda: not window.flow.tasks)
    check(window)
    assert stage.server.packages[0].manifest.simulated == ("ink", "photo", "picture")


def test_errors_fit_and_can_be_closed(stage: Stage, expected_warnings: ExpectedWarnings) -> None:
    """R26: every sentence that the desktop can say fits on its page."""
    window = stage.window
    window.begin()
    stage.until(lambda: window.flow.loaded)
    for code in ("desktop.server-unreachable", "desktop.checkpoint-inconsistent", "drivers.pad-report-lost"):
        window.show_notice(DesktopError(code, count=3))
        check(window)
    window.flow.choose("task-1")
    stage.at(Step.REVIEW)
    assert window.notice_text == ""
    stage.server.refuse("challenge")
    window.flow.hand_over()
    stage.until(lambda: bool(window.notice_text))
    assert window.flow.step is Step.REVIEW
    check(window)


def test_the_demonstration_leaves_pictures(stage: Stage, tmp_path: Path) -> None:
    """R10: the drive used by build/run.py walks the same widgets."""
    stage.window.begin()
    result = drive(stage.window, "task-1", tmp_path / "screens", stage.pads, seed=2)
    names = [path.name for path in sorted((tmp_path / "screens").glob("*.png"))]
    assert len(names) >= 12
    assert any("pad-display" in name for name in names)
    assert set(result.timings) >= {"open", "read", "write", "confirm", "sign", "show"}
    assert result.signed == stage.server.signed_documents["task-1"]


def test_a_drive_that_gets_stuck_says_where(
    app: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected_warnings: ExpectedWarnings
) -> None:
    """R10: with the window's own sentence."""
    stage = Stage(tmp_path, "en")
    expected_warnings("penward.desktop", "not accepted")
    stage.window.begin()
    stage.server.refuse("upload")
    with pytest.raises(DesktopError) as raised:
        drive(stage.window, "task-1", None, stage.pads, seed=2)
    assert raised.value.params["step"] == "upload"
    check(stage.window)
    stage.close()


def test_the_empty_ward_says_so(stage: Stage) -> None:
    """R26: an empty list is a sentence, not a hole."""
    stage.server.tasks_by_id.clear()
    stage.window.begin()
    stage.until(lambda: stage.window.flow.loaded)
    shown = [w.text() for w in stage.window.tasks.findChildren(QLabel) if w.isVisible()]
    assert stage.window.tasks.words("list-empty") in shown
    check(stage.window)


def test_signing_on_the_screen_with_the_mouse(app: QApplication, tmp_path: Path) -> None:
    """R20: the canvas itself is the pad; its samples have no counter and are not simulated."""
    stage = Stage(tmp_path, "zh_CN", pad="screen")
    window = stage.window
    window.begin()
    stage.until(lambda: bool(window.flow.tasks))
    window.flow.choose("task-1")
    stage.at(Step.REVIEW)
    window.flow.hand_over()
    stage.at(Step.HAND_OVER)
    window.flow.take_over()
    window.flow.finish_reading()
    stage.at(Step.SIGNING)
    stage.until(lambda: window.flow.desk.connected)
    canvas = window.sign.canvas
    centre = canvas.area.center().toPoint()
    for stroke in range(2):
        start = centre + QPoint(0, 40 * stroke)
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
        for step in range(1, 12):
            QTest.mouseMove(canvas, start + QPoint(step * 6, step))
        QTest.mouseRelease(
            canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start + QPoint(70, 12)
        )
    stage.until(lambda: window.flow.desk.may_confirm)
    capture = window.flow.desk.capture
    assert capture is not None
    assert capture.device is not None
    assert (capture.device.kind, capture.device.simulated, capture.stroke_count) == ("screen", False, 2)
    assert all(sample.sequence == -1 for sample in capture.samples)
    assert not canvas.is_empty
    stage.close()


def test_what_was_left_behind_is_offered(app: QApplication, tmp_path: Path) -> None:
    """R20: after the window was closed in the middle, the list offers the ink."""
    stage = Stage(tmp_path, "zh_CN")
    window = stage.window
    window.begin()
    stage.until(lambda: bool(window.flow.tasks))
    window.flow.choose("task-1")
    stage.at(Step.REVIEW)
    window.flow.hand_over()
    stage.at(Step.HAND_OVER)
    window.flow.take_over()
    window.flow.finish_reading()
    stage.until(lambda: window.flow.desk.connected)
    stage.pads.write(5)
    stage.until(lambda: window.flow.desk.may_confirm)
    window.close()
    again = build_window(
        stage.station, stage.server, language="zh_CN", pad_kind="sim", simulated=stage.pads, camera=None
    )
    stage.window = again
    again.show()
    again.begin()
    stage.until(lambda: len(again.flow.unfinished) == 1)
    check(again)
    focus = QApplication.focusWidget()
    assert focus is None or focus.accessibleName() in (
        again.tasks.words("resume"),
        again.tasks.words("list-name"),
    )
    again.flow.resume(again.flow.unfinished[0])
    stage.at(Step.HAND_OVER)
    again.flow.take_over()
    stage.until(lambda: again.flow.desk.may_confirm and not again.sign.canvas.is_empty)
    check(again)
    stage.close()
