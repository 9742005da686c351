"""Pad and ink of the signing in progress: opens the pad, takes its samples, says when Confirm is allowed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from desktop_app.bedside.capture import Capture
from desktop_app.bedside.model import Signing
from desktop_app.bedside.ports import PadOpener, Prompt
from drivers.core.pad import PadEvent, PadEventKind, PenPad
from signing.ink import InkDevice, InkRecord, Sample
from signing.verdict import PenwardError

LOG = logging.getLogger("penward.desktop")


@dataclass(frozen=True, slots=True)
class Update:
    """What one pump brought. `changed`: buttons or status may look different now."""

    samples: list[Sample]
    events: list[PadEvent]
    begun: bool
    changed: bool


class SigningDesk:
    """Holds the open pad and the capture. `poke` may be called from any thread: it asks for `Flow.pump`."""

    def __init__(self, opener: PadOpener, prompt: Prompt, poke: Callable[[], None]) -> None:
        self._opener = opener
        self._prompt = prompt
        self.poke = poke
        self._pad: PenPad | None = None
        self._opened: PenPad | None = None
        self._capture: Capture | None = None
        self._signing: Signing | None = None
        self._state: tuple[object, ...] = ()
        self._told: PenwardError | None = None

    @property
    def connected(self) -> bool:
        """Whether a pad delivers samples."""
        return self._pad is not None

    @property
    def device(self) -> InkDevice | None:
        """The pad in use."""
        return self._pad.device if self._pad is not None else None

    @property
    def pad(self) -> PenPad | None:
        """The open pad itself."""
        return self._pad

    @property
    def capture(self) -> Capture | None:
        """The signature in progress."""
        return self._capture

    @property
    def may_confirm(self) -> bool:
        """There is ink, none is missing, the pen is lifted, and the journal is on disk."""
        capture, signing = self._capture, self._signing
        return (
            capture is not None
            and signing is not None
            and signing.journal is not None
            and capture.has_ink
            and not capture.in_contact
            and signing.journal.synced
            and capture.whole
        )

    @property
    def spoiled(self) -> bool:
        """There is ink, the pen is lifted, and a part of it is missing."""
        capture = self._capture
        return capture is not None and capture.has_ink and not capture.in_contact and not capture.whole

    def begin(self, signing: Signing) -> None:
        """Start with the ink that `signing` has already, or with none."""
        assert signing.journal is not None  # noqa: S101  the flow makes it first
        if signing.capture is None:
            signing.capture = Capture(signing.journal)
        self._signing, self._capture = signing, signing.capture
        self._state = ()

    def restore(self, signing: Signing, ink: InkRecord | None) -> None:
        """Put ink of an interrupted signing into the new journal and the capture."""
        assert signing.journal is not None  # noqa: S101
        signing.capture = Capture(signing.journal, restored=ink)

    def open_pad(self, signing: Signing) -> None:
        """Open the pad and show it what is to be signed; may run in any thread. Raises `DriverError`."""
        pad = self._opener()
        try:
            screen = pad.screen
            if screen is not None:
                pad.show(self._prompt(signing, screen.width, screen.height))
        except PenwardError:
            pad.close()
            raise
        self._opened = pad

    def start_pad(self) -> None:
        """Begin to take samples from the pad that `open_pad` opened."""
        pad, self._opened = self._opened, None
        if pad is None:
            return
        try:
            pad.start(self.poke)
        except PenwardError:
            pad.close()
            raise
        self._pad = pad

    def pump(self) -> Update:
        """Take what the pad has delivered."""
        pad, capture = self._pad, self._capture
        samples: list[Sample] = []
        events: list[PadEvent] = []
        begun = False
        if pad is not None and capture is not None:
            samples, events = pad.drain()
            if samples:
                begun = capture.add(pad.device, samples)
            if any(event.kind is PadEventKind.UNPLUGGED for event in events):
                capture.detach()
                self._pad = None
                pad.close()
        signing = self._signing
        failure = signing.journal.failure if signing is not None and signing.journal is not None else None
        if failure is not None and failure is not self._told:
            events.append(PadEvent(PadEventKind.QUEUE_OVERFLOW, failure.code, failure.params, True))
        self._told = failure
        state = (self.connected, self.may_confirm, self.spoiled, capture is not None and capture.has_ink)
        changed, self._state = state != self._state, state
        return Update(samples, events, begun, changed)

    def clear(self) -> None:
        """Wipe the ink here and on the pad's display."""
        if self._pad is not None:
            self._pad.drain()
        if self._capture is not None:
            self._capture.clear()
        if self._pad is not None:
            try:
                self._pad.clear()
            except PenwardError as error:
                LOG.info("pad was not cleared: %s", error)

    def stop(self) -> None:
        """Give the pad back; the capture stays with its signing."""
        for pad in (self._pad, self._opened):
            if pad is not None:
                pad.close()
        self._pad = self._opened = None
        self._signing = self._capture = None
