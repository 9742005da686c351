"""R43, R85: states, bounds as of now, falsetickers, steps, and a time that never goes back."""

from __future__ import annotations

import random

import pytest

from server_stub.clock.discipline import ClockState, Discipline
from server_stub.clock.keeper import ClockKeeper
from server_stub.clock.measurement import Measurement
from server_stub.clock.oscillator import CLASSES
from server_stub.clock.packet import NANO
from tests.conftest import ExpectedWarnings

UTC = 1_795_305_600 * NANO
POLL = 64


class Counter:
    """A base that a test turns, and a system's clock beside it."""

    def __init__(self) -> None:
        self.value = 0
        self.asleep = 0

    def read(self) -> int:
        return self.value

    def slept(self) -> int:
        return self.asleep

    def run(self, seconds: float) -> None:
        self.value += round(seconds * NANO)


def told(counter: Counter, offset: float = 0.0, *names: str, ppm: float = 0.0) -> list[Measurement]:
    """What sources say whose UTC is the counter, `ppm` faster, plus `offset` seconds."""
    utc_ns = UTC + round(counter.value * (1 + ppm / 1e6)) + round(offset * NANO)
    return [Measurement(n, counter.value, utc_ns, 20e-6, 200e-6, stratum=1) for n in names or ("a", "b", "c")]


def make(oscillator: str = "pc", *, alarm: float = 1.0) -> tuple[Counter, ClockKeeper]:
    counter = Counter()
    discipline = Discipline(CLASSES[oscillator], stale_after=4 * POLL)
    return counter, ClockKeeper(discipline, base=counter, system=lambda: 5, alarm=alarm)


def lock(counter: Counter, keeper: ClockKeeper, rounds: int = 30, *, ppm: float = 0.0) -> None:
    for _ in range(rounds):
        keeper.take(told(counter, ppm=ppm))
        counter.run(POLL)
    keeper.take(told(counter, ppm=ppm))


def bound_of(keeper: ClockKeeper) -> float:
    bound = keeper.bound()
    assert bound is not None
    return bound


def error(counter: Counter, keeper: ClockKeeper, ppm: float = 0.0) -> float:
    return (keeper.read().utc_ns - (UTC + round(counter.value * (1 + ppm / 1e6)))) / NANO


def test_before_sources_agree_the_clock_runs_free() -> None:
    """The system's clock is shown, no bound is claimed."""
    counter, keeper = make()
    assert (keeper.read().utc_ns, keeper.bound(), keeper.read().state) == (5, None, ClockState.FREERUN)
    keeper.take(told(counter))
    counter.run(2)
    keeper.take(told(counter))
    assert keeper.bound() is None


def test_locked_the_time_and_its_rate_are_right() -> None:
    counter, keeper = make()
    lock(counter, keeper, ppm=37.0)
    reading = keeper.read()
    assert reading.state is ClockState.LOCKED
    assert abs(error(counter, keeper, 37.0)) < 20e-6
    assert keeper.standing().rate == pytest.approx(37e-6, abs=0.1e-6)
    counter.run(POLL / 2)
    assert abs(error(counter, keeper, 37.0)) < 20e-6
    assert 200e-6 < bound_of(keeper) < 400e-6


def test_without_sources_the_bound_grows_until_nothing_is_claimed(
    expected_warnings: ExpectedWarnings,
) -> None:
    """R85: LOCKED, HOLDOVER with a growing bound, FREERUN."""
    expected_warnings("penward.clock", "is HOLDOVER")
    expected_warnings("penward.clock", "may be off by")
    expected_warnings("penward.clock", "is FREERUN")
    counter, keeper = make("pc", alarm=0.01)
    lock(counter, keeper, 300)
    bounds = [bound_of(keeper)]
    for _ in range(500):
        counter.run(POLL)
        keeper.take([])
        bounds.append(bound_of(keeper))
    assert keeper.read().state is ClockState.HOLDOVER
    assert bounds == sorted(bounds)
    assert bounds[-1] > 5 * bounds[0]
    terms = keeper.standing().terms
    assert min(terms.frequency, terms.ageing, terms.temperature, terms.noise) > 0
    while keeper.bound() is not None:
        counter.run(20 * 86_400)
        keeper.take([])
    assert keeper.read().state is ClockState.FREERUN
    assert keeper.bound() is None


def test_the_bound_is_as_of_now_between_rounds() -> None:
    counter, keeper = make()
    lock(counter, keeper, 5)
    before = bound_of(keeper)
    counter.run(3600)
    assert bound_of(keeper) > before
    assert keeper.read().state is ClockState.HOLDOVER


def test_a_falseticker_does_not_move_the_clock() -> None:
    counter, keeper = make()
    lock(counter, keeper)
    for _ in range(20):
        counter.run(POLL)
        selection = keeper.take(told(counter, 0.0, "a", "b", "c") + told(counter, 0.7, "liar"))
        assert selection.falsetickers == ("liar",)
    assert abs(error(counter, keeper)) < 20e-6
    assert keeper.history()[-1].falsetickers == 1


def test_without_a_majority_the_clock_holds(expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.clock", "is HOLDOVER")
    counter, keeper = make()
    lock(counter, keeper)
    for _ in range(6):
        counter.run(POLL)
        keeper.take(told(counter, 0.0, "a") + told(counter, 0.7, "b"))
    assert keeper.read().state is ClockState.HOLDOVER
    assert abs(error(counter, keeper)) < 20e-6


def test_a_majority_that_insists_is_believed_and_doubt_is_told(expected_warnings: ExpectedWarnings) -> None:
    """Until the fourth contradiction the bound covers both times; then the clock is set anew."""
    expected_warnings("penward.clock", "set anew by 2.0")
    expected_warnings("penward.clock", "may be off by")
    expected_warnings("penward.clock", "is HOLDOVER")
    expected_warnings("penward.clock", "is FREERUN")
    counter, keeper = make()
    lock(counter, keeper)
    for _ in range(3):
        counter.run(POLL)
        keeper.take(told(counter, 2.0))
        assert bound_of(keeper) > 2.0
        assert abs(error(counter, keeper)) < 0.001
    for _ in range(4):
        counter.run(POLL)
        keeper.take(told(counter, 2.0))
    assert abs(error(counter, keeper) - 2.0) < 0.001
    assert bound_of(keeper) < 0.02


def test_issued_times_never_go_back(expected_warnings: ExpectedWarnings) -> None:
    """After a correction backwards the time stands, and the bound says how far it is ahead."""
    for pattern in ("set anew by -2.0", "may be off by", "is HOLDOVER", "is FREERUN"):
        expected_warnings("penward.clock", pattern)
    counter, keeper = make()
    lock(counter, keeper)
    issued = []
    for step in range(60):
        counter.run(0.1)
        if step % 5 == 0:
            keeper.take(told(counter, -2.0 if step >= 15 else 0.0))
        reading = keeper.read()
        if reading.bound is not None:
            issued.append(reading.utc_ns)
            true = UTC + counter.value + (-2 * NANO if step >= 15 else 0)
            assert abs(reading.utc_ns - true) / NANO <= reading.bound
    assert issued == sorted(issued)
    assert len(set(issued)) < len(issued)
    assert keeper.now().tzinfo is not None


def test_sleep_is_noticed(expected_warnings: ExpectedWarnings) -> None:
    """A counter that stood still knows the phase no longer."""
    expected_warnings("penward.clock", "slept for 30.0 s")
    counter, keeper = make()
    lock(counter, keeper)
    counter.asleep += 30 * NANO
    assert keeper.bound() is None


def test_random_walks_stay_inside_the_bound() -> None:
    """Noise of the promised size in every measurement: the bound holds the truth all the time."""
    randomness = random.Random(5)
    counter, keeper = make("tcxo")
    for _ in range(400):
        counter.run(POLL)
        keeper.take(
            [m for n in "abcd" for m in told(counter, randomness.gauss(0, 30e-6), n, ppm=0.4)],
        )
        if keeper.bound() is not None:
            assert abs(error(counter, keeper, 0.4)) <= bound_of(keeper)
