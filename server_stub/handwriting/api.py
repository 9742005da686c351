"""HTTP of `handwriting` for stations: the challenge, and the sealed package that answers it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from server_stub.auth import Station, current_station
from server_stub.handwriting.service import HandwritingService

PREFIX = "/api/v1/station/tasks"

AtStation = Annotated[Station, Depends(current_station)]


def build_router(service: HandwritingService) -> APIRouter:
    """Routes under /api/v1/station/tasks."""
    router = APIRouter(prefix=PREFIX, tags=["station"])

    @router.post("/{task_id}/challenge")
    def challenge(task_id: str, station: AtStation) -> dict[str, Any]:
        """A single-use challenge for the task's next signature."""
        return service.challenge(station, task_id).to_dict()

    @router.post("/{task_id}/evidence")
    async def evidence(task_id: str, request: Request, station: AtStation) -> dict[str, Any]:
        """A sealed package (application/octet-stream); answers once the document is signed and archived."""
        sealed = await request.body()
        return await run_in_threadpool(service.receive, station, task_id, sealed)

    return router
