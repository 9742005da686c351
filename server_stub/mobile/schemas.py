"""What `mobile` answers: the JSON forms of tasks and pushes, by the schema of `signing.wire`."""

from __future__ import annotations

from typing import Any

from server_stub.mobile.models import Patient, Task, TaskSigner
from signing import wire


def task_json(task: Task) -> dict[str, Any]:
    """The task as a station reads it (`wire.Task`); `signed_sm3` is there once somebody has signed."""
    signed = [signer.signed_sm3 for signer in task.signers if signer.signed_sm3]
    return wire.Task(
        id=task.id,
        external_id=task.external_id,
        state=wire.TaskState(task.state),
        title=task.title,
        media_type=wire.PDF_MEDIA_TYPE if task.media_type == wire.PDF_MEDIA_TYPE else wire.OFD_MEDIA_TYPE,
        patient=wire.Patient(**task.patient),
        signers=tuple(_signer(signer) for signer in task.signers),
        policy=policy_of(task),
        consents=consents_of(task),
        document_sm3=bytes.fromhex(task.document_sm3),
        document_pages=task.pages,
        document_size=task.document_size,
        created_at=task.created_at,
        expires_at=task.expires_at,
        signed_sm3=bytes.fromhex(signed[-1]) if signed else b"",
    ).to_dict()


def his_task_json(task: Task) -> dict[str, Any]:
    """The task as its HIS reads it: besides, why it failed and whether it is recalled."""
    answer = task_json(task)
    if task.failure:
        answer["failure"] = task.failure
    if task.held:
        answer["recalled"] = True
    return answer


def patient_json(patient: Patient) -> dict[str, Any]:
    """A patient as `wire.Patient` has it."""
    return wire.Patient(
        id=patient.id,
        name=patient.name,
        visit=patient.visit,
        ward=patient.ward,
        bed=patient.bed,
        sex=patient.sex,
        age=patient.age,
    ).to_dict()


def policy_of(task: Task) -> wire.Policy:
    """The stored policy."""
    return wire.Policy.read(wire.Reader(task.policy))


def consents_of(task: Task) -> tuple[wire.Consent, ...]:
    """The stored consent texts."""
    return tuple(wire.Consent(**consent) for consent in task.consents)


def box_of(signer: TaskSigner) -> wire.StampBox:
    """Where this signer's signature is drawn."""
    return wire.StampBox(signer.page, signer.x_mm, signer.y_mm, signer.width_mm, signer.height_mm)


def push_message(task: Task) -> dict[str, Any]:
    """What goes over the station's WebSocket: which task, and its state now."""
    return {"type": "task", "task_id": task.id, "state": task.state}


def _signer(signer: TaskSigner) -> wire.Signer:
    return wire.Signer(
        index=signer.index,
        role=wire.SignerRole(signer.role),
        name=signer.name,
        relation=signer.relation,
        state=wire.SignerState(signer.state),
        field=box_of(signer),
    )
