"""The hospital's time as one thread-safe object: who asks gets a time that never goes back, and its bound."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from server_stub.clock.base import Base, MachineBase, system_utc_ns
from server_stub.clock.discipline import ClockState, Discipline, Reading
from server_stub.clock.measurement import Measurement
from server_stub.clock.packet import NANO
from server_stub.clock.phasefilter import Terms
from server_stub.clock.selection import Selection

log = logging.getLogger("penward.clock")

RING = 4320  # three days of rounds of a minute
SLEEP_NS = 50_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class TimeSource(Protocol):
    """Whoever knows the time and how well (`tsa` asks for one)."""

    def now(self) -> dt.datetime:
        """The time, aware, UTC; never before one that was given out earlier."""

    def bound(self) -> float | None:
        """By how many seconds the time may be wrong now; None: nobody knows."""


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One round: when (UTC, ns), the offset that was found (s; None: no majority), bound and state."""

    utc_ns: int
    offset: float | None
    bound: float | None
    state: ClockState
    survivors: int
    falsetickers: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that is told of the clock; seconds, and a fraction for the rate."""

    reading: Reading
    system_offset: float | None
    age: float | None
    rate: float
    rate_sigma: float
    residual: float
    terms: Terms
    stratum: int
    root_delay: float
    oscillator: str
    survivors: tuple[str, ...]
    falsetickers: tuple[str, ...]


class ClockKeeper:
    """A `TimeSource` over a `Discipline`. `alarm` is the bound in seconds from which a warning is logged."""

    def __init__(
        self,
        discipline: Discipline,
        *,
        base: Base | None = None,
        system: Callable[[], int] = system_utc_ns,
        alarm: float = 1.0,
    ) -> None:
        self.base = base or MachineBase()
        self._discipline = discipline
        self._system = system
        self._alarm = alarm
        self._lock = threading.Lock()
        self._slept = self.base.slept()
        self._issued = 0
        self._last = Selection(None, 0.0, 0.0, (), ())
        self._stratum, self._root_delay = 16, 0.0
        self._told: tuple[ClockState, bool] = (ClockState.FREERUN, False)
        self._ring: deque[HistoryPoint] = deque(maxlen=RING)

    def read(self) -> Reading:
        """The time now. Free running it is the system's clock, and no bound is claimed.

        A time that was given out with a bound is never followed by an earlier one: after a correction
        backwards the time stands until the clock has caught up, and the bound says so.
        """
        with self._lock:
            return self._read()

    def now(self) -> dt.datetime:
        """`TimeSource`."""
        return _EPOCH + dt.timedelta(microseconds=self.read().utc_ns // 1000)

    def bound(self) -> float | None:
        """`TimeSource`."""
        return self.read().bound

    def take(self, measurements: Sequence[Measurement]) -> Selection:
        """One round of measurements; none at all is a round as well."""
        with self._lock:
            self._look_for_sleep()
            base_ns = self.base.read()
            selection = self._discipline.take(base_ns, measurements)
            if selection.offset is not None:
                good = [item for item in measurements if item.source in selection.survivors]
                best = min(good, key=lambda item: (item.stratum, item.distance))
                self._stratum, self._root_delay = min(best.stratum + 1, 16), best.root_delay
            self._last = selection
            reading = self._read()
            self._ring.append(
                HistoryPoint(
                    reading.utc_ns,
                    selection.offset,
                    reading.bound,
                    reading.state,
                    len(selection.survivors),
                    len(selection.falsetickers),
                )
            )
        self._tell(reading, selection)
        return selection

    def history(self) -> list[HistoryPoint]:
        """The last 4320 rounds, oldest first."""
        with self._lock:
            return list(self._ring)

    def restore(self, history: Sequence[HistoryPoint]) -> None:
        """Put what an earlier process noted before this one's rounds."""
        with self._lock:
            self._ring = deque([*history, *self._ring], maxlen=RING)

    def standing(self) -> Standing:
        """What is known of the clock now."""
        with self._lock:
            reading = self._read()
            base_ns = self.base.read()
            known = reading.state is not ClockState.FREERUN
            return Standing(
                reading=reading,
                system_offset=(self._system() - reading.utc_ns) / NANO if known else None,
                age=self._discipline.age(base_ns),
                rate=self._discipline.rate,
                rate_sigma=self._discipline.rate_sigma,
                residual=self._discipline.residual,
                terms=self._discipline.terms(base_ns),
                stratum=self._stratum if known else 16,
                root_delay=self._root_delay,
                oscillator=self._discipline.oscillator.name,
                survivors=self._last.survivors,
                falsetickers=self._last.falsetickers,
            )

    def _read(self) -> Reading:
        self._look_for_sleep()
        reading = self._discipline.read(self.base.read())
        if reading.bound is None:
            return Reading(self._system(), None, ClockState.FREERUN)
        behind = max(self._issued - reading.utc_ns, 0)
        self._issued = reading.utc_ns + behind
        return Reading(self._issued, reading.bound + behind / NANO, reading.state)

    def _look_for_sleep(self) -> None:
        slept = self.base.slept()
        if abs(slept - self._slept) > SLEEP_NS:
            log.warning(
                "this machine slept for %.1f s; the clock must be set anew", (slept - self._slept) / NANO
            )
            self._discipline.lose()
        self._slept = slept

    def _tell(self, reading: Reading, selection: Selection) -> None:
        loud = reading.bound is not None and reading.bound > self._alarm
        before, self._told = self._told, (reading.state, loud)
        if selection.falsetickers and selection.survivors:
            log.info("not believed in this round: %s", ", ".join(selection.falsetickers))
        if before[0] is not reading.state:
            level = logging.INFO if reading.state is ClockState.LOCKED else logging.WARNING
            log.log(level, "the clock was %s and is %s, bound %s s", before[0], reading.state, reading.bound)
        if loud and not before[1]:
            log.warning(
                "the clock may be off by %.3f s, more than the %.3f s allowed", reading.bound, self._alarm
            )
