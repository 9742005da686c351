"""One signature being written: samples as captured, journal, and whether it may be confirmed.

Each attempt is one ink record. A pad that was plugged in again, or a program that was started again,
has another clock: what was written before is kept and may be confirmed, and the first new contact
begins a new attempt.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from desktop_app.offline.format import RecordKind
from desktop_app.offline.journal import Journal
from signing.ink import TIP, InkDevice, InkRecord, InkWriter, Sample, complete, encode_record, strokes


class Capture:
    """The signature in progress. Used from one thread."""

    def __init__(self, journal: Journal, restored: InkRecord | None = None) -> None:
        self._journal = journal
        self._device: InkDevice | None = restored.device if restored else None
        self._samples: list[Sample] = list(restored.samples) if restored else []
        self._started_at_us = restored.started_at_us if restored else 0
        self._writer: InkWriter | None = None
        self._judged = (-1, False)
        self.attempts = 1 if restored else 0
        if restored is not None:
            self._restore(restored)

    @property
    def samples(self) -> Sequence[Sample]:
        """The samples of this attempt, as captured."""
        return self._samples

    @property
    def device(self) -> InkDevice | None:
        """The device of this attempt, None while nothing was written."""
        return self._device

    @property
    def has_ink(self) -> bool:
        """Whether the pen has touched in this attempt."""
        return any(sample.flags & TIP for sample in self._samples)

    @property
    def in_contact(self) -> bool:
        """Whether the pen touches now."""
        return bool(self._samples) and bool(self._samples[-1].flags & TIP)

    @property
    def whole(self) -> bool:
        """Whether no report of this attempt is missing."""
        if self._device is None:
            return False
        if self._judged[0] != len(self._samples):
            self._judged = (len(self._samples), complete(self.record))
        return self._judged[1]

    @property
    def stroke_count(self) -> int:
        """How many strokes were written."""
        return len(strokes(self._samples))

    @property
    def record(self) -> InkRecord:
        """The ink record of this attempt; only when there is a device."""
        assert self._device is not None  # noqa: S101  a caller's mistake, not a person's
        return InkRecord(self._device, tuple(self._samples), self._started_at_us)

    def record_bytes(self) -> bytes:
        """The binary ink record that goes into the evidence."""
        record = self.record
        return encode_record(record.device, record.samples, started_at_us=record.started_at_us)

    def add(self, device: InkDevice, samples: Sequence[Sample]) -> bool:
        """Take samples as they came; True when a new attempt began with them.

        Samples before the first contact of an attempt are not part of it. The journal gets them at
        once and is synced when the pen is lifted.
        """
        began = False
        if self._writer is None:
            first = next((i for i, s in enumerate(samples) if s.flags & TIP), None)
            if first is None:
                return False
            samples = samples[first:]
            self._begin(device)
            began = True
        if not samples or self._writer is None:
            return began
        lifted = self.in_contact
        self._journal.append(RecordKind.SAMPLES, self._writer.append(samples))
        self._samples.extend(samples)
        touched = lifted or any(s.flags & TIP for s in samples)
        if touched and not self.in_contact:
            self._journal.sync()
        return began

    def detach(self) -> None:
        """The pad is gone: keep what was written; further contact begins a new attempt."""
        self._writer = None
        self._journal.sync()

    def clear(self) -> None:
        """Wipe the attempt; the journal keeps that it happened."""
        if self._samples:
            self._journal.append(RecordKind.CLEARED, b"")
            self._journal.sync()
        self._samples, self._judged = [], (-1, False)
        self._writer = None
        self._device = None

    def _begin(self, device: InkDevice) -> None:
        self._device, self._samples, self._judged = device, [], (-1, False)
        self._started_at_us = time.time_ns() // 1000
        self._writer = InkWriter(device, started_at_us=self._started_at_us)
        self._journal.append(RecordKind.INK_HEADER, self._writer.header)
        self.attempts += 1

    def _restore(self, record: InkRecord) -> None:
        writer = InkWriter(record.device, started_at_us=record.started_at_us)
        self._journal.append(RecordKind.INK_HEADER, writer.header)
        self._journal.append(RecordKind.SAMPLES, writer.append(record.samples))
        self._journal.sync()
