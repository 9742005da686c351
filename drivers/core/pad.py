"""What a window knows of a signature pad: a device description, batches of samples, things that happened."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from signing.ink import InkDevice, Sample


class PadEventKind(enum.Enum):
    """Something about the ink that a person must be told or that the log keeps."""

    REPORT_LOST = "report-lost"
    REPORT_DUPLICATE = "report-duplicate"
    REPORT_MALFORMED = "report-malformed"
    QUEUE_OVERFLOW = "queue-overflow"
    UNPLUGGED = "unplugged"


@dataclass(frozen=True, slots=True)
class PadEvent:
    """One such thing. `code` is a message of the `drivers` catalogue and `params` fill its sentence.

    `spoils_ink` says that the signature in progress is incomplete and must be written again. A pad
    that was unplugged spoils nothing by itself: what was written counts if the pen had been lifted.
    """

    kind: PadEventKind
    code: str
    params: Mapping[str, object] = field(default_factory=dict)
    spoils_ink: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """The pad's own display in pixels; `colour` is False for black and white."""

    width: int
    height: int
    colour: bool


class PenPad(Protocol):
    """A pad that is open. All methods are called from one thread; `on_ready` comes from another."""

    @property
    def device(self) -> InkDevice:
        """Model, serial number, ranges and rate, as the device itself told them."""

    @property
    def screen(self) -> Screen | None:
        """Its own display, None when it has none."""

    def start(self, on_ready: Callable[[], None]) -> None:
        """Begin to deliver samples; `on_ready` wakes the consumer, who then calls `drain`."""

    def drain(self) -> tuple[list[Sample], list[PadEvent]]:
        """The samples and events since the last call, in order."""

    def show(self, rgb: bytes) -> None:
        """Put a picture on the pad's display: `screen.width × screen.height` pixels of 3 bytes."""

    def clear(self) -> None:
        """Take the ink off the pad's own display; the picture stays."""

    def stop(self) -> None:
        """No more samples; the pad's display goes back to rest. Never raises for a device that is gone."""

    def close(self) -> None:
        """Give the device back. May be called twice."""
