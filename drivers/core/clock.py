"""Turn a pad's 16-bit counters into times and steps: host arrival times jitter, the counter does not.

devices.md §0.2: the counter of a timed pen report runs at exactly 200 ticks a second while host
time stamps are quantised to 4 or 8 ms.
"""

from __future__ import annotations

WRAP = 1 << 16
"""Size of the counters in pen report 0x34."""


class CounterClock:
    """Unwraps a 16-bit tick counter into microseconds since the first report.

    A pen may be away for longer than the counter's period (327 s at 200 Hz). The host's clock is
    used only to say how many whole periods have passed; the time inside a period is the counter's.
    """

    def __init__(self, tick_us: int) -> None:
        self._tick_us = tick_us
        self._last_ticks: int | None = None
        self._last_host_us = 0
        self._total = 0

    def time_us(self, ticks: int, host_us: int) -> int:
        """Device time in µs for a report with counter `ticks` (0–65535) that arrived at `host_us`."""
        if self._last_ticks is None:
            self._total = 0
        else:
            step = (ticks - self._last_ticks) % WRAP
            period_us = WRAP * self._tick_us
            missing_us = (host_us - self._last_host_us) - step * self._tick_us
            step += WRAP * max(0, (missing_us + period_us // 2) // period_us)
            self._total += step
        self._last_ticks = ticks
        self._last_host_us = host_us
        return self._total * self._tick_us


def sequence_step(previous: int, current: int) -> int:
    """How far the 16-bit sequence went on: 1 is the next report, 0 the same one again."""
    return (current - previous) % WRAP
