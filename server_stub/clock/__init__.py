"""The hospital's clock: sources, discipline with a bound, SNTP for others, and a simulator to try it."""

from server_stub.clock.discipline import ClockState, Reading
from server_stub.clock.errors import ClockError
from server_stub.clock.keeper import ClockKeeper, TimeSource
from server_stub.clock.service import ClockPlan, ClockService

__all__ = ["ClockError", "ClockKeeper", "ClockPlan", "ClockService", "ClockState", "Reading", "TimeSource"]
