"""What `handwriting` needs of the room above it, as a protocol: who has the task, what is to be signed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from signing import wire


@dataclass(frozen=True, slots=True)
class Subject:
    """What one signer is to sign now: the document's bytes by their digest, the place, the conditions."""

    task_id: str
    signer_index: int
    signer_role: str
    signer_name: str
    media_type: str
    title: str
    document_sm3: str
    box: wire.StampBox
    policy: wire.Policy
    consents: tuple[wire.Consent, ...]


class Desk(Protocol):
    """Where tasks lie: `mobile`. Every method with a session works inside the caller's transaction."""

    def subject(self, session: Session, task_id: str, station_id: str, *, lock: bool = False) -> Subject:
        """What this station would sign next; raises NotFound or Conflict by name."""

    def hand_over(self, session: Session, subject: Subject, station_id: str) -> dt.datetime:
        """The task is in the signer's hands at this station until the time returned."""

    def signed(
        self,
        session: Session,
        subject: Subject,
        *,
        station_id: str,
        counter: int,
        signed_sm3: str,
        size: int,
        at: dt.datetime,
    ) -> wire.TaskState:
        """Record the signature and the station's counter; raises Conflict when the task moved on."""

    def released(self, session: Session, task_id: str, *, failure: str | None = None) -> None:
        """An attempt was given up: offer again, or fail for good."""

    def changed(self, task_id: str) -> None:
        """After the commit: push, and wake the callbacks."""
