"""HTTP of the clock: its state and bound for anybody who is known to the server."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from server_stub.clock.service import ClockService

STATUS_PATH = "/api/v1/clock"
PLOT_PATH = "/api/v1/clock/plot.svg"


def build_router(clock: ClockService) -> APIRouter:
    """The routes of this room; the door before them has proven the caller."""
    router = APIRouter()

    @router.get(STATUS_PATH)
    def status() -> dict[str, object]:
        """State, bound, terms and sources now."""
        return clock.status()

    @router.get(PLOT_PATH)
    def plot() -> Response:
        """Offset and bound of the last rounds."""
        return Response(clock.plot(), media_type="image/svg+xml")

    return router
