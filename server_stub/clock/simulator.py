"""Oscillators and networks that exist only as numbers, to try the clock over days in seconds.

The same `DelayFilter`, `select` and `Discipline` run as in the server; only the counter, the sources and
the packets' ways are made up. Everything follows from the seed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from server_stub.clock.discipline import ClockState, Discipline
from server_stub.clock.measurement import DelayFilter, Exchange, Measurement
from server_stub.clock.oscillator import CLASSES, DAY, OscillatorClass
from server_stub.clock.packet import NANO

HOUR = 3600.0
START_UTC = 1_795_305_600 * NANO
POLL = 64.0


@dataclass(frozen=True, slots=True)
class Network:
    """The way to each of `sources` servers, in seconds.

    `delay` is that there and back without queues, `jitter` the mean of the exponential queue on the way there
    (half of it on the way back); `lopsided` is added to the way there alone, from the hour
    `lopsided_from` on; `loss` is the share of lost packets, `lie` what one of the servers is wrong by.
    """

    sources: int = 4
    delay: float = 0.3e-3
    jitter: float = 0.2e-3
    lopsided: float = 0.0
    lopsided_from: float = 0.0
    loss: float = 0.01
    lie: float = 0.0


class Oscillator:
    """A crystal that keeps its class's promise: each figure is drawn between nothing and what is promised.

    Its time runs by `1 + y`: offset, ageing, random walk, a daily swing of temperature and the weather.
    """

    def __init__(self, promise: OscillatorClass, random_: random.Random) -> None:
        self._promise = promise
        self._random = random_
        self._frequency = random_.uniform(-1, 1) * promise.offset
        self._ageing = random_.uniform(-1, 1) * promise.ageing / DAY
        self._swing = random_.uniform(0.3, 1) * promise.temperature
        self._phase = random_.uniform(0, 2 * math.pi)
        self._weather_sigma = random_.uniform(0.1, 0.5) * promise.temperature
        self._weather = random_.gauss(0, self._weather_sigma)
        self.seconds = 0.0

    def step(self, t: float) -> float:
        """Let `t` true seconds pass; how many seconds the oscillator's counter gains on them."""
        promise, gauss = self._promise, self._random.gauss
        now, turn = self.seconds, 2 * math.pi / DAY
        swing = (
            self._swing
            / turn
            * (math.cos(turn * now + self._phase) - math.cos(turn * (now + t) + self._phase))
        )
        gained = self._frequency * t + self._ageing * t * t / 2 + swing + self._weather * t
        gained += gauss(0, math.sqrt(promise.white_density * t))
        # the walk's own share of the phase within the step, correlated with its end (Zucca & Tavella 2005)
        walk = gauss(0, math.sqrt(promise.walk_density * t))
        gained += walk * t / 2 + gauss(0, math.sqrt(promise.walk_density * t**3 / 12))
        fade = math.exp(-t / (3 * HOUR))
        self._frequency += self._ageing * t + walk
        self._weather = fade * self._weather + gauss(0, self._weather_sigma * math.sqrt(1 - fade**2))
        self.seconds += t
        return gained


@dataclass(frozen=True, slots=True)
class Point:
    """One moment: hours since the sources went away (negative before), true error and claimed bound (s)."""

    hours: float
    error: float
    bound: float | None
    state: ClockState


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one class. `points` begin with the first bound that was claimed."""

    oscillator: str
    seed: int
    points: tuple[Point, ...]

    @property
    def held(self) -> tuple[Point, ...]:
        """The points after the sources went away."""
        return tuple(point for point in self.points if point.hours > 0)

    @property
    def largest_error(self) -> float:
        """The largest true error in holdover, in seconds."""
        return max((abs(point.error) for point in self.held), default=0.0)

    @property
    def largest_bound(self) -> float:
        """The largest bound claimed in holdover, in seconds; infinite when at some moment there was none."""
        return max((math.inf if p.bound is None else p.bound for p in self.held), default=0.0)

    @property
    def error_at_loss(self) -> float:
        """The true error when the sources went away."""
        before = [point for point in self.points if point.hours <= 0]
        return abs(before[-1].error) if before else math.nan

    @property
    def bound_at_loss(self) -> float:
        """The claimed bound when the sources went away."""
        before = [point.bound for point in self.points if point.hours <= 0 and point.bound is not None]
        return before[-1] if before else math.inf

    def covered(self) -> tuple[int, int]:
        """(moments at which the bound held the error, moments at which a bound was claimed)."""
        claimed = [point for point in self.points if point.bound is not None]
        good = sum(1 for p in claimed if p.bound is not None and abs(p.error) <= p.bound)
        return good, len(claimed)


def simulate(
    oscillator: str,
    *,
    hours: float = 72.0,
    training: float = 24.0,
    seed: int = 1,
    network: Network | None = None,
    claimed: str | None = None,
) -> Run:
    """`training` hours with sources, then `hours` without any, a round each 64 s.

    `claimed` is the class that the clock is told, when it is not the oscillator's own.

    Raises:
        KeyError: no such class.
    """
    promise = CLASSES[oscillator]
    random_ = random.Random(f"{oscillator}/{seed}")  # noqa: S311 a simulation, nothing secret
    world = _World(promise, network or Network(), random_)
    discipline = Discipline(CLASSES[claimed or oscillator], stale_after=4 * POLL)
    points: list[Point] = []
    for elapsed in world.rounds((training + hours) * HOUR):
        base_ns = world.base_ns
        if elapsed <= training * HOUR:
            discipline.take(base_ns, world.measure())
        else:
            discipline.advance(base_ns)
        reading = discipline.read(base_ns)
        if reading.bound is None and not points:
            continue
        error = (reading.utc_ns - world.true_ns) / NANO
        points.append(Point((elapsed - training * HOUR) / HOUR, error, reading.bound, reading.state))
    return Run(oscillator, seed, tuple(points))


class _World:
    """True time, the oscillator's counter, and servers behind a network."""

    def __init__(self, promise: OscillatorClass, network: Network, random_: random.Random) -> None:
        self._oscillator = Oscillator(promise, random_)
        self._network = network
        self._random = random_
        self._gained = 0.0
        self._filters = [DelayFilter(f"source-{number}") for number in range(network.sources)]
        self._elapsed_ns = 0

    @property
    def true_ns(self) -> int:
        """UTC, nanoseconds since 1970."""
        return START_UTC + self._elapsed_ns

    @property
    def base_ns(self) -> int:
        """The counter under the clock."""
        return self._elapsed_ns + round(self._gained * NANO)

    def rounds(self, seconds: float) -> Iterator[float]:
        """Elapsed seconds at each round; the first few come quickly, as in the server."""
        elapsed = 0.0
        while elapsed < seconds:
            step = 2.0 if elapsed < 8 else POLL
            self._gained += self._oscillator.step(step)
            elapsed += step
            self._elapsed_ns = round(elapsed * NANO)
            yield elapsed

    def measure(self) -> list[Measurement]:
        """What the servers answered in this round: every exchange ends at this very moment."""
        found = []
        net, queue = self._network, self._random.expovariate
        lopsided = net.lopsided if self._elapsed_ns >= net.lopsided_from * HOUR * NANO else 0.0
        for number, delays in enumerate(self._filters):
            there = net.delay / 2 + lopsided + (queue(1 / net.jitter) if net.jitter else 0.0)
            back = net.delay / 2 + (queue(2 / net.jitter) if net.jitter else 0.0)
            if self._random.random() < net.loss:
                continue
            lie = net.lie if number == 0 else 0.0
            arrived = self.true_ns - round((back - lie) * NANO)
            sent = self.base_ns - round((there + back) * NANO)
            found.append(delays.take(Exchange(sent, arrived, arrived, self.base_ns, 0.0, 20e-6)))
        return found
