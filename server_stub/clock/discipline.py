"""The clock in software: a monotonic base, a linear model of phase and frequency over it, and a bound."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from server_stub.clock.measurement import Measurement
from server_stub.clock.oscillator import CLASSES, DAY, OscillatorClass
from server_stub.clock.packet import NANO
from server_stub.clock.phasefilter import PhaseFilter, Terms
from server_stub.clock.selection import Candidate, Selection, select

log = logging.getLogger("penward.clock")

COVER = 3.5  # sigmas in the bound
GATE = 6.0  # sigmas beyond which a majority contradicts the model
PATIENCE = 4  # contradictions in a row after which the majority is believed
LOCK_ROUNDS = 3
WANDER = 0.2  # how much of their own uncertainty the sources' error may change by in a day
TRIAL_SECONDS = 6 * 3600.0  # how far back a forecast is compared with what came
RESET_SECONDS = 3600.0
LARGEST_BOUND = 10.0  # seconds; a clock that knows no better is said to run free
UNKNOWN_RATE = 1e-4


class ClockState(StrEnum):
    """LOCKED: sources agree. HOLDOVER: none for a while, the model runs on. FREERUN: no bound is known."""

    LOCKED = "LOCKED"
    HOLDOVER = "HOLDOVER"
    FREERUN = "FREERUN"


@dataclass(frozen=True, slots=True)
class Reading:
    """A time: nanoseconds since 1970 UTC, off by at most `bound` seconds (None: nothing is known)."""

    utc_ns: int
    bound: float | None
    state: ClockState


@dataclass(frozen=True, slots=True)
class _Forecast:
    """The model as it was at `base_ns`, kept to be tried against what comes."""

    base_ns: int
    utc_ns: int
    filter: PhaseFilter
    residual: float


class Discipline:
    """Turns measurements into a clock. Knows no thread and no real time: `base_ns` is what the caller reads.

    `stale_after` is the age in seconds of the last agreed measurement from which the clock is in holdover.
    """

    def __init__(self, oscillator: OscillatorClass, *, stale_after: float) -> None:
        self._oscillator = oscillator
        self._stale_after = stale_after
        self._filter = PhaseFilter(oscillator)
        self._at_lock = self._filter
        self._anchor_base = 0
        self._anchor_utc = 0
        self._begun = False
        self._rounds = 0
        self._last_good = 0
        self._residual = 0.0  # what no averaging removes: the sources' own uncertainty and lopsided ways
        self._doubt = 0.0
        self._contradictions = 0
        self._last_reset: int | None = None
        self._trial: _Forecast | None = None

    @property
    def oscillator(self) -> OscillatorClass:
        """The class whose promises are counted on: the given one until it was seen to break them."""
        return self._oscillator

    @property
    def rate(self) -> float:
        """The fractional frequency by which UTC runs ahead of the base."""
        return self._filter.rate

    @property
    def rate_sigma(self) -> float:
        """One sigma of `rate`."""
        return self._filter.rate_sigma

    @property
    def residual(self) -> float:
        """The part of the bound that the way to the sources explains, in seconds."""
        return self._residual

    def read(self, base_ns: int) -> Reading:
        """The time at `base_ns`; `utc_ns` means nothing before the first measurement."""
        seconds = max(base_ns - self._anchor_base, 0) / NANO
        bound = self._bound(seconds)
        utc_ns = self._utc(base_ns)
        if self._rounds < LOCK_ROUNDS or bound > LARGEST_BOUND:
            return Reading(utc_ns, None, ClockState.FREERUN)
        stale = (base_ns - self._last_good) / NANO > self._stale_after
        return Reading(utc_ns, bound, ClockState.HOLDOVER if stale or self._doubt else ClockState.LOCKED)

    def age(self, base_ns: int) -> float | None:
        """Seconds since sources last agreed with the clock."""
        return (base_ns - self._last_good) / NANO if self._rounds else None

    def terms(self, base_ns: int) -> Terms:
        """One sigma by cause, of what was added since sources last agreed."""
        return self._at_lock.terms(self.age(base_ns) or 0.0)

    def take(self, base_ns: int, measurements: Sequence[Measurement]) -> Selection:
        """One round of measurements, taken within the last seconds before `base_ns`."""
        self.advance(base_ns)
        slack = COVER * self._filter.rate_sigma if self._begun else UNKNOWN_RATE
        candidates = []
        for item in measurements:
            drift = slack * abs(base_ns - item.base_ns) / NANO
            offset = (item.utc_ns - self._utc(item.base_ns)) / NANO
            candidates.append(
                Candidate(item.source, offset, math.hypot(item.noise, drift / 2), item.distance + drift)
            )
        selection = select(candidates)
        if selection.offset is None:
            return selection
        if not self._begun:
            self._restart(base_ns, selection)
        elif self._contradicts(selection):
            self._contradictions += 1
            self._doubt = max(self._doubt, abs(selection.offset))
            if self._contradictions >= PATIENCE:
                log.warning(
                    "the sources agree on another time than this clock; it is set anew by %.6f s",
                    selection.offset,
                )
                again = self._last_reset is not None and base_ns - self._last_reset < RESET_SECONDS * NANO
                self._last_reset = base_ns
                if again:
                    self._downgrade()
                self._filter = PhaseFilter(self._oscillator)
                self._restart(base_ns, selection)
        else:
            moved = max(item.moved for item in measurements if item.source in selection.survivors)
            self._accept(base_ns, selection, moved)
        return selection

    def advance(self, base_ns: int) -> None:
        """Let the model run on to `base_ns`."""
        elapsed = base_ns - self._anchor_base
        if elapsed <= 0:
            return
        if self._begun:
            self._filter.predict(elapsed / NANO)
        self._anchor_base = base_ns
        self._anchor_utc += elapsed
        self._fold()

    def lose(self) -> None:
        """The base was not counting for a while: the phase is unknown, the frequency remains."""
        self._begun, self._rounds = False, 0

    def _accept(self, base_ns: int, selection: Selection, moved: float) -> None:
        """Take the majority's offset. A way that changes must not look like a change of frequency."""
        assert selection.offset is not None  # noqa: S101 the caller has looked
        days = min((base_ns - self._last_good) / NANO / DAY, 1.0)
        self._filter.disturb(math.hypot(moved, WANDER * self._residual * math.sqrt(days)))
        gain = self._filter.update(selection.offset, selection.noise)
        self._residual += gain * (selection.half_width - self._residual)
        self._fold()
        self._note_good(base_ns)
        self._try_forecast(base_ns, selection)

    def _try_forecast(self, base_ns: int, selection: Selection) -> None:
        """Compare what the model of six hours ago would say now; too far off, the class is not kept."""
        trial = self._trial
        if trial is not None:
            seconds = (base_ns - trial.base_ns) / NANO
            if seconds < TRIAL_SECONDS:
                return
            said = trial.utc_ns + base_ns - trial.base_ns + round(trial.filter.phase_after(seconds) * NANO)
            sigma = trial.filter.sigma_after(seconds) + self._filter.sigma_after(0.0)
            allowed = trial.residual + self._residual + COVER * sigma
            if abs(said - self._utc(base_ns)) / NANO > allowed and self._downgrade():
                self._filter = PhaseFilter(self._oscillator)
                self._restart(base_ns, replace(selection, offset=0.0))
        self._trial = _Forecast(base_ns, self._utc(base_ns), self._filter.copy(), self._residual)

    def _downgrade(self) -> bool:
        """Count on the next worse class from now on; False when there is none."""
        order = sorted(CLASSES.values(), key=lambda item: item.temperature)
        worse = [item for item in order if item.temperature > self._oscillator.temperature]
        if not worse:
            return False
        log.warning(
            "this oscillator is worse than its class %s; it is treated as %s",
            self._oscillator.name,
            worse[0].name,
        )
        self._oscillator = worse[0]
        return True

    def _restart(self, base_ns: int, selection: Selection) -> None:
        assert selection.offset is not None  # noqa: S101 the caller has looked
        self._anchor_utc += round(selection.offset * NANO)
        self._filter.begin(selection.noise)
        self._residual = selection.half_width
        self._begun, self._rounds, self._trial = True, 0, None
        self._note_good(base_ns)

    def _note_good(self, base_ns: int) -> None:
        self._rounds += 1
        self._last_good = base_ns
        self._contradictions, self._doubt = 0, 0.0
        self._at_lock = self._filter.copy()

    def _contradicts(self, selection: Selection) -> bool:
        assert selection.offset is not None  # noqa: S101 the caller has looked
        sigma = math.hypot(self._filter.sigma_after(0.0), selection.noise)
        return abs(selection.offset) > GATE * sigma + self._residual + selection.half_width

    def _bound(self, seconds: float) -> float:
        return self._residual + self._doubt + COVER * self._filter.sigma_after(seconds)

    def _utc(self, base_ns: int) -> int:
        elapsed = base_ns - self._anchor_base
        correction = self._filter.phase_after(elapsed / NANO) if self._begun else 0.0
        return self._anchor_utc + elapsed + round(correction * NANO)

    def _fold(self) -> None:
        """Move whole nanoseconds of the phase into the anchor."""
        whole = round(self._filter.state[0] * NANO)
        self._anchor_utc += whole
        self._filter.state[0] -= whole / NANO
