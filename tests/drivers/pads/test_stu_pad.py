"""R10, R20: the driver against the simulated STU-540: strokes arrive as written, faults are told."""

from __future__ import annotations

import time

import pytest

from drivers.core.errors import DriverError
from drivers.core.pad import PadEvent, PadEventKind
from drivers.pads.stu import StuPad, find_pads, open_first
from drivers.pads.stu.reports import ReportId
from drivers.sim.strokes import PenPoint, from_record, signature
from drivers.sim.stu540 import Faults, SimulatedStu540
from drivers.transport.hid import HidBus
from drivers.transport.loopback import Loopback
from signing.ink import InkRecord, Sample, complete, find_gaps


def capture(sim: SimulatedStu540, points: list[PenPoint]) -> tuple[StuPad, list[Sample], list[PadEvent]]:
    """Write `points` on the simulated pad and fetch everything by way of the driver."""
    pad = StuPad(Loopback(sim), simulated=True)
    pad.start(lambda: None)
    sim.write(points)
    samples: list[Sample] = []
    events: list[PadEvent] = []
    deadline = time.monotonic() + 20
    quiet = 0
    while quiet < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
        quiet = quiet + 1 if sim.idle else 0
        more, what = pad.drain()
        samples += more
        events += what
    pad.close()
    return pad, samples, events


def test_the_pad_describes_itself() -> None:
    """R10: model, serial number and ranges come from the device, never from constants."""
    pad = StuPad(Loopback(SimulatedStu540(uid=0x12345678)), simulated=True)
    device = pad.device
    assert (device.kind, device.model, device.serial, device.firmware) == (
        "stu-hid",
        "STU-540",
        "12345678",
        "1.8",
    )
    assert (device.max_x, device.max_y, device.max_pressure, device.rate_hz) == (10800, 6480, 1023, 200)
    assert (device.width_um, device.height_um) == (108_000, 64_800)
    assert device.simulated


def test_every_report_arrives_once_with_the_devices_time() -> None:
    """R20: a written signature is captured without loss, its times from the device counter."""
    points = signature(7)
    _, samples, events = capture(SimulatedStu540(realtime=False), points)
    assert events == []
    assert [(s.x, s.y, s.pressure) for s in samples] == [(p.x, p.y, p.pressure) for p in points]
    assert [s.device_time_us for s in samples] == [p.time_us for p in points]
    assert [s.sequence for s in samples] == list(range(len(points)))
    assert all(bool(s.flags & 1) == bool(s.pressure) for s in samples)


def test_a_recorded_signature_can_be_written_again() -> None:
    """R20: a record fed back to the simulated pad gives the same samples."""
    pad, samples, _ = capture(SimulatedStu540(realtime=False), signature(3))
    record = InkRecord(pad.device, tuple(samples), 0)
    _, again, _ = capture(SimulatedStu540(realtime=False), from_record(record))
    assert [s._replace(host_time_us=0) for s in again] == [s._replace(host_time_us=0) for s in samples]


def contact(points: list[PenPoint]) -> int:
    """The number of a report in the middle of the first long stroke."""
    return next(i for i in range(10, len(points)) if all(p.pressure for p in points[i - 5 : i + 5]))


def test_one_lost_report_in_mid_stroke_makes_the_signature_incomplete() -> None:
    """R20: the gap is seen and told in one sentence."""
    points = signature(1)
    faults = Faults(lose=frozenset({contact(points)}))
    pad, samples, events = capture(SimulatedStu540(realtime=False, faults=faults), points)
    assert [(e.kind, e.params, e.spoils_ink) for e in events] == [
        (PadEventKind.REPORT_LOST, {"count": 1}, True)
    ]
    assert len(samples) == len(points) - 1
    assert not complete(InkRecord(pad.device, tuple(samples), 0))


def test_a_wrap_of_both_counters_loses_nothing() -> None:
    """R20: 65,535 is followed by 0, and the time goes on."""
    points = signature(2)
    sim = SimulatedStu540(realtime=False, sequence_start=65_500, time_start=65_480)
    pad, samples, events = capture(sim, points)
    assert events == []
    assert min(s.sequence for s in samples) == 0
    assert [s.device_time_us for s in samples] == [p.time_us for p in points]
    assert complete(InkRecord(pad.device, tuple(samples), 0))


def test_a_duplicate_is_dropped_and_noted() -> None:
    """R20: the same report twice is one sample."""
    points = signature(4)
    number = contact(points)
    faults = Faults(duplicate=frozenset({number}))
    pad, samples, events = capture(SimulatedStu540(realtime=False, faults=faults), points)
    assert [(e.kind, e.spoils_ink) for e in events] == [(PadEventKind.REPORT_DUPLICATE, False)]
    assert len(samples) == len(points)
    assert find_gaps(samples) == []
    assert complete(InkRecord(pad.device, tuple(samples), 0))


def test_unplugging_keeps_what_was_written() -> None:
    """R10: the samples before the cut are there, and one sentence says what happened."""
    points = signature(5)
    cut = contact(points)
    pad, samples, events = capture(SimulatedStu540(realtime=False, faults=Faults(unplug_after=cut)), points)
    assert [e.kind for e in events] == [PadEventKind.UNPLUGGED]
    assert [(s.x, s.y) for s in samples] == [(p.x, p.y) for p in points[:cut]]
    assert not complete(InkRecord(pad.device, tuple(samples), 0))
    with pytest.raises(DriverError) as raised:
        pad.status()
    assert raised.value.gone


def test_a_pad_that_is_plugged_in_again_can_be_used() -> None:
    """R10: a new handle, and the pad's counters begin anew."""
    sim = SimulatedStu540(realtime=False, faults=Faults(unplug_after=3))
    capture(sim, signature(6))
    sim.plug()
    _, samples, events = capture(sim, signature(6))
    assert len(samples) == len(signature(6))
    assert events == []


def test_a_picture_reaches_the_display_and_is_sent_once() -> None:
    """R10: the prompt is uploaded by blocks, committed, and kept when only the ink is cleared."""
    sim = SimulatedStu540()
    pad = StuPad(Loopback(sim), simulated=True)
    screen = pad.screen
    assert screen is not None
    rgb = bytes((248, 252, 248)) * (screen.width * screen.height)
    pad.show(rgb)
    assert sim.lcd is not None
    assert len(sim.lcd) == len(rgb)
    sim.lcd = b"kept"
    pad.show(rgb)
    pad.clear()
    assert sim.lcd == b"kept"
    pad.blank()
    assert sim.lcd is None
    pad.close()


def test_commands_in_the_wrong_state_are_refused_as_the_pad_refuses_them() -> None:
    """R10: the simulator's state machine answers with the published codes."""
    sim = SimulatedStu540()

    def result(report: bytes) -> int:
        sim.feature_set(report)
        status = sim.feature_get(ReportId.STATUS)
        assert status is not None
        return status[2]

    assert result(b"\x26" + bytes(255)) == 2
    assert result(b"\x25\x07") == 0x10
    assert result(b"\x25\x02") == 0
    assert result(b"\x20\x00") == 2
    assert result(b"\x27\x01") == 0
    assert result(b"\x32\x09") == 0x15
    assert result(b"\x77") == 1
    assert result(b"\x15\x00\x00\x00\x01") == 0
    assert result(b"\x25\x00") == 2


def test_an_image_longer_than_the_screen_is_refused() -> None:
    """R10: error 0x11 reaches the caller as a sentence."""
    sim = SimulatedStu540()
    pad = StuPad(Loopback(sim), simulated=True)
    pad._set(ReportId.START_IMAGE_DATA, b"\x00")
    for _ in range(48_000 // 253 + 1):
        sim.feature_set(b"\x26\xfd\x00" + bytes(253))
    with pytest.raises(DriverError) as raised:
        pad.status().check()
    assert raised.value.code == "drivers.pad-image-too-long"


def test_real_time_writing_takes_its_time() -> None:
    """R20: host times of a signature written in real time follow the device's times."""
    points = [PenPoint(i * 5_000, 100 + i, 100, 300, True) for i in range(40)] + [
        PenPoint(200_000, 1, 1, 0, False)
    ]
    _, samples, _ = capture(SimulatedStu540(), points)
    assert len(samples) == 41
    assert samples[-1].host_time_us - samples[0].host_time_us >= 190_000


class _Handle:
    def __init__(self, error: OSError | None) -> None:
        self._error = error

    def open_path(self, path: bytes) -> None:
        if self._error:
            raise self._error


class _Backend:
    def __init__(self, *, listed: list[bool], error: OSError | None, path: bytes = b"1-2:1.0") -> None:
        self._listed = listed
        self._error = error
        self._path = path

    def enumerate(self, vendor: int, product: int) -> list[dict[str, object]]:
        there = self._listed.pop(0) if len(self._listed) > 1 else self._listed[0]
        entry = {
            "path": self._path,
            "vendor_id": 0x056A,
            "product_id": 0xA8,
            "serial_number": "A",
            "product_string": "STU-540",
        }
        return [entry] if there else []

    def device(self) -> _Handle:
        return _Handle(self._error)


@pytest.mark.parametrize(
    ("backend", "code"),
    [
        (_Backend(listed=[False], error=None), "drivers.pad-missing"),
        (_Backend(listed=[True, False], error=OSError("open failed")), "drivers.device-gone"),
        (_Backend(listed=[True], error=OSError("open failed")), "drivers.device-busy"),
        (_Backend(listed=[True], error=PermissionError("no")), "drivers.device-permission"),
        (
            _Backend(listed=[True], error=OSError("open failed"), path=b"/dev/absent-hidraw"),
            "drivers.device-permission",
        ),
    ],
)
def test_why_a_pad_does_not_open_is_told_apart(backend: _Backend, code: str) -> None:
    """R10: missing, gone, busy and not permitted are different sentences."""
    with pytest.raises(DriverError) as raised:
        open_first(HidBus(backend))
    assert raised.value.code == code


def test_only_stu_products_are_found() -> None:
    """R10: other Wacom devices are left alone."""
    backend = _Backend(listed=[True], error=None)
    assert [a.product for a in find_pads(HidBus(backend))] == ["STU-540"]
    assert HidBus(backend).find(0x056A, frozenset({0x1})) == []
