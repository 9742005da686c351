"""A HID connection inside the process: what a simulated device is plugged into."""

from __future__ import annotations

from typing import Protocol

from drivers.core.errors import DriverError


class Peer(Protocol):
    """The device end of a loopback connection; it speaks the real bytes."""

    def feature_get(self, report_id: int) -> bytes | None:
        """The feature report with its ID, None when the device is unplugged."""

    def feature_set(self, report: bytes) -> bool:
        """Take a feature report; False when the device is unplugged."""

    def next_input(self, timeout_ms: int) -> bytes | None:
        """The next input report, b"" when it is unplugged, None when nothing came in time."""


class Loopback:
    """`HidTransport` over a `Peer`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._closed = False

    def read(self, timeout_ms: int) -> bytes | None:
        """See `HidTransport`."""
        report = None if self._closed else self._peer.next_input(timeout_ms)
        if self._closed or report == b"":
            raise DriverError("drivers.device-gone", name="HID")
        return report

    def get_feature(self, report_id: int, size: int) -> bytes:
        """See `HidTransport`."""
        report = None if self._closed else self._peer.feature_get(report_id)
        if report is None:
            raise DriverError("drivers.device-gone", name="HID")
        return report[: size + 1]

    def send_feature(self, report: bytes) -> None:
        """See `HidTransport`."""
        if self._closed or not self._peer.feature_set(report):
            raise DriverError("drivers.device-gone", name="HID")

    def close(self) -> None:
        """See `HidTransport`."""
        self._closed = True
