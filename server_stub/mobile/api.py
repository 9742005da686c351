"""HTTP of `mobile` for the HIS: tasks made, read, listed, cancelled, recalled; documents and evidence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from server_stub.auth import Caller, current_his
from server_stub.evidence import EvidenceService
from server_stub.mobile import schemas
from server_stub.mobile.models import Task
from server_stub.mobile.service import LIST_LIMIT, TaskService
from server_stub.store import AuditKind, Store
from signing.verdict import Language
from signing.wire import TaskRequest, TaskState

His = Annotated[Caller, Depends(current_his)]
Text64 = Annotated[str | None, Query(max_length=64)]


def his_router(store: Store, tasks: TaskService, evidence: EvidenceService) -> APIRouter:
    """Routes under /api/v1/tasks; each answers only about the calling HIS's own tasks."""
    router = APIRouter(prefix="/api/v1/tasks", tags=["his"])

    @router.post("", status_code=201)
    async def create(request: Request, caller: His) -> Response:
        body = await request.body()
        return await run_in_threadpool(_create, caller, body)

    def _create(caller: Caller, body: bytes) -> Response:
        kept = _kept(store, caller)
        if kept is not None:
            return kept
        prepared = tasks.prepare(caller.id, TaskRequest.from_bytes(body))
        return _once(store, tasks, caller, 201, lambda session: tasks.add(session, prepared))

    @router.get("")
    def find(
        caller: His,
        ward: Annotated[str | None, Query(max_length=100)] = None,
        patient: Text64 = None,
        state: TaskState | None = None,
        external_id: Text64 = None,
        after: Text64 = None,
        limit: Annotated[int, Query(ge=1, le=LIST_LIMIT)] = LIST_LIMIT,
    ) -> list[dict[str, Any]]:
        with store.database.read() as session:
            found = tasks.find(
                session,
                caller.id,
                ward=ward,
                patient=patient,
                state=state,
                external_id=external_id,
                after=after,
                limit=limit,
            )
            return [schemas.his_task_json(task) for task in found]

    @router.get("/{task_id}")
    def read(task_id: str, caller: His) -> dict[str, Any]:
        with store.database.read() as session:
            return schemas.his_task_json(tasks.get(session, caller.id, task_id))

    @router.post("/{task_id}/cancel")
    def cancel(task_id: str, caller: His) -> Response:
        return _act(caller, lambda session: tasks.cancel(session, caller.id, task_id))

    @router.post("/{task_id}/recall")
    def recall(task_id: str, caller: His) -> Response:
        return _act(caller, lambda session: tasks.recall(session, caller.id, task_id))

    @router.post("/{task_id}/offer")
    def offer(task_id: str, caller: His) -> Response:
        return _act(caller, lambda session: tasks.offer(session, caller.id, task_id))

    def _act(caller: Caller, act: Callable[[Session], Task]) -> Response:
        return _kept(store, caller) or _once(store, tasks, caller, 200, act)

    @router.get("/{task_id}/document")
    def document(task_id: str, caller: His) -> Response:
        """The bytes as the HIS sent them."""
        with store.database.read() as session:
            task = tasks.get(session, caller.id, task_id)
        return file_response(store.blobs.get(task.original_sm3), task.media_type)

    @router.get("/{task_id}/signed")
    def signed(task_id: str, caller: His) -> Response:
        """The document with every signature made so far."""
        with store.database.write() as session:
            task = tasks.get(session, caller.id, task_id)
            digest = tasks.signed_digest(task)
            _fetched(session, task, caller, AuditKind.DOCUMENT_FETCHED)
        return file_response(store.blobs.get(digest), task.media_type)

    @router.get("/{task_id}/evidence")
    def evidence_zip(task_id: str, caller: His) -> Response:
        """The evidence ZIP; each access is an audit event."""
        with store.database.write() as session:
            task = tasks.get(session, caller.id, task_id)
            tasks.signed_digest(task)
            _fetched(session, task, caller, AuditKind.EVIDENCE_EXPORTED)
        return file_response(evidence.zip_of(tasks.dossier(task)), "application/zip")

    @router.get("/{task_id}/report")
    def report(
        task_id: str, caller: His, lang: Annotated[str, Query(pattern="^(zh_CN|en)$")] = "zh_CN"
    ) -> Response:
        """One page of verdict lines as PDF."""
        with store.database.write() as session:
            task = tasks.get(session, caller.id, task_id)
            tasks.signed_digest(task)
            _fetched(session, task, caller, AuditKind.REPORT_MADE)
        language: Language = "en" if lang == "en" else "zh_CN"
        return file_response(evidence.report_of(tasks.dossier(task), language), "application/pdf")

    def _fetched(session: Session, task: Task, caller: Caller, kind: AuditKind) -> None:
        store.audit.append(session, kind, subject=task.id, actor=caller.actor)

    return router


def patient_router(store: Store, tasks: TaskService) -> APIRouter:
    """`GET /api/v1/patients`: the calling HIS's patients as it last described them."""
    router = APIRouter(prefix="/api/v1/patients", tags=["his"])

    @router.get("")
    def find(
        caller: His,
        ward: Annotated[str | None, Query(max_length=100)] = None,
        patient: Text64 = None,
    ) -> list[dict[str, Any]]:
        with store.database.read() as session:
            found = tasks.patients(session, caller.id, ward=ward, patient=patient)
        return [schemas.patient_json(item) for item in found]

    return router


def file_response(data: bytes, media_type: str) -> Response:
    """Bytes that no browser may sniff or keep."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type=media_type, headers=headers)


def _kept(store: Store, caller: Caller) -> Response | None:
    with store.database.read() as session:
        return _find(store, session, caller)


def _find(store: Store, session: Session, caller: Caller) -> Response | None:
    kept = store.idempotency.find(session, caller.id, caller.idempotency_key, caller.request_digest)
    return None if kept is None else Response(kept.body, kept.status, media_type="application/json")


def _once(
    store: Store, tasks: TaskService, caller: Caller, status: int, act: Callable[[Session], Task]
) -> Response:
    """Do `act` and keep the reply in one transaction; a racing twin gets the first one's reply."""
    try:
        with store.database.write() as session:
            kept = _find(store, session, caller)
            if kept is not None:
                return kept
            task = act(session)
            session.flush()
            body = json.dumps(schemas.his_task_json(task), ensure_ascii=False).encode()
            store.idempotency.keep(
                session, caller.id, caller.idempotency_key, caller.request_digest, status=status, body=body
            )
    except IntegrityError:
        kept = _kept(store, caller)
        if kept is None:
            raise
        return kept
    tasks.changed(task.id)
    return Response(body, status, media_type="application/json")
