"""HID by way of hidapi: find devices, open them, and tell apart busy, gone and not permitted."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
from types import ModuleType
from typing import Any

from drivers.core.errors import DriverError
from drivers.transport.base import HidAddress

LOG = logging.getLogger("penward.drivers")
MAX_INPUT_REPORT = 64


def load_backend() -> ModuleType:
    """The hidapi module: its hidraw flavour on Linux (works with udev's file permissions), else the usual.

    Raises:
        DriverError: `drivers.hidapi-missing`.
    """
    names = ("hidraw", "hid") if sys.platform.startswith("linux") else ("hid",)
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError as error:
            LOG.debug("no module %s: %s", name, error)
    raise DriverError("drivers.hidapi-missing")


class HidBus:
    """All HID devices of this computer. `backend` is the hidapi module or one with the same calls."""

    def __init__(self, backend: Any | None = None) -> None:
        self._backend = backend if backend is not None else load_backend()

    def find(self, vendor_id: int, product_ids: frozenset[int]) -> list[HidAddress]:
        """The devices of `vendor_id` with one of `product_ids`, in the order of the system."""
        found = []
        for entry in self._backend.enumerate(vendor_id, 0):
            if entry["product_id"] in product_ids:
                found.append(
                    HidAddress(
                        bytes(entry["path"]),
                        entry["vendor_id"],
                        entry["product_id"],
                        entry.get("serial_number") or "",
                        entry.get("product_string") or "",
                    )
                )
        return found

    def open(self, address: HidAddress) -> HidConnection:
        """Open the device.

        Raises:
            DriverError: `drivers.device-gone`, `drivers.device-permission` or `drivers.device-busy`.
        """
        handle = self._backend.device()
        try:
            handle.open_path(address.path)
        except OSError as error:
            LOG.info("opening %r failed: %s", address.path, error)
            raise DriverError(self._why(address, error), name=address.product or "HID") from error
        return HidConnection(handle)

    def _why(self, address: HidAddress, error: OSError) -> str:
        """hidapi says only "open failed"; the system knows more."""
        if not any(entry["path"] == address.path for entry in self._backend.enumerate(address.vendor_id, 0)):
            return "drivers.device-gone"
        path = os.fsdecode(address.path)
        if isinstance(error, PermissionError) or (
            path.startswith("/dev/") and not os.access(path, os.R_OK | os.W_OK)
        ):
            return "drivers.device-permission"
        return "drivers.device-busy"


class HidConnection:
    """One open hidapi device; `HidTransport`."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._lock = threading.Lock()
        self._closed = False

    def read(self, timeout_ms: int) -> bytes | None:
        """See `HidTransport`. hidapi treats a time-out of 0 as "do not wait"."""
        if self._closed:
            raise DriverError("drivers.device-gone", name="HID")
        try:
            data = self._handle.read(MAX_INPUT_REPORT, timeout_ms)
        except (OSError, ValueError) as error:
            raise DriverError("drivers.device-gone", name="HID") from error
        return bytes(data) if data else None

    def get_feature(self, report_id: int, size: int) -> bytes:
        """See `HidTransport`."""
        with self._lock:
            try:
                data = bytes(self._handle.get_feature_report(report_id, size + 1))
            except (OSError, ValueError) as error:
                raise DriverError("drivers.device-gone", name="HID") from error
        if not data or data[0] != report_id:
            raise DriverError("drivers.report-malformed", report=f"0x{report_id:02X}")
        return data

    def send_feature(self, report: bytes) -> None:
        """See `HidTransport`."""
        with self._lock:
            try:
                sent = self._handle.send_feature_report(report)
            except (OSError, ValueError) as error:
                raise DriverError("drivers.device-gone", name="HID") from error
        if sent < 0:
            raise DriverError("drivers.device-gone", name="HID")

    def close(self) -> None:
        """See `HidTransport`."""
        if not self._closed:
            self._closed = True
            self._handle.close()
