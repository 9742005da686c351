"""What counts the time under the model: a counter that nobody steers, and whether it ever stood still."""

from __future__ import annotations

import time
from typing import Protocol

_RAW = getattr(time, "CLOCK_MONOTONIC_RAW", None)
_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


class Base(Protocol):
    """A monotonic counter in nanoseconds."""

    def read(self) -> int:
        """The counter; only differences mean something."""

    def slept(self) -> int:
        """How long in all the counter stood still while the machine slept, in nanoseconds."""


class MachineBase:
    """The machine's crystal as the kernel reads it: on Linux the raw counter that NTP does not slew.

    Elsewhere `perf_counter`, which goes on counting in sleep on Windows.
    """

    def read(self) -> int:
        """Nanoseconds since some moment."""
        return time.perf_counter_ns() if _RAW is None else time.clock_gettime_ns(_RAW)

    def slept(self) -> int:
        """CLOCK_BOOTTIME minus CLOCK_MONOTONIC on Linux, 0 elsewhere."""
        if _BOOT is None:
            return 0
        return time.clock_gettime_ns(_BOOT) - time.monotonic_ns()


def system_utc_ns() -> int:
    """The system's clock, nanoseconds since 1970."""
    return time.time_ns()
