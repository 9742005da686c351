"""What is promised of an oscillator by its class: the figures that the holdover bound is computed from."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class OscillatorClass:
    """Fractional frequencies, without a unit unless one is named.

    `offset` is how far the frequency may be off at the start; `white` the Allan deviation of the white
    frequency noise at 1 s; `walk` that of the random walk of frequency at one day; `ageing` a day;
    `temperature` the amplitude of the daily swing and, again, of what the weather adds to it.
    """

    name: str
    offset: float
    white: float
    walk: float
    ageing: float
    temperature: float

    @property
    def white_density(self) -> float:
        """Growth of the phase variance by white frequency noise, s²/s."""
        return self.white**2

    @property
    def walk_density(self) -> float:
        """Growth of the frequency variance, 1/s: σ_y²(τ) = q τ / 3 for a random walk."""
        return 3 * self.walk**2 / DAY


CLASSES = {
    item.name: item
    for item in (
        OscillatorClass("pc", 5e-5, 1e-9, 3e-8, 5e-9, 5e-8 * 5),
        OscillatorClass("tcxo", 2e-6, 3e-10, 2e-9, 1e-9, 1e-8 * 3),
        OscillatorClass("ocxo", 1e-7, 2e-11, 3e-11, 1e-10, 1e-10 * 3),
        OscillatorClass("rb", 1e-9, 2e-11, 3e-12, 2e-12, 1e-12 * 3),
    )
}
