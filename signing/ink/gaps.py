"""Was every report received? Gaps in a device's counter, duplicates, and a pen that never came up.

The rule is `protocol.md`, Evidence package: a jump of the 16-bit sequence counter (mod 65,536) while
the pen is in contact, or between two in-range reports, is a gap; a jump of time is not.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from signing.ink.model import IN_RANGE, NO_SEQUENCE, SEQUENCE_MODULUS, TIP, InkRecord, Sample


class GapKind(enum.StrEnum):
    """What was found between two neighbouring reports."""

    LOST = "lost"
    """The counter jumped forward: reports are missing."""
    DUPLICATE = "duplicate"
    """The same report came twice, byte for byte (host time aside): nothing is missing."""
    CONFLICT = "conflict"
    """Two different reports bear one number."""
    BACKWARD = "backward"
    """The counter went back: reports came out of order, or the device began anew."""
    COUNTER_MISSING = "counter-missing"
    """One of two neighbouring reports has a number and the other has none."""
    CUT_OFF = "cut-off"
    """The record ends in contact: the device fell silent before the pen was lifted."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One irregularity: the sample at `index` does not follow the one before it.

    `missing` is the number of lost reports where the counter tells it, else 0. For `CUT_OFF`,
    `index` is the number of samples.
    """

    kind: GapKind
    index: int
    missing: int = 0

    @property
    def code(self) -> str:
        """The message code of the sentence for people, `ink.gap-lost` and so on; `missing` fills it."""
        return f"ink.gap-{self.kind.value}"

    @property
    def breaks(self) -> bool:
        """Whether the signature is incomplete because of it; a plain duplicate loses nothing."""
        return self.kind is not GapKind.DUPLICATE


def find_gaps(samples: Sequence[Sample]) -> list[Gap]:
    """All irregularities in order of arrival.

    A device without counter (`sequence` -1 throughout) can only be found cut off. A counter jump
    matters when the pen touches in either of the two reports, or is in range in both.
    """
    found: list[Gap] = []
    previous: Sample | None = None
    for index, sample in enumerate(samples):
        if previous is not None:
            gap = _between(previous, sample, index)
            if gap is not None:
                found.append(gap)
        previous = sample
    if previous is not None and previous.flags & TIP:
        found.append(Gap(GapKind.CUT_OFF, len(samples)))
    return found


def complete(record: InkRecord) -> bool:
    """Whether every report of the signature is there."""
    return not any(gap.breaks for gap in find_gaps(record.samples))


def _between(before: Sample, after: Sample, index: int) -> Gap | None:
    if before.sequence == NO_SEQUENCE and after.sequence == NO_SEQUENCE:
        return None
    step = (after.sequence - before.sequence) % SEQUENCE_MODULUS
    numbered = before.sequence != NO_SEQUENCE and after.sequence != NO_SEQUENCE
    if numbered and step == 1:
        return None
    touching = (before.flags | after.flags) & TIP
    in_range = before.flags & after.flags & IN_RANGE
    if not touching and not in_range:
        return None
    if not numbered:
        return Gap(GapKind.COUNTER_MISSING, index)
    if step == 0:
        same = before._replace(host_time_us=after.host_time_us) == after
        return Gap(GapKind.DUPLICATE if same else GapKind.CONFLICT, index)
    if step > SEQUENCE_MODULUS // 2:
        return Gap(GapKind.BACKWARD, index)
    return Gap(GapKind.LOST, index, step - 1)
