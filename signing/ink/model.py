"""What a pen device reported: device description, samples, strokes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

TIP = 1
"""Flag: the tip touches the surface."""
IN_RANGE = 2
"""Flag: the device sees the pen, touching or hovering."""
BARREL_SWITCHES = 0xF0
"""Mask of the barrel switches, bits 4 to 7."""
KNOWN_FLAGS = TIP | IN_RANGE | BARREL_SWITCHES

SEQUENCE_MODULUS = 65_536
NO_SEQUENCE = -1

MAX_SAMPLES = 2_000_000
MAX_STRING_BYTES = 255


class Sample(NamedTuple):
    """One report of a pen device, exactly as captured.

    `device_time_us` is the device's own clock in µs (any origin), `host_time_us` the host's monotonic
    clock in µs at arrival. `x`, `y`, `pressure` are device units, y down. `flags` combines `TIP`,
    `IN_RANGE` and bits 4..7 for barrel switches. `sequence` is the device's 16-bit report counter,
    or -1 when the device has none.
    """

    device_time_us: int
    host_time_us: int
    x: int
    y: int
    pressure: int
    flags: int
    sequence: int


@dataclass(frozen=True, slots=True)
class InkDevice:
    """The pen device that captured a record.

    `kind` names the driver (`stu-hid`, `screen`, …). `max_x`, `max_y`, `max_pressure` are the highest
    device units (`max_pressure` 0: the device has no pressure), `width_um` and `height_um` the size of
    the active area in µm. `rate_hz` is the nominal report rate (0: unknown), `time_unit_us` the length
    of one tick of the device clock in µs (0: the device has no clock). `simulated` is true for anything
    that is not a real device.
    """

    kind: str
    model: str
    serial: str
    firmware: str
    max_x: int
    max_y: int
    max_pressure: int
    width_um: int
    height_um: int
    rate_hz: int
    time_unit_us: int
    simulated: bool


@dataclass(frozen=True, slots=True)
class InkRecord:
    """A whole capture: device, samples in order of arrival, and when it began.

    `started_at_us` is the host's clock at the first report, in µs since 1970-01-01 UTC, as claimed.
    """

    device: InkDevice
    samples: tuple[Sample, ...]
    started_at_us: int


def strokes(samples: Sequence[Sample]) -> list[tuple[int, int]]:
    """The strokes as half-open index ranges: unbroken runs of samples in contact."""
    found: list[tuple[int, int]] = []
    begin = -1
    for index, sample in enumerate(samples):
        if sample.flags & TIP:
            if begin < 0:
                begin = index
        elif begin >= 0:
            found.append((begin, index))
            begin = -1
    if begin >= 0:
        found.append((begin, len(samples)))
    return found
