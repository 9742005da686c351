"""Figures about a record for reports and for the nurse's screen; integers throughout."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from signing.ink.gaps import Gap, find_gaps
from signing.ink.model import InkRecord, strokes


@dataclass(frozen=True, slots=True)
class InkStatistics:
    """What can be said of a record without judging whose hand it was.

    `duration_us` runs from the first to the last contact on the device clock (host clock where the
    device has none), `contact_us` sums the strokes, `length_um` is the drawn length in µm.
    `rate_millihertz` is measured within the strokes (0: unknown). `min_pressure` and `max_pressure`
    are device units in contact.
    """

    sample_count: int
    contact_count: int
    stroke_count: int
    duration_us: int
    contact_us: int
    length_um: int
    rate_millihertz: int
    min_pressure: int
    max_pressure: int
    gaps: tuple[Gap, ...]

    @property
    def complete(self) -> bool:
        """Whether no gap breaks the signature."""
        return not any(gap.breaks for gap in self.gaps)


def statistics(record: InkRecord) -> InkStatistics:
    """Count and measure."""
    device, samples = record.device, record.samples
    runs = strokes(samples)
    use_device = any(sample.device_time_us != samples[0].device_time_us for sample in samples)
    clock = [s.device_time_us if use_device else s.host_time_us for s in samples]
    contact = [sample for begin, end in runs for sample in samples[begin:end]]
    pressures = [sample.pressure for sample in contact]
    length = 0
    contact_us = 0
    intervals = 0
    for begin, end in runs:
        contact_us += max(0, clock[end - 1] - clock[begin])
        intervals += end - 1 - begin
        for a, b in zip(samples[begin : end - 1], samples[begin + 1 : end], strict=True):
            dx = (b.x - a.x) * device.width_um // device.max_x
            dy = (b.y - a.y) * device.height_um // device.max_y
            length += isqrt(dx * dx + dy * dy)
    return InkStatistics(
        sample_count=len(samples),
        contact_count=len(contact),
        stroke_count=len(runs),
        duration_us=max(0, clock[runs[-1][1] - 1] - clock[runs[0][0]]) if runs else 0,
        contact_us=contact_us,
        length_um=length,
        rate_millihertz=intervals * 1_000_000_000 // contact_us if contact_us else 0,
        min_pressure=min(pressures, default=0),
        max_pressure=max(pressures, default=0),
        gaps=tuple(find_gaps(samples)),
    )
