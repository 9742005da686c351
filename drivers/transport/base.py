"""The interface of a HID connection: input reports, feature reports, close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HidAddress:
    """A HID device that was found: where it is and what it says of itself before it is opened."""

    path: bytes
    vendor_id: int
    product_id: int
    serial: str
    product: str


class HidTransport(Protocol):
    """An open HID device. The first byte of every report is its report ID.

    Every method raises `DriverError` with `drivers.device-gone` when the device is no longer there.
    """

    def read(self, timeout_ms: int) -> bytes | None:
        """The next input report, or None when none came in time."""

    def get_feature(self, report_id: int, size: int) -> bytes:
        """A feature report of at most `size` bytes after the ID; the result begins with the ID."""

    def send_feature(self, report: bytes) -> None:
        """Set a feature report; `report` begins with the ID and has the full published size."""

    def close(self) -> None:
        """Give the device back. May be called twice; a `read` in another thread ends."""
