"""The screen as a pad: pen (QTabletEvent) or mouse on the canvas become samples."""

from __future__ import annotations

import time
from collections.abc import Callable

from drivers.core.pad import PadEvent, Screen
from signing.ink import IN_RANGE, TIP, InkDevice, Sample

UNITS = 30_000
MAX_PRESSURE = 1023
MICROMETRES_PER_PIXEL = 25_400 / 96


class ScreenPad:
    """`PenPad` that the canvas feeds by `pen`. It has no report counter and no clock of its own:
    device time is the host's, `sequence` is -1. All methods are called in the window's thread."""

    screen: Screen | None = None

    def __init__(self, width_px: float, height_px: float) -> None:
        self._device = InkDevice(
            kind="screen",
            model="Screen",
            serial="",
            firmware="",
            max_x=UNITS,
            max_y=max(1, round(UNITS * height_px / width_px)),
            max_pressure=MAX_PRESSURE,
            width_um=max(1, round(width_px * MICROMETRES_PER_PIXEL)),
            height_um=max(1, round(height_px * MICROMETRES_PER_PIXEL)),
            rate_hz=0,
            time_unit_us=0,
            simulated=False,
        )
        self._samples: list[Sample] = []
        self._on_ready: Callable[[], None] | None = None
        self._last = (0, 0)

    @property
    def device(self) -> InkDevice:
        """See `PenPad`."""
        return self._device

    def pen(self, x: float, y: float, pressure: float, touching: bool, in_range: bool) -> None:
        """A movement on the canvas: position as fraction of the area, pressure 0–1."""
        if self._on_ready is None:
            return
        if in_range:
            self._last = (round(x * self._device.max_x), round(y * self._device.max_y))
        now = time.monotonic_ns() // 1000
        force = max(1, round(pressure * MAX_PRESSURE)) if touching else 0
        flags = (TIP if touching else 0) | (IN_RANGE if in_range else 0)
        wake = not self._samples
        self._samples.append(Sample(now, now, *self._last, force, flags, -1))
        if wake:
            self._on_ready()

    def start(self, on_ready: Callable[[], None]) -> None:
        """See `PenPad`."""
        self._on_ready = on_ready

    def drain(self) -> tuple[list[Sample], list[PadEvent]]:
        """See `PenPad`."""
        samples, self._samples = self._samples, []
        return samples, []

    def show(self, rgb: bytes) -> None:
        """It has no display of its own."""

    def clear(self) -> None:
        """The canvas is cleared by the page."""
        self._samples = []

    def stop(self) -> None:
        """See `PenPad`."""
        self._on_ready = None

    def close(self) -> None:
        """See `PenPad`."""
        self.stop()
