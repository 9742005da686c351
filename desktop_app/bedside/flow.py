"""The bedside flow: one explicit state machine from the task list to the signed document. No window.

All methods are called in one thread; work that waits (server, pad, disk) goes through a `Runner`.
Whatever fails becomes one notice, and the flow stands in a step from which a person can go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from desktop_app.bedside import unfinished as records
from desktop_app.bedside.jobs import OPEN_STATES, Equipment, Jobs, photograph
from desktop_app.bedside.model import Signing, SigningResult, Unfinished, next_signer
from desktop_app.bedside.ports import View
from desktop_app.bedside.signing_desk import SigningDesk
from desktop_app.bedside.steps import FOLLOWS, Role, Step, role_of
from desktop_app.errors import DesktopError
from desktop_app.offline.journal import remove
from drivers.camera import CameraSource, Still
from signing.verdict import PenwardError
from signing.wire import Challenge, Task, format_time

LOG = logging.getLogger("penward.desktop")


class Flow:
    """The flow. Attributes: `step`, `tasks`, `unfinished`, `signing` (None in the list), `result`,
    `still` (the photo that was taken and not yet used), `busy` (something runs in the background)."""

    def __init__(self, equipment: Equipment, view: View) -> None:
        self._eq = equipment
        self._jobs = Jobs(equipment)
        self._view = view
        self._turn = 0
        self.step = Step.LIST
        self.tasks: list[Task] = []
        self.loaded = False
        self.unfinished: list[Unfinished] = []
        self.signing: Signing | None = None
        self.result: SigningResult | None = None
        self.still: Still | None = None
        self.busy = False
        self.upload_error: PenwardError | None = None

    @property
    def role(self) -> Role:
        """Who acts now."""
        return role_of(self.step)

    @property
    def desk(self) -> SigningDesk:
        """Pad and ink."""
        return self._eq.desk

    # The list

    def start(self) -> None:
        """Read what was left behind, then the ward's tasks."""
        self._find_unfinished()
        self.refresh()

    def refresh(self) -> None:
        """Fetch the ward's tasks again; harmless in any step."""
        self._eq.runner.run(self._eq.server.tasks, self._listed, self._list_failed)

    def _listed(self, tasks: list[Task]) -> None:
        self.loaded = True
        self.tasks = [t for t in tasks if t.state in OPEN_STATES and next_signer(t) is not None]
        if self.step is Step.LIST:
            self._view.show_step(self.step)

    def _list_failed(self, error: PenwardError) -> None:
        if self.step is Step.LIST:
            self._view.show_notice(error)

    def choose(self, task_id: str) -> None:
        """The nurse opens a task."""
        self._go(Step.LOADING)
        self._background(lambda: self._jobs.load(task_id), self._loaded, self._back_to_list)

    def _loaded(self, signing: Signing) -> None:
        self.signing = signing
        self._go(Step.REVIEW)

    def back_to_list(self) -> None:
        """Leave the task; what was written stays in the journal until it is discarded."""
        signing = self.signing
        self._end_signing(keep=signing is not None and (signing.confirmed or signing.resumed))
        self._to_list()

    # Hand-over and reading

    def hand_over(self) -> None:
        """The nurse hands the screen to the signer: the server's challenge is fetched first."""
        signing = self._current()
        self._go(Step.LOADING)
        self._background(lambda: self._jobs.challenge(signing), self._challenged, self._back_to_review)

    def _challenged(self, challenge: Challenge) -> None:
        self._current().challenge = challenge
        self._go(Step.HAND_OVER)

    def take_over(self) -> None:
        """The signer has the screen; an interrupted signing goes on where it stopped."""
        signing = self._current()
        if not signing.resumed:
            self._go(Step.READING)
        elif signing.confirmed:
            self._after_confirm()
        else:
            self._begin_signing()

    def return_to_nurse(self) -> None:
        """The signer does not go on; nothing is signed."""
        self._end_signing(keep=False)
        self._go(Step.REVIEW)

    @property
    def may_sign(self) -> bool:
        """Whether all pages were shown and the least reading time has passed."""
        signing = self.signing
        if signing is None:
            return False
        needed = signing.task.policy.reading_seconds * 1000
        return signing.reading.all_pages_seen and signing.reading.total_ms() >= needed

    def finish_reading(self) -> None:
        """The signer has read and goes on to sign."""
        signing = self._current()
        signing.reading.view(frozenset())
        signing.reading_entries = signing.reading.entries
        self._begin_signing()

    def read_again(self) -> None:
        """Back to the document; the ink of this attempt is wiped, the attempt stays in the journal."""
        self.desk.clear()
        self.desk.stop()
        self._go(Step.READING)

    # Signing

    def _begin_signing(self) -> None:
        signing = self._current()
        try:
            if signing.journal is None:
                signing.journal = self._eq.journals.begin(self.desk.poke)
                records.write_start(signing.journal, signing, format_time(self._eq.now()))
        except DesktopError as error:
            self._view.show_notice(error)
            return
        self.desk.begin(signing)
        self._go(Step.SIGNING)
        self._connect_pad()

    def _connect_pad(self) -> None:
        signing = self._current()
        self._background(
            lambda: self.desk.open_pad(signing), lambda _: self._pad_open(), self._view.show_notice
        )

    def _pad_open(self) -> None:
        try:
            self.desk.start_pad()
        except PenwardError as error:
            self._view.show_notice(error)
        self._view.show_step(self.step)

    def reconnect_pad(self) -> None:
        """Try to open the pad again after it was missing or unplugged; does nothing while one is open."""
        if self.step is Step.SIGNING and not self.desk.connected and not self.busy:
            self._connect_pad()

    def pump(self) -> None:
        """Fetch what the pad delivered and see what the journal says; called when the desk was poked."""
        if self.step is not Step.SIGNING:
            return
        update = self.desk.pump()
        for event in update.events:
            self._view.show_notice(DesktopError(event.code, **event.params))
        if update.samples or update.begun:
            self._view.ink_changed(update.begun)
        if update.changed:
            self._view.show_step(self.step)

    def clear(self) -> None:
        """Wipe what was written."""
        if self.step is Step.SIGNING:
            self.desk.clear()
            self._view.ink_changed(True)
            self._view.show_step(self.step)

    def confirm(self) -> None:
        """The signer confirms; only when the desk allows it (`SigningDesk.may_confirm`)."""
        signing = self._current()
        if self.step is not Step.SIGNING or not self.desk.may_confirm or signing.journal is None:
            return
        signing.confirmed = True
        records.write_confirmed(signing.journal, signing)
        self.desk.stop()
        self._after_confirm()

    # Photo

    def _after_confirm(self) -> None:
        signing = self._current()
        if signing.wants_photo and signing.photo is None and self._eq.camera is not None:
            self._go(Step.PHOTO)
        elif signing.needs_photo and signing.photo is None:
            self._go(Step.PHOTO)
            self._view.show_notice(DesktopError("desktop.photo-required-notice"))
        else:
            self._upload()

    @property
    def camera(self) -> CameraSource | None:
        """The station's camera."""
        return self._eq.camera

    def take_photo(self) -> None:
        """Take a picture; it is shown and may be taken again."""
        camera = self._eq.camera
        if camera is None:
            self._view.show_notice(DesktopError("desktop.no-camera"))
            return
        self._background(lambda: photograph(camera), self._photographed, self._view.show_notice)

    def _photographed(self, still: Still) -> None:
        self.still = still
        self._view.show_step(self.step)
        for hint in still.hints[:1]:
            self._view.show_notice(DesktopError(hint))

    def use_photo(self) -> None:
        """The picture goes into the evidence."""
        signing = self._current()
        if self.still is None or signing.journal is None:
            return
        signing.photo, self.still = self.still, None
        records.write_photo(signing.journal, signing.photo)
        self._upload()

    def skip_photo(self) -> None:
        """Go on without a picture, where the policy allows it."""
        if self._current().needs_photo:
            self._view.show_notice(DesktopError("desktop.photo-required-notice"))
        else:
            self.still = None
            self._upload()

    # Upload

    def _upload(self) -> None:
        signing = self._current()
        self.upload_error = None
        self._go(Step.UPLOADING)
        self._background(lambda: self._jobs.submit(signing), self._submitted, self._not_submitted)

    def retry_upload(self) -> None:
        """Send again: the same package as long as its challenge lives."""
        if self.step is Step.UPLOAD_FAILED:
            self._upload()

    def keep_for_later(self) -> None:
        """Leave the confirmed signature in the journal and go back to the list."""
        self._end_signing(keep=True)
        self._to_list()

    def _submitted(self, result: SigningResult) -> None:
        self.result = result
        self._end_signing(keep=False)
        self._go(Step.HAND_BACK)

    def _not_submitted(self, error: PenwardError) -> None:
        LOG.warning("evidence was not accepted: %s", error.code)
        self.upload_error = error
        self._go(Step.UPLOAD_FAILED)

    # Hand back

    def hand_back(self) -> None:
        """The nurse has the screen again."""
        self._go(Step.RESULT)

    def finish(self) -> None:
        """Back to the list."""
        self._to_list()

    # What was left behind

    def _find_unfinished(self) -> None:
        self.unfinished = []
        current = self.signing.journal.path if self.signing and self.signing.journal else None
        for stored in self._eq.journals.stored():
            if stored.path == current:
                continue
            try:
                found = records.read_unfinished(stored)
            except DesktopError as error:
                self._view.show_notice(error)
                continue
            if found is None or (found.ink is None and not found.confirmed):
                remove(stored.path)
            else:
                self.unfinished.append(found)

    def resume(self, item: Unfinished) -> None:
        """Go on with a signing that was interrupted."""
        self._go(Step.LOADING)
        self._background(lambda: self._jobs.restore(item), self._restored, self._back_to_list)

    def _restored(self, restored: Signing | SigningResult) -> None:
        self.unfinished = []
        if isinstance(restored, SigningResult):
            self.result = restored
            self._go(Step.RESULT)
        else:
            self.signing = restored
            self._go(Step.HAND_OVER)

    def discard(self, item: Unfinished) -> None:
        """Give an interrupted signing up; its ink is removed from this station."""
        LOG.info("an unfinished signing of task %s is discarded", item.task_id)
        remove(item.stored.path)
        self._find_unfinished()
        self._view.show_step(self.step)

    def close(self) -> None:
        """The program ends; a signature in progress stays in its journal."""
        self._turn += 1
        self._end_signing(keep=True)

    # Inside

    def _to_list(self) -> None:
        self._find_unfinished()
        self._go(Step.LIST)
        self.refresh()

    def _current(self) -> Signing:
        if self.signing is None:
            raise RuntimeError(f"no signing in step {self.step}")
        return self.signing

    def _go(self, step: Step) -> None:
        if step is not self.step and step not in FOLLOWS[self.step]:
            raise RuntimeError(f"{self.step} is not followed by {step}")
        LOG.info("step %s", step)
        self._turn += 1
        self.busy = False
        if step is Step.LIST:
            self.signing = self.result = None
        self.step = step
        self._view.show_step(step)

    def _background(
        self, job: Callable[[], object], done: Callable[..., None], failed: Callable[[PenwardError], None]
    ) -> None:
        """Run `job`; its outcome is dropped when the flow has moved on in the meantime."""
        turn = self._turn
        self.busy = True

        def finished(result: object) -> None:
            if turn == self._turn:
                self.busy = False
                done(result)

        def broke(error: PenwardError) -> None:
            if turn == self._turn:
                self.busy = False
                failed(error)

        self._eq.runner.run(job, finished, broke)

    def _back_to_list(self, error: PenwardError) -> None:
        self._end_signing(keep=True)
        self._to_list()
        self._view.show_notice(error)

    def _back_to_review(self, error: PenwardError) -> None:
        self._go(Step.REVIEW)
        self._view.show_notice(error)

    def _end_signing(self, *, keep: bool) -> None:
        """Close pad and journal; the journal is removed unless its ink is to be kept."""
        self.desk.stop()
        self.still = None
        signing = self.signing
        if signing is None or signing.journal is None:
            return
        if keep:
            signing.journal.close()
        else:
            signing.journal.discard()
        signing.journal = signing.capture = None
