"""R10, R20: the canvas paints each sample once; pen events become samples with pressure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from desktop_app.devices.screen_pad import ScreenPad
from desktop_app.ink.canvas import InkCanvas
from desktop_app.ink.curve import Curve, Dot
from desktop_app.qt import (
    QApplication,
    QEvent,
    QInputDevice,
    QPointF,
    QPointingDevice,
    QPointingDeviceUniqueId,
    Qt,
    QTabletEvent,
)
from desktop_app.qt.testing import QTest
from drivers.sim.strokes import signature
from signing.ink import InkDevice, Sample

pytestmark = pytest.mark.gui

PAD = InkDevice("stu-hid", "STU-540", "", "", 10800, 6480, 1023, 108_000, 64_800, 200, 5000, True)


@pytest.fixture
def canvas(app: QApplication) -> Iterator[InkCanvas]:
    made = InkCanvas("hint")
    made.resize(900, 560)
    made.show()
    QTest.qWaitForWindowExposed(made)
    yield made
    made.close()
    made.deleteLater()


def samples(seed: int) -> list[Sample]:
    """A written signature as samples."""
    return [
        Sample(p.time_us, p.time_us, p.x, p.y, p.pressure, (1 if p.pressure else 0) | 2 * p.in_range, n)
        for n, p in enumerate(signature(seed))
    ]


def test_every_sample_is_painted_once(canvas: InkCanvas) -> None:
    """R10: no sample is lost between pump and screen; the whole equals the pieces."""
    painted: list[int] = []
    canvas.painted = painted.extend
    written = samples(5)
    for end in range(1, len(written) + 1, 3):
        canvas.show_ink(PAD, written[:end])
        QApplication.processEvents()
    canvas.show_ink(PAD, written)
    QApplication.processEvents()
    assert painted == [s.host_time_us for s in written if s.flags & 1]
    pieces = canvas.grab().toImage()
    canvas.clear()
    canvas.show_ink(PAD, written)
    assert canvas.grab().toImage() == pieces


def test_another_attempt_replaces_the_ink(canvas: InkCanvas) -> None:
    """R20: what is shown is what would be confirmed."""
    canvas.show_ink(PAD, samples(1))
    first = canvas.grab().toImage()
    canvas.show_ink(PAD, samples(2))
    assert canvas.grab().toImage() != first
    canvas.clear()
    assert canvas.is_empty


def test_a_single_touch_is_a_dot() -> None:
    """R20: a full stop is ink, too."""
    curve = Curve()
    assert list(curve.add(Dot(1, 2, 3))) == []
    (piece,) = curve.end()
    assert piece.a == piece.d == (1, 2)
    assert list(curve.end()) == []


def test_a_curve_goes_through_its_points() -> None:
    """R20: presentation only bends between the points, never away from them."""
    dots = [Dot(float(i * 10), float(i % 3), 2) for i in range(9)]
    curve = Curve()
    pieces = [piece for dot in dots for piece in curve.add(dot)] + list(curve.end())
    assert [piece.a for piece in pieces] == [(d.x, d.y) for d in dots[:-1]]
    assert pieces[-1].d == (dots[-1].x, dots[-1].y)


def test_a_pen_on_the_screen_has_pressure(canvas: InkCanvas) -> None:
    """R20: QTabletEvent gives position between pixels and pressure."""
    pad = ScreenPad(canvas.width() - 4.0, canvas.height() - 4.0)
    rung: list[None] = []
    pad.start(lambda: rung.append(None))
    canvas.set_device(pad.device)
    canvas.pen_input = pad.pen
    pen = QPointingDevice(
        "pen",
        1,
        QInputDevice.DeviceType.Stylus,
        QPointingDevice.PointerType.Pen,
        QInputDevice.Capability.Position | QInputDevice.Capability.Pressure,
        1,
        1,
        "",
        QPointingDeviceUniqueId(),
    )
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    for kind, x, pressure, button, buttons in (
        (QEvent.Type.TabletPress, 100.25, 0.5, left, left),
        (QEvent.Type.TabletMove, 140.75, 1.0, none, left),
        (QEvent.Type.TabletRelease, 141.0, 0.0, left, none),
    ):
        at = QPointF(x, 200.0)
        event = QTabletEvent(
            kind, pen, at, at, pressure, 0, 0, 0, 0, 0, Qt.KeyboardModifier.NoModifier, button, buttons
        )
        QApplication.sendEvent(canvas, event)
    got, events = pad.drain()
    assert events == []
    assert len(rung) == 1
    assert [s.flags & 1 for s in got] == [1, 1, 0]
    assert [s.pressure for s in got] == [512, 1023, 0]
    assert got[1].x > got[0].x
    pad.close()
