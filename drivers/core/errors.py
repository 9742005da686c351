"""The one error of the drivers: each code has a sentence in the `drivers` catalogue."""

from __future__ import annotations

from signing.verdict import PenwardError


class DriverError(PenwardError):
    """A device could not do what was asked. `code` is `drivers.<name>`."""

    @property
    def gone(self) -> bool:
        """Whether the device is no longer there, so that waiting for it to be plugged in again helps."""
        return self.code in ("drivers.device-gone", "drivers.pad-unplugged")
