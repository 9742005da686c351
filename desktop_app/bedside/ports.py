"""What the flow needs from outside, as interfaces: work in the background, pads, camera, evidence, checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from desktop_app.bedside.model import Signing, SigningResult
from desktop_app.bedside.steps import Step
from drivers.core.pad import PenPad
from signing.verdict import PenwardError
from signing.wire import Challenge

T = TypeVar("T")


class Runner(Protocol):
    """Runs a job elsewhere and reports in the thread of the flow."""

    def run(
        self, job: Callable[[], T], done: Callable[[T], None], failed: Callable[[PenwardError], None]
    ) -> None:
        """Start `job`; then either `done` with its result or `failed` with its documented error."""


class PadOpener(Protocol):
    """Finds and opens the pad that this station uses. Raises `DriverError`."""

    def __call__(self) -> PenPad: ...


class EvidenceMaker(Protocol):
    """Makes the sealed evidence package of a signing."""

    def check_document(self, signing: Signing, challenge: Challenge) -> None:
        """Raise `desktop.document-differs` when the challenge is not for the document that is shown."""

    def package(self, signing: Signing, challenge: Challenge) -> bytes:
        """Manifest, station signature and blobs, sealed to the server's checked encryption certificate."""


class SignedChecker(Protocol):
    """Checks a signed document on this station."""

    def check(self, signing: Signing, signed: bytes) -> SigningResult:
        """Raise `desktop.signed-not-valid` unless the new signature is valid and earlier ones unchanged."""


class Prompt(Protocol):
    """Draws what a pad's own display shows."""

    def __call__(self, signing: Signing, width: int, height: int) -> bytes:
        """RGB bytes, `width × height × 3`."""


class View(Protocol):
    """Whoever shows the flow."""

    def show_step(self, step: Step) -> None:
        """The step has changed, or what belongs to it."""

    def show_notice(self, error: PenwardError) -> None:
        """One sentence for the person; the flow goes on."""

    def ink_changed(self, begun: bool) -> None:
        """New samples of the capture; `begun`: a new attempt began, what is shown must go."""
