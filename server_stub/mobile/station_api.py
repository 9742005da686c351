"""HTTP of `mobile` for stations: the ward's tasks and documents, and the push."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response, WebSocket, WebSocketDisconnect
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from server_stub.auth import AuthService, Station, current_station
from server_stub.errors import Forbidden
from server_stub.evidence import EvidenceService
from server_stub.mobile import schemas
from server_stub.mobile.api import file_response
from server_stub.mobile.models import Task
from server_stub.mobile.push import LOOK_SECONDS, PushHub, Revocations, Seat
from server_stub.mobile.service import OPEN_STATES, TaskService
from server_stub.store import AuditKind, Store
from signing.wire import TaskState

AtStation = Annotated[Station, Depends(current_station)]

_PING_SECONDS = 30.0
_REVOKED = 4401


def station_router(
    store: Store, auth: AuthService, tasks: TaskService, hub: PushHub, evidence: EvidenceService
) -> APIRouter:
    """Routes under /api/v1/station: a station sees the tasks of its own ward and nothing else."""
    router = APIRouter(prefix="/api/v1/station", tags=["station"])

    @router.get("/tasks")
    def find(station: AtStation) -> list[dict[str, Any]]:
        """The open tasks of the ward, oldest first; to have read the list acknowledges the push."""
        with store.database.read() as session:
            found = tasks.for_station(session, station)
        return [schemas.task_json(task) for task in _offered(found, station)]

    @router.get("/tasks/{task_id}")
    def read(task_id: str, station: AtStation) -> dict[str, Any]:
        with store.database.read() as session:
            task = tasks.at_station(session, station, task_id)
        return schemas.task_json(_offered([task], station)[0])

    @router.get("/tasks/{task_id}/document")
    def document(task_id: str, station: AtStation) -> Response:
        """The bytes that the next signer is shown: normalised, with all signatures made so far."""
        with store.database.read() as session:
            task = _may_read(session, station, tasks.at_station(session, station, task_id))
        return file_response(store.blobs.get(task.document_sm3), task.media_type)

    @router.get("/tasks/{task_id}/signed")
    def signed(task_id: str, station: AtStation) -> Response:
        """The document with every signature made so far; written into the audit log."""
        with store.database.write() as session:
            task = _may_read(session, station, tasks.at_station(session, station, task_id))
            digest = tasks.signed_digest(task)
            store.audit.append(
                session, AuditKind.DOCUMENT_FETCHED, subject=task.id, actor=f"station:{station.id}"
            )
        return file_response(store.blobs.get(digest), task.media_type)

    @router.websocket("/push")
    async def push(socket: WebSocket) -> None:
        """Messages `{"type":"task","task_id":…,"state":…}`; who missed some polls /station/tasks."""
        station = current_station(socket)
        await socket.accept()
        with hub.seat(station.id, station.ward) as seat:
            await _serve(socket, seat, revocations)

    def _look() -> frozenset[str]:
        with store.database.read() as session:
            return auth.revoked_stations(session)

    revocations = Revocations(_look)

    def _may_read(session: Session, station: Station, task: Task) -> Task:
        """What was signed is shown where it was signed, and in the ward while others still have to sign."""
        signed = any(signer.signed_sm3 for signer in task.signers)
        over = TaskState(task.state) not in OPEN_STATES
        if signed and over and not evidence.signed_at(session, task.id, station.id):
            raise Forbidden("mobile.signed-elsewhere", task=task.id)
        return task

    def _offered(found: list[Task], station: Station) -> list[Task]:
        new = [task.id for task in found if task.state == TaskState.PENDING]
        if not new:
            return found
        with store.database.write() as session:
            tasks.mark_offered(session, new, station)
            return [_reload(session, task) for task in found]

    def _reload(session: Session, task: Task) -> Task:
        return session.get_one(Task, task.id, populate_existing=True)

    return router


async def _serve(socket: WebSocket, seat: Seat, revocations: Revocations) -> None:
    """Send what comes for the seat until the station goes away or is revoked; pings keep the line.

    Whether it is revoked is looked at before each message and within `2 * LOOK_SECONDS` without one.
    """
    listener = asyncio.create_task(_until_gone(socket))
    message = asyncio.create_task(seat.next())
    ping_at = time.monotonic() + _PING_SECONDS
    try:
        while not listener.done():
            pause = max(0.0, min(LOOK_SECONDS, ping_at - time.monotonic()))
            done, _ = await asyncio.wait(
                {listener, message}, timeout=pause, return_when=asyncio.FIRST_COMPLETED
            )
            if listener in done:
                return
            if await _is_revoked(revocations, seat.station_id):
                await socket.close(_REVOKED, "auth.station-revoked")
                return
            if message in done:
                await socket.send_json(message.result())
                message = asyncio.create_task(seat.next())
            elif time.monotonic() >= ping_at:
                await socket.send_json({"type": "ping"})
            else:
                continue
            ping_at = time.monotonic() + _PING_SECONDS
    except (WebSocketDisconnect, RuntimeError):  # gone between our look and the send
        return
    finally:
        listener.cancel()
        message.cancel()


async def _is_revoked(revocations: Revocations, station_id: str) -> bool:
    if revocations.fresh():
        return revocations.holds(station_id)
    return await run_in_threadpool(revocations.holds, station_id)


async def _until_gone(socket: WebSocket) -> None:
    """Read and drop whatever the station says; returns when it has left."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue
