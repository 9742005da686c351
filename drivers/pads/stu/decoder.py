"""From pen reports to samples: device time, sequence, and what was lost or came twice."""

from __future__ import annotations

from drivers.core.clock import CounterClock, sequence_step
from drivers.core.errors import DriverError
from drivers.core.pad import PadEvent, PadEventKind
from drivers.pads.stu.reports import PenReport, decode_pen
from signing.ink import Sample

TIP = 1
IN_RANGE = 2
BARREL_SHIFT = 4


class PenDecoder:
    """Keeps the counters of one pad between reports. Samples come out exactly as captured."""

    def __init__(self, tick_us: int) -> None:
        self._clock = CounterClock(tick_us)
        self._previous: PenReport | None = None

    def feed(self, report: bytes, host_us: int) -> tuple[Sample | None, PadEvent | None]:
        """One input report that arrived at `host_us`: the sample it holds, and what is wrong, if anything.

        A report that came twice is dropped and noted. A step of the sequence other than one while
        the pen touches, or between two reports in range, is a lost report and spoils the ink
        (`protocol.md`, Evidence package); a jump while the pen was away is not.
        """
        try:
            pen = decode_pen(report)
        except DriverError as error:
            return None, PadEvent(PadEventKind.REPORT_MALFORMED, error.code, error.params)
        if pen is None:
            return None, None
        previous, event = self._previous, None
        if previous is not None and previous.sequence is not None and pen.sequence is not None:
            if pen == previous:
                code = "drivers.pad-report-duplicate"
                return None, PadEvent(PadEventKind.REPORT_DUPLICATE, code, {"sequence": pen.sequence})
            step = sequence_step(previous.sequence, pen.sequence)
            if step != 1 and _matters(previous, pen):
                event = PadEvent(
                    PadEventKind.REPORT_LOST, "drivers.pad-report-lost", {"count": step - 1}, spoils_ink=True
                )
        self._previous = pen
        if pen.time_count is None:
            device_us = host_us
        else:
            device_us = self._clock.time_us(pen.time_count, host_us)
        flags = pen.switches >> 1 << BARREL_SHIFT
        if pen.switches & 1:
            flags |= TIP
        if pen.ready:
            flags |= IN_RANGE
        sequence = -1 if pen.sequence is None else pen.sequence
        return Sample(device_us, host_us, pen.x, pen.y, pen.pressure, flags, sequence), event


def _matters(previous: PenReport, current: PenReport) -> bool:
    touching = bool(previous.switches & 1 or current.switches & 1)
    return touching or (previous.ready and current.ready)
