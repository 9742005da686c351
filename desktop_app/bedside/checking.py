"""Is the document that came back really signed? The station looks for itself before it says so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from desktop_app.bedside.model import Signing, SigningResult
from desktop_app.errors import DesktopError
from signing.pki import Certificate
from signing.verdict import FileVerdict, Outcome, SignatureVerdict
from signing.wire import OFD_MEDIA_TYPE

LOG = logging.getLogger("penward.desktop")
Verify = Callable[[str, bytes, Sequence[Certificate]], FileVerdict]


class LocalChecker:
    """`SignedChecker` with the hospital's pinned roots as the only anchors."""

    def __init__(self, verify: Verify, roots: Sequence[Certificate]) -> None:
        self._verify = verify
        self._roots = roots

    def check(self, signing: Signing, signed: bytes) -> SigningResult:
        """See `SignedChecker`: the last signature must be valid, earlier ones as they were."""
        name = "signed.ofd" if signing.task.media_type == OFD_MEDIA_TYPE else "signed.pdf"
        before = self._verify(name, signing.document, self._roots)
        verdict = self._verify(name, signed, self._roots)
        newest = max(verdict.signatures, key=lambda signature: signature.number, default=None)
        changed = [
            old.number
            for old in before.signatures
            if _outcome(verdict, old) != old.outcome and _outcome(verdict, old) >= Outcome.UNDECIDED
        ]
        if (
            newest is None
            or len(verdict.signatures) <= len(before.signatures)
            or newest.outcome >= Outcome.UNDECIDED
            or changed
            or any(c.outcome is Outcome.FAIL for c in verdict.checks)
        ):
            LOG.error("the signed document does not verify: %s", [c.text("en") for c in verdict.all_checks()])
            raise DesktopError("desktop.signed-not-valid")
        return SigningResult(signing.task, signing.signer, signed, verdict, newest, simulated_parts(signing))


def _outcome(verdict: FileVerdict, old: SignatureVerdict) -> Outcome:
    for signature in verdict.signatures:
        if signature.number == old.number:
            return signature.outcome
    return Outcome.FAIL


def simulated_parts(signing: Signing) -> tuple[str, ...]:
    """Message codes of the stand-ins that took part."""
    found = []
    capture = signing.capture
    if capture is not None and capture.device is not None and capture.device.simulated:
        found.append("desktop.simulated-pad")
    if signing.photo is not None and signing.photo.simulated:
        found.append("desktop.simulated-photo")
    return tuple(found)
