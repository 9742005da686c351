"""What the bedside holds while one person signs, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from desktop_app.bedside.capture import Capture
from desktop_app.bedside.reading import ReadingLog
from desktop_app.offline.journal import Journal, StoredJournal
from drivers.camera import Still
from signing.evidence import ReadingEntry
from signing.ink import InkRecord
from signing.verdict import FileVerdict, SignatureVerdict
from signing.wire import Challenge, PhotoPolicy, Signer, SignerState, Task


def next_signer(task: Task) -> Signer | None:
    """The signer whose turn it is, None when all have signed."""
    return next((s for s in task.signers if s.state is SignerState.WAITING), None)


@dataclass(slots=True)
class Signing:
    """One signing in progress.

    `document` is what is shown. `sealed` is the package once it is made, kept so that the very same
    bytes can be sent again. `reading_entries` are set when the signer goes on to sign.
    """

    task: Task
    signer: Signer
    document: bytes
    reading: ReadingLog
    challenge: Challenge | None = None
    journal: Journal | None = None
    capture: Capture | None = None
    photo: Still | None = None
    reading_entries: tuple[ReadingEntry, ...] = ()
    confirmed: bool = False
    resumed: bool = False
    sealed: bytes | None = None

    @property
    def wants_photo(self) -> bool:
        """Whether the task's policy has a photo at all."""
        return self.task.policy.photo is not PhotoPolicy.NONE

    @property
    def needs_photo(self) -> bool:
        """Whether it cannot go on without one."""
        return self.task.policy.photo is PhotoPolicy.REQUIRED


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A signing that an earlier run of the program left behind, as its journal tells.

    `ink` is the last attempt, None when nothing was written or it was cleared; `incomplete` says
    that the journal lost its end.
    """

    stored: StoredJournal
    task_id: str
    title: str
    patient_name: str
    signer_index: int
    signer_name: str
    document_sm3: bytes
    started_at: str
    ink: InkRecord | None
    confirmed: bool
    reading: tuple[ReadingEntry, ...]
    photo: Still | None
    incomplete: bool


@dataclass(frozen=True, slots=True)
class SigningResult:
    """A signature that is made and checked on this station.

    `verdict` is the whole file's, `signature` that of the new signature; `simulated` names the
    stand-ins that took part (message codes), `notices` what else must be told.
    """

    task: Task
    signer: Signer
    signed: bytes
    verdict: FileVerdict
    signature: SignatureVerdict
    simulated: tuple[str, ...] = ()
    notices: tuple[str, ...] = field(default=())
