"""R10: hidapi behind the transport interface: reports in and out, removal, missing component."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.core.errors import DriverError
from drivers.transport.base import HidAddress
from drivers.transport.hid import HidBus, load_backend
from drivers.transport.loopback import Loopback


class Handle:
    """What hidapi gives; `broken` makes every call fail as it does after removal."""

    def __init__(self) -> None:
        self.broken = False
        self.sent: list[bytes] = []
        self.closed = 0

    def open_path(self, path: bytes) -> None:
        assert path == b"p"

    def read(self, size: int, timeout_ms: int) -> list[int]:
        if self.broken:
            raise OSError("read error")
        return [1, 2, 3] if timeout_ms else []

    def get_feature_report(self, report_id: int, size: int) -> list[int]:
        if self.broken:
            raise OSError("gone")
        return [report_id if report_id != 0x77 else 0, *([0] * (size - 1))]

    def send_feature_report(self, report: bytes) -> int:
        if self.broken:
            return -1
        self.sent.append(bytes(report))
        return len(report)

    def close(self) -> None:
        self.closed += 1


class Backend:
    def __init__(self) -> None:
        self.handle = Handle()

    def enumerate(self, vendor: int, product: int) -> list[dict[str, Any]]:
        return [{"path": b"p", "vendor_id": 0x56A, "product_id": 0xA8}]

    def device(self) -> Handle:
        return self.handle


ADDRESS = HidAddress(b"p", 0x56A, 0xA8, "", "STU-540")


def test_reports_travel_with_their_id() -> None:
    """R10: the first byte is the report ID, in both directions."""
    backend = Backend()
    connection = HidBus(backend).open(ADDRESS)
    assert connection.read(100) == b"\x01\x02\x03"
    assert connection.read(0) is None
    assert connection.get_feature(8, 4) == b"\x08\0\0\0\0"
    connection.send_feature(b"\x20\x00")
    assert backend.handle.sent == [b"\x20\x00"]
    connection.close()
    connection.close()
    assert backend.handle.closed == 1
    with pytest.raises(DriverError):
        connection.read(1)


def test_a_device_that_is_gone_is_told_by_every_call() -> None:
    """R10: read, get and set alike."""
    backend = Backend()
    connection = HidBus(backend).open(ADDRESS)
    backend.handle.broken = True
    for call in (
        lambda: connection.read(1),
        lambda: connection.get_feature(8, 4),
        lambda: connection.send_feature(b"\x20\x00"),
    ):
        with pytest.raises(DriverError) as raised:
            call()
        assert raised.value.gone


def test_an_answer_to_another_question_is_refused() -> None:
    """R10: a feature report with another ID is not passed on."""
    with pytest.raises(DriverError) as raised:
        HidBus(Backend()).open(ADDRESS).get_feature(0x77, 4)
    assert raised.value.code == "drivers.report-malformed"


def test_without_hidapi_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """R10: the component is named, not a traceback."""
    import importlib

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(DriverError) as raised:
        load_backend()
    assert raised.value.code == "drivers.hidapi-missing"


def test_a_closed_loopback_is_gone() -> None:
    """R10: the simulated cable behaves as a real one."""

    class Silent:
        def feature_get(self, report_id: int) -> bytes | None:
            return bytes([report_id])

        def feature_set(self, report: bytes) -> bool:
            return True

        def next_input(self, timeout_ms: int) -> bytes | None:
            return None

    loop = Loopback(Silent())
    assert loop.read(1) is None
    assert loop.get_feature(3, 4) == b"\x03"
    loop.send_feature(b"\x20\x00")
    loop.close()
    for call in (
        lambda: loop.read(1),
        lambda: loop.get_feature(3, 4),
        lambda: loop.send_feature(b"\x20\x00"),
    ):
        with pytest.raises(DriverError):
            call()
