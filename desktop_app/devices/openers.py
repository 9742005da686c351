"""How each kind of pad is opened: `--pad stu`, `screen` or `sim`."""

from __future__ import annotations

from collections.abc import Callable

from desktop_app.devices.screen_pad import ScreenPad
from drivers.core.errors import DriverError
from drivers.core.pad import PenPad
from drivers.pads.stu import StuPad, open_first
from drivers.sim.strokes import signature
from drivers.sim.stu540 import SimulatedStu540
from drivers.transport.hid import HidBus
from drivers.transport.loopback import Loopback

KINDS = ("stu", "screen", "sim")


def open_stu() -> PenPad:
    """The first Wacom STU pad of this computer."""
    return open_first(HidBus())


class SimulatedPads:
    """Opens a simulated STU-540 again and again, as a real one would be, and writes on it.

    Attributes: `sim` is the device end, for tests and the demonstration.
    """

    def __init__(self, seed: int = 1, sim: SimulatedStu540 | None = None) -> None:
        self.sim = sim or SimulatedStu540()
        self._seed = seed

    def __call__(self) -> PenPad:
        """Open the pad; raises `DriverError` while it is unplugged."""
        return StuPad(Loopback(self.sim), serial="SIMULATED-540", simulated=True)

    def write(self, seed: int | None = None) -> None:
        """Let the simulated hand write a signature."""
        self.sim.write(signature(self._seed if seed is None else seed))


def opener(kind: str, seed: int, area: Callable[[], tuple[float, float]]) -> Callable[[], PenPad]:
    """The opener of a kind of pad; `area` gives the canvas's writing area in pixels.

    Raises:
        DriverError: `drivers.pad-option`.
    """
    if kind == "stu":
        return open_stu
    if kind == "sim":
        return SimulatedPads(seed)
    if kind == "screen":
        return lambda: ScreenPad(*area())
    raise DriverError("drivers.pad-option", option=kind)
