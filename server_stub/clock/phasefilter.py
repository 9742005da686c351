"""A Kalman filter over phase, frequency, ageing and temperature: what is known of the clock, and how well.

States: phase error x (s), frequency y, ageing d (1/s), the daily temperature swing as a rotating pair c, s,
and z, what the weather adds to it (first-order Gauss–Markov). The clock's rate is y + c + z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from server_stub.clock.oscillator import DAY, OscillatorClass

N = 6
X, Y, D, C, S, Z = range(N)
OMEGA = 2 * math.pi / DAY
WEATHER_SECONDS = 6 * 3600.0
MAX_STEP = 600.0

Matrix = list[list[float]]
Row = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """One sigma of the phase after an age without measurements, by cause, in seconds."""

    phase: float
    frequency: float
    ageing: float
    temperature: float
    noise: float


class PhaseFilter:
    """Starts with the class's promises as the only knowledge. Phase is relative to the owner's anchor."""

    def __init__(self, oscillator: OscillatorClass) -> None:
        self._class = oscillator
        self._daily = oscillator.temperature**2 / 2
        self._weather = oscillator.temperature**2 / 4
        self.state = [0.0] * N
        self.p: Matrix = [[0.0] * N for _ in range(N)]
        start = (1.0, oscillator.offset**2, (oscillator.ageing / DAY) ** 2, self._daily, self._daily)
        for index, variance in enumerate((*start, self._weather)):
            self.p[index][index] = variance

    @property
    def rate(self) -> float:
        """The fractional frequency by which UTC runs ahead of the base now."""
        return self.state[Y] + self.state[C] + self.state[Z]

    @property
    def rate_sigma(self) -> float:
        """One sigma of `rate`."""
        parts = (Y, C, Z)
        return math.sqrt(max(sum(self.p[i][j] for i in parts for j in parts), 0.0))

    def begin(self, sigma: float) -> None:
        """A first measurement, or a step: the phase is what was measured, known to `sigma` seconds."""
        self.state[X] = 0.0
        for index in range(N):
            self.p[X][index] = self.p[index][X] = 0.0
        self.p[X][X] = sigma**2

    def disturb(self, sigma: float) -> None:
        """What is measured as phase may have jumped by `sigma` (s); the frequency has not."""
        self.p[X][X] += sigma**2

    def predict(self, seconds: float) -> None:
        """Let time pass without a measurement."""
        while seconds > 0:
            step = min(seconds, MAX_STEP)
            self._predict(step)
            seconds -= step

    def update(self, residual: float, sigma: float) -> float:
        """Take a measured phase error (s) with its sigma; the gain on the phase is returned."""
        column = [self.p[index][X] for index in range(N)]
        total = column[X] + sigma**2
        gain = [value / total for value in column]
        innovation = residual - self.state[X]
        for i in range(N):
            self.state[i] += gain[i] * innovation
            row = self.p[i]
            for j in range(i, N):
                row[j] -= gain[i] * column[j]
                self.p[j][i] = row[j]
            row[i] = max(row[i], 0.0)
        return gain[X]

    def copy(self) -> PhaseFilter:
        """What is known now, kept while the original goes on."""
        twin = PhaseFilter(self._class)
        twin.state, twin.p = self.state[:], [row[:] for row in self.p]
        return twin

    def phase_after(self, seconds: float) -> float:
        """The phase (s) expected `seconds` from now; a little before now will do as well."""
        return sum(factor * self.state[index] for index, factor in _phase_row(seconds))

    def sigma_after(self, seconds: float) -> float:
        """One sigma of the phase `seconds` from now, for the short time between two steps."""
        row = _phase_row(seconds)
        variance = sum(a * b * self.p[i][j] for i, a in row for j, b in row)
        return math.sqrt(max(variance, 0.0) + self._noise(seconds))

    def terms(self, seconds: float) -> Terms:
        """What the sigma after `seconds` without measurements consists of (they are correlated)."""
        _, _, _, (_, c), (_, s), (_, z) = _phase_row(seconds)
        swing = c * c * self.p[C][C] + 2 * c * s * self.p[C][S] + s * s * self.p[S][S] + z * z * self.p[Z][Z]
        return Terms(
            phase=math.sqrt(self.p[X][X]),
            frequency=math.sqrt(self.p[Y][Y]) * seconds,
            ageing=math.sqrt(self.p[D][D]) * seconds**2 / 2,
            temperature=math.sqrt(max(swing, 0.0)),
            noise=math.sqrt(self._noise(seconds)),
        )

    def _noise(self, t: float) -> float:
        spec = self._class
        fade = t / WEATHER_SECONDS
        weather = 2 * self._weather * WEATHER_SECONDS**2
        # integrated Gauss–Markov noise that begins at zero (Gelb, Applied Optimal Estimation, §3.8)
        weather *= max(fade - 2 * -math.expm1(-fade) + -math.expm1(-2 * fade) / 2, 0.0)
        return spec.white_density * t + spec.walk_density * t**3 / 3 + weather

    def _predict(self, t: float) -> None:
        turn, fade = OMEGA * t, math.exp(-t / WEATHER_SECONDS)
        rows: tuple[Row, ...] = (
            _phase_row(t),
            ((Y, 1.0), (D, t)),
            ((D, 1.0),),
            ((C, math.cos(turn)), (S, math.sin(turn))),
            ((C, -math.sin(turn)), (S, math.cos(turn))),
            ((Z, fade),),
        )
        self.state = [sum(a * self.state[i] for i, a in row) for row in rows]
        half = [[sum(a * self.p[i][j] for i, a in row) for j in range(N)] for row in rows]
        p = [[sum(a * line[j] for j, a in row) for row in rows] for line in half]
        spec = self._class
        walk, weather = spec.walk_density, 2 * self._weather / WEATHER_SECONDS
        swing = 0.02 * self._daily * t / DAY  # no two days are alike
        p[X][X] += self._noise(t)
        p[Y][Y] += walk * t
        p[X][Y] += walk * t**2 / 2
        p[Y][X] += walk * t**2 / 2
        p[C][C] += swing
        p[S][S] += swing
        p[Z][Z] += self._weather * (1 - fade**2)
        p[X][Z] += weather * t**2 / 2
        p[Z][X] += weather * t**2 / 2
        self.p = p


def _phase_row(t: float) -> Row:
    """How the phase after `t` seconds hangs on the states now."""
    turn = OMEGA * t
    return (
        (X, 1.0),
        (Y, t),
        (D, t * t / 2),
        (C, math.sin(turn) / OMEGA),
        (S, (1 - math.cos(turn)) / OMEGA),
        (Z, WEATHER_SECONDS * -math.expm1(-t / WEATHER_SECONDS)),
    )
