"""The duty of `mobile`: the state machine of a task, kept in the database, resumable and swept.

    pending → offered → signing → signed | cancelled | expired | failed

No state is without a way out: `sweep` ends what is past its time and takes a hand-over that nobody
finished back to `offered`.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from server_stub.auth import AuthService, Station
from server_stub.errors import Conflict, NotFound, Unprocessable
from server_stub.evidence import Dossier
from server_stub.handwriting import Subject
from server_stub.mobile import documents, schemas
from server_stub.mobile.fields import place
from server_stub.mobile.models import Patient, Task, TaskSigner
from server_stub.mobile.push import PushHub
from server_stub.store import AuditKind, Store, new_id
from signing import wire
from signing.sm import sm3
from signing.wire import SignerState, TaskState

log = logging.getLogger("penward.mobile")

S = TaskState
TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    S.PENDING: frozenset({S.OFFERED, S.SIGNING, S.CANCELLED, S.EXPIRED}),
    S.OFFERED: frozenset({S.PENDING, S.SIGNING, S.CANCELLED, S.EXPIRED}),
    S.SIGNING: frozenset({S.PENDING, S.OFFERED, S.SIGNED, S.CANCELLED, S.EXPIRED, S.FAILED}),
    S.SIGNED: frozenset(),
    S.CANCELLED: frozenset(),
    S.EXPIRED: frozenset(),
    S.FAILED: frozenset(),
}
OPEN_STATES = frozenset(state for state, after in TRANSITIONS.items() if after)
_AUDITED = {
    S.OFFERED: AuditKind.TASK_OFFERED,
    S.SIGNED: AuditKind.TASK_SIGNED,
    S.CANCELLED: AuditKind.TASK_CANCELLED,
    S.EXPIRED: AuditKind.TASK_EXPIRED,
    S.FAILED: AuditKind.TASK_FAILED,
}
_TOLD = frozenset({S.SIGNED, S.CANCELLED, S.EXPIRED, S.FAILED})

ID_NUMBER = re.compile(r"\d{15}")
"""The signer's name goes into a certificate, where no ID number may be (`protocol.md`)."""

CALLBACK_JOB = "mobile.callback"
LIST_LIMIT = 200


@dataclass(frozen=True, slots=True)
class TaskRules:
    """Largest document in bytes, how long a task stays open, how long a hand-over may take."""

    document_bytes: int = 64 << 20
    open_for: dt.timedelta = dt.timedelta(hours=24)
    hand_over: dt.timedelta = dt.timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task that may still be refused, with the bytes as the HIS sent them and as they are signed."""

    task: Task
    original: bytes
    document: bytes


class TaskService:
    """Makes, shows, ends and sweeps tasks; gives `handwriting` what is to be signed (its `Desk`)."""

    def __init__(self, store: Store, auth: AuthService, hub: PushHub, rules: TaskRules | None = None) -> None:
        self._store = store
        self._auth = auth
        self._hub = hub
        self._rules = rules or TaskRules()

    # What a HIS does

    def prepare(self, caller: str, request: wire.TaskRequest) -> Prepared:
        """A new task, of which nothing is stored yet: document normalised, every field placed.

        Raises:
            PenwardError: the document or a field is refused.
        """
        if not request.patient.ward:
            raise Unprocessable("mobile.ward-missing")
        for signer in request.signers:
            if ID_NUMBER.search(signer.name):
                raise Unprocessable("mobile.name-holds-id-number")
        paper = documents.take_in(
            request.content,
            request.media_type,
            limit=self._rules.document_bytes,
            signatures=len(request.signers),
        )
        boxes = [place(signer.field, paper) for signer in request.signers]
        now = self._store.clock()
        task = Task(
            id=new_id("task"),
            caller=caller,
            external_id=request.external_id,
            state=S.PENDING,
            title=request.title,
            media_type=paper.media_type,
            ward=request.patient.ward,
            patient_id=request.patient.id,
            patient=request.patient.to_dict(),
            policy=request.policy.to_dict(),
            consents=[consent.to_dict() for consent in request.consents],
            callback_url=request.callback_url,
            original_sm3=sm3(request.content).hex(),
            document_sm3=sm3(paper.data).hex(),
            document_size=len(paper.data),
            pages=len(paper.page_sizes_mm),
            created_at=now,
            expires_at=now + self._rules.open_for,
            changed_at=now,
            held=False,
            signers=[
                TaskSigner(
                    index=index,
                    role=signer.role,
                    name=signer.name,
                    relation=signer.relation,
                    state=SignerState.WAITING,
                    page=box.page,
                    x_mm=box.x_mm,
                    y_mm=box.y_mm,
                    width_mm=box.width_mm,
                    height_mm=box.height_mm,
                )
                for index, (signer, box) in enumerate(zip(request.signers, boxes, strict=True))
            ],
        )
        return Prepared(task, request.content, paper.data)

    def add(self, session: Session, prepared: Prepared) -> Task:
        """Store a prepared task in the caller's transaction; `announce` it after the commit.

        The documents are stored here, when nothing is left that could refuse the task: many tasks share one
        document, so a blob of a refused task could not be told from one that is just about to be named.
        """
        task = prepared.task
        for data in (prepared.original, prepared.document):
            self._store.blobs.put(data)
        _describe(session, task.caller, task.patient)
        session.add(task)
        self._store.audit.append(
            session,
            AuditKind.TASK_CREATED,
            subject=task.id,
            actor=f"his:{task.caller}",
            data={"external_id": task.external_id, "document_sm3": task.document_sm3, "ward": task.ward},
        )
        return task

    def announce(self, task: Task) -> None:
        """Tell the ward's stations; after the commit."""
        if not task.held:
            self._hub.publish(task.ward, schemas.push_message(task))

    def get(self, session: Session, caller: str, task_id: str) -> Task:
        """A task of this HIS. Raises NotFound `mobile.task-unknown`."""
        task = session.get(Task, task_id)
        if task is None or task.caller != caller:
            raise NotFound("mobile.task-unknown", task=task_id[:64])
        return task

    def find(
        self,
        session: Session,
        caller: str,
        *,
        ward: str | None = None,
        patient: str | None = None,
        state: TaskState | None = None,
        external_id: str | None = None,
        after: str | None = None,
        limit: int = LIST_LIMIT,
    ) -> list[Task]:
        """Tasks of this HIS in order of making; `after` is the id of the last one already seen."""
        query = select(Task).where(Task.caller == caller).order_by(Task.id).limit(min(limit, LIST_LIMIT))
        if ward is not None:
            query = query.where(Task.ward == ward)
        if patient is not None:
            query = query.where(Task.patient_id == patient)
        if state is not None:
            query = query.where(Task.state == state)
        if external_id is not None:
            query = query.where(Task.external_id == external_id)
        if after is not None:
            query = query.where(Task.id > after)
        return list(session.scalars(query))

    def patients(
        self, session: Session, caller: str, *, ward: str | None = None, patient: str | None = None
    ) -> list[Patient]:
        """Patients as this HIS last described them, by ward and bed."""
        query = select(Patient).where(Patient.his == caller)
        query = query.order_by(Patient.ward, Patient.bed, Patient.id).limit(LIST_LIMIT)
        if ward is not None:
            query = query.where(Patient.ward == ward)
        if patient is not None:
            query = query.where(Patient.id == patient)
        return list(session.scalars(query))

    def cancel(self, session: Session, caller: str, task_id: str) -> Task:
        """End a task for good; a cancelled one stays as it is, one that ended otherwise is a conflict."""
        task = self._locked(session, self.get(session, caller, task_id))
        if task.state != S.CANCELLED:
            self._move(session, task, S.CANCELLED, actor=f"his:{caller}")
        return task

    def recall(self, session: Session, caller: str, task_id: str) -> Task:
        """Take the task back from the stations until `offer`; a signature under way will be dropped."""
        task = self._locked(session, self.get(session, caller, task_id))
        if not task.held:
            if task.state != S.PENDING:
                self._move(session, task, S.PENDING, actor=f"his:{caller}")
            task.held = True
            self._store.audit.append(session, AuditKind.TASK_RECALLED, subject=task.id, actor=f"his:{caller}")
        return task

    def offer(self, session: Session, caller: str, task_id: str) -> Task:
        """Give a recalled task to the stations again, or push an open one once more."""
        task = self._locked(session, self.get(session, caller, task_id))
        if TaskState(task.state) not in OPEN_STATES:
            raise Conflict("mobile.task-ended", task=task.id, state=task.state)
        task.held = False
        return task

    def signed_digest(self, task: Task) -> str:
        """The blob of the newest signed document. Raises Conflict `mobile.not-signed-yet`."""
        if not any(signer.signed_sm3 for signer in task.signers):
            raise Conflict("mobile.not-signed-yet", task=task.id)
        return task.document_sm3

    def dossier(self, task: Task) -> Dossier:
        """What the evidence room must be told of a task."""
        return Dossier(task.id, task.media_type, task.document_sm3)

    # What a station does

    def for_station(self, session: Session, station: Station) -> list[Task]:
        """The open tasks of the station's ward, oldest first."""
        query = (
            select(Task)
            .where(Task.ward == station.ward, Task.state.in_(OPEN_STATES), Task.held.is_(False))
            .where(Task.expires_at > self._store.clock())
            .order_by(Task.id)
            .limit(LIST_LIMIT)
        )
        return list(session.scalars(query))

    def at_station(self, session: Session, station: Station, task_id: str) -> Task:
        """A task of the station's ward, also one that has ended; raises NotFound `mobile.task-not-here`."""
        task = session.get(Task, task_id)
        if task is None or task.ward != station.ward or task.held:
            raise NotFound("mobile.task-not-here", task=task_id[:64], ward=station.ward)
        return task

    def mark_offered(self, session: Session, tasks: Collection[str], station: Station) -> None:
        """Note that a station of the ward has seen these tasks (the acknowledgement of the push)."""
        for task in session.scalars(select(Task).where(Task.id.in_(tasks)).with_for_update()):
            if task.state == S.PENDING and not task.held:
                self._move(session, task, S.OFFERED, actor=f"station:{station.id}")

    # What `handwriting` asks (its Desk)

    def subject(self, session: Session, task_id: str, station_id: str, *, lock: bool = False) -> Subject:
        """What this station would sign next in this task.

        Raises:
            NotFound: `mobile.task-not-here`: unknown, recalled or another ward's.
            Conflict: `mobile.task-ended`, or `mobile.task-expired`.
        """
        station = self._auth.find_station(session, station_id)
        task = self.at_station(session, station, task_id)
        if lock:
            task = self._locked(session, task)
        if TaskState(task.state) not in OPEN_STATES:
            raise Conflict("mobile.task-ended", task=task.id, state=task.state)
        if task.expires_at <= self._store.clock():
            raise Conflict("mobile.task-expired", task=task.id)
        signer = next(s for s in task.signers if s.state == SignerState.WAITING)
        return Subject(
            task_id=task.id,
            signer_index=signer.index,
            signer_role=signer.role,
            signer_name=signer.name,
            media_type=task.media_type,
            title=task.title,
            document_sm3=task.document_sm3,
            box=schemas.box_of(signer),
            policy=schemas.policy_of(task),
            consents=schemas.consents_of(task),
        )

    def hand_over(self, session: Session, subject: Subject, station_id: str) -> dt.datetime:
        """The task is in a signer's hands at this station until the time returned."""
        task = self._locked(session, session.get_one(Task, subject.task_id))
        if task.held or TaskState(task.state) not in OPEN_STATES:
            raise Conflict("mobile.task-ended", task=task.id, state=task.state)
        if task.state != S.SIGNING:
            self._move(session, task, S.SIGNING, actor=f"station:{station_id}")
        until = min(self._store.clock() + self._rules.hand_over, task.expires_at)
        task.signing_station, task.signing_until = station_id, until
        return until

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
    ) -> TaskState:
        """Record a signature in the transaction that archives it; returns the task's new state.

        Raises:
            Conflict: the task was ended, recalled or signed meanwhile.
        """
        now = self.subject(session, subject.task_id, station_id, lock=True)
        if (now.signer_index, now.document_sm3) != (subject.signer_index, subject.document_sm3):
            raise Conflict("mobile.task-moved-on", task=subject.task_id)
        task = session.get_one(Task, subject.task_id)
        signer = task.signers[subject.signer_index]
        signer.state, signer.signed_at, signer.signed_sm3 = SignerState.SIGNED, at, signed_sm3
        task.document_sm3, task.document_size = signed_sm3, size
        self._auth.advance_counter(session, station_id, counter)
        waiting = any(s.state == SignerState.WAITING for s in task.signers)
        if task.state != S.SIGNING:
            self._move(session, task, S.SIGNING, actor=f"station:{station_id}")
        self._move(session, task, S.OFFERED if waiting else S.SIGNED, actor=f"station:{station_id}")
        if waiting:
            self._enqueue_callback(session, task, "signer-signed")
        return TaskState(task.state)

    def released(self, session: Session, task_id: str, *, failure: str | None = None) -> None:
        """An attempt was given up: the task is offered again, or has failed for good."""
        task = session.get(Task, task_id, with_for_update=True)
        if task is None or task.state != S.SIGNING:
            return
        task.failure = failure
        self._move(session, task, S.FAILED if failure else S.OFFERED, actor="server")

    def changed(self, task_id: str) -> None:
        """After a commit that changed a task: push it, and let the callbacks run."""
        with self._store.database.read() as session:
            task = session.get(Task, task_id)
        if task is not None:
            self.announce(task)
        self._store.jobs.wake()

    # Upkeep

    def sweep(self) -> int:
        """End what has expired and take abandoned hand-overs back; the number of tasks moved."""
        now = self._store.clock()
        moved: list[Task] = []
        with self._store.database.write() as session:
            expired = select(Task).where(Task.state.in_(OPEN_STATES), Task.expires_at <= now)
            for task in session.scalars(expired.with_for_update()):
                self._move(session, task, S.EXPIRED, actor="server")
                moved.append(task)
            stuck = select(Task).where(Task.state == S.SIGNING, Task.signing_until <= now)
            for task in session.scalars(stuck.with_for_update()):
                self._move(session, task, S.OFFERED, actor="server")
                moved.append(task)
        for task in moved:
            self.announce(task)
        if moved:
            self._store.jobs.wake()
        return len(moved)

    def acts(self, session: Session) -> list[tuple[AuditKind, str]]:
        """Tasks made and tasks ended, each of which must have its audit event."""
        rows = session.execute(select(Task.id, Task.state)).all()
        made = [(AuditKind.TASK_CREATED, task_id) for task_id, _ in rows]
        ends = set(TaskState) - OPEN_STATES
        return made + [(_AUDITED[TaskState(state)], task_id) for task_id, state in rows if state in ends]

    def _locked(self, session: Session, task: Task) -> Task:
        session.refresh(task, with_for_update=True)
        return task

    def _move(self, session: Session, task: Task, state: TaskState, *, actor: str) -> None:
        before = TaskState(task.state)
        if state not in TRANSITIONS[before]:
            raise Conflict("mobile.task-ended", task=task.id, state=task.state)
        task.state, task.changed_at = state, self._store.clock()
        if state != S.SIGNING:
            task.signing_station = task.signing_until = None
        if state in _AUDITED:
            self._store.audit.append(
                session, _AUDITED[state], subject=task.id, actor=actor, data={"from": before.value}
            )
        if state in _TOLD:
            self._enqueue_callback(session, task, state.value)

    def _enqueue_callback(self, session: Session, task: Task, event: str) -> None:
        if task.callback_url:
            self._store.jobs.enqueue(session, CALLBACK_JOB, {"task_id": task.id, "event": event})


def _describe(session: Session, his: str, patient: Mapping[str, Any]) -> None:
    """The newest description wins; two first ones at once are one row on either engine."""
    kind = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    row = kind.insert(Patient).values(his=his, **patient)
    newest = {name: row.excluded[name] for name in patient if name != "id"}
    session.execute(row.on_conflict_do_update(index_elements=["his", "id"], set_=newest))
