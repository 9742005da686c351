"""What one source said: an exchange of four time stamps, and the measurement that is made of it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from server_stub.clock.packet import NANO

MIN_NOISE = 5e-6  # two readings of the clock in one process are never closer than this, in seconds
WINDOW = 256
RECENT = 16


@dataclass(frozen=True, slots=True)
class Exchange:
    """T1 and T4 are read on the local base, T2 and T3 are the server's UTC; all in nanoseconds.

    `root_delay` and `root_dispersion` are what the server states of itself, in seconds.
    """

    t1: int
    t2: int
    t3: int
    t4: int
    root_delay: float = 0.0
    root_dispersion: float = 0.0
    stratum: int = 1

    @property
    def delay(self) -> float:
        """The time on the way there and back, in seconds: (T4 − T1) − (T3 − T2)."""
        return ((self.t4 - self.t1) - (self.t3 - self.t2)) / NANO

    @property
    def offset_ns(self) -> int:
        """UTC minus the local base, in nanoseconds: ((T2 − T1) + (T3 − T4)) / 2."""
        return ((self.t2 - self.t1) + (self.t3 - self.t4)) // 2


@dataclass(frozen=True, slots=True)
class Measurement:
    """At `base_ns` on the local base it was `utc_ns`, says `source`.

    `noise` is one sigma of what is random in it, `distance` the half-width of the interval that must hold
    the truth if the source is right; both in seconds. `moved` is by how much the way's lopsidedness may have
    changed since the measurement before.
    """

    source: str
    base_ns: int
    utc_ns: int
    noise: float
    distance: float
    delay: float = 0.0
    stratum: int = 0
    root_delay: float = 0.0
    moved: float = 0.0


class DelayFilter:
    """Trusts an exchange the less, the longer it took compared with the quickest of the last 256.

    Half of a round trip bounds the error that a lopsided way can make, whatever the network does. When none
    of the last 16 was as quick as most were before, the packets take another way.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._delays: deque[float] = deque(maxlen=WINDOW)
        self._recent: deque[float] = deque(maxlen=RECENT)

    def take(self, exchange: Exchange) -> Measurement:
        """The measurement of one exchange whose packet was found fit."""
        delay = max(exchange.delay, 0.0)
        moved = self._note(delay)
        seen = len(self._delays)
        excess = delay - min(self._delays) + delay / seen  # the quickest of a few may still have queued
        root = exchange.root_delay / 2 + exchange.root_dispersion
        middle = (exchange.t1 + exchange.t4) // 2
        return Measurement(
            source=self._source,
            base_ns=middle,
            utc_ns=middle + exchange.offset_ns,
            noise=math.hypot(MIN_NOISE + delay / 100, excess / 2),
            distance=delay / 2 + root + MIN_NOISE,
            delay=delay,
            stratum=exchange.stratum,
            root_delay=exchange.root_delay + delay,
            moved=moved,
        )

    def _note(self, delay: float) -> float:
        """Remember a delay; half of what the way has become longer or shorter, when it is another."""
        moved = 0.0
        self._recent.append(delay)
        if len(self._delays) >= 2 * RECENT:
            before, now = min(self._delays), min(self._recent)
            usual = sorted(self._delays)[len(self._delays) * 3 // 5]
            if now > usual + MIN_NOISE:
                self._delays = deque(self._recent, WINDOW)
                return (now - before) / 2
            if delay < before - (usual - before) - 2e-5:  # shorter by more than queues explain
                self._delays.clear()
                moved = (before - delay) / 2
        self._delays.append(delay)
        return moved
