"""The parts of the flow that wait for server or disk; they run in the background and touch no window."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from desktop_app.bedside import unfinished as records
from desktop_app.bedside.model import Signing, SigningResult, Unfinished, next_signer
from desktop_app.bedside.ports import EvidenceMaker, Runner, SignedChecker
from desktop_app.bedside.reading import ReadingLog
from desktop_app.bedside.signing_desk import SigningDesk
from desktop_app.errors import DesktopError, ServerRefused
from desktop_app.offline.journal import JournalFolder, remove
from desktop_app.server import StationServer
from drivers.camera import CameraSource, Still, take_still
from signing.sm import sm3
from signing.verdict import PenwardError
from signing.wire import Challenge, Checkpoint, SignerState, Task, TaskState

CHALLENGE_MARGIN = timedelta(seconds=30)
OPEN_STATES = frozenset({TaskState.PENDING, TaskState.OFFERED, TaskState.SIGNING})


@dataclass(frozen=True, slots=True)
class Equipment:
    """What the flow works with. `keep_checkpoint` refuses an inconsistent checkpoint of the server.

    `page_count` counts the pages of a document; `camera` is None where the station has none.
    """

    server: StationServer
    journals: JournalFolder
    desk: SigningDesk
    evidence: EvidenceMaker
    checker: SignedChecker
    camera: CameraSource | None
    keep_checkpoint: Callable[[Checkpoint | None], None]
    page_count: Callable[[Task, bytes], int]
    runner: Runner
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000


class Jobs:
    """What `Flow` has done in the background. Every method may raise any documented error."""

    def __init__(self, equipment: Equipment) -> None:
        self._eq = equipment

    def load(self, task_id: str) -> Signing:
        """Fetch a task and its document, and see that they belong together."""
        task = self._eq.server.task(task_id)
        signer = next_signer(task)
        if task.state not in OPEN_STATES or signer is None:
            raise DesktopError("desktop.task-closed", title=task.title)
        document = self._eq.server.document(task_id)
        if sm3(document) != task.document_sm3:
            raise DesktopError("desktop.document-differs")
        pages = self._eq.page_count(task, document)
        return Signing(task, signer, document, self._reading_log(pages))

    def challenge(self, signing: Signing) -> Challenge:
        """Fetch a challenge; it must be for this signer and for what is shown."""
        challenge = self._eq.server.challenge(signing.task.id)
        self._eq.keep_checkpoint(challenge.checkpoint)
        if challenge.signer_index != signing.signer.index:
            raise DesktopError("desktop.task-moved-on")
        self._eq.evidence.check_document(signing, challenge)
        return challenge

    def submit(self, signing: Signing) -> SigningResult:
        """Send the evidence, fetch the signed document, check it."""
        if signing.sealed is not None:
            done = self._already_signed(signing)
            if done is not None:
                return done
        challenge = signing.challenge
        if challenge is None or challenge.expires_at - CHALLENGE_MARGIN < self._eq.now():
            challenge = signing.challenge = self.challenge(signing)
            signing.sealed = None
        if signing.sealed is None:
            signing.sealed = self._eq.evidence.package(signing, challenge)
        try:
            reply = self._eq.server.upload(signing.task.id, signing.sealed)
        except ServerRefused:
            signing.challenge = signing.sealed = None  # the next try answers a fresh challenge
            raise
        signed = self._eq.server.signed(signing.task.id)
        if sm3(signed) != reply.document_sm3:
            raise DesktopError("desktop.signed-not-valid")
        result = self._eq.checker.check(signing, signed)
        self._eq.keep_checkpoint(reply.checkpoint)
        return result

    def _already_signed(self, signing: Signing) -> SigningResult | None:
        """When an answer was lost on the way: is this signer's signature there already?"""
        task = self._eq.server.task(signing.task.id)
        signer = task.signers[signing.signer.index]
        if signer.state is not SignerState.SIGNED:
            return None
        return self._eq.checker.check(signing, self._eq.server.signed(task.id))

    def restore(self, item: Unfinished) -> Signing | SigningResult:
        """An interrupted signing as it was, or its result when it had gone through."""
        task = self._eq.server.task(item.task_id)
        if item.signer_index >= len(task.signers):
            raise DesktopError("desktop.task-closed", title=item.title)
        signer = task.signers[item.signer_index]
        document = self._eq.server.document(item.task_id)
        pages = self._eq.page_count(task, document)
        signing = Signing(task, signer, document, self._reading_log(pages), resumed=True)
        if signer.state is SignerState.SIGNED:
            result = self._eq.checker.check(signing, self._eq.server.signed(task.id))
            remove(item.stored.path)
            return result
        if task.state not in OPEN_STATES or next_signer(task) != signer:
            raise DesktopError("desktop.task-closed", title=item.title)
        if sm3(document) != item.document_sm3:
            raise DesktopError("desktop.document-differs")
        signing.challenge = self.challenge(signing)
        signing.reading_entries = item.reading
        signing.photo = item.photo
        signing.confirmed = item.confirmed and not item.incomplete
        journal = signing.journal = self._eq.journals.begin(self._eq.desk.poke)
        try:
            records.write_start(journal, signing, item.started_at)
            self._eq.desk.restore(signing, item.ink)
            if signing.confirmed:
                records.write_confirmed(journal, signing)
            if signing.photo is not None:
                records.write_photo(journal, signing.photo)
            journal.flush()
        except PenwardError:
            journal.discard()
            raise
        remove(item.stored.path)
        return signing

    def _reading_log(self, pages: int) -> ReadingLog:
        return ReadingLog(pages, self._eq.monotonic_ms, lambda: int(self._eq.now().timestamp() * 1e6))


def photograph(camera: CameraSource) -> Still:
    """One picture; the camera is closed after it."""
    camera.open()
    try:
        return take_still(camera)
    finally:
        camera.close()
