"""Background work of `handwriting`: challenges that nobody answered are forgotten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from server_stub.handwriting.service import HandwritingService
from server_stub.store import ClaimedJob

SWEEP_JOB = "handwriting.sweep"
SWEEP_EVERY = dt.timedelta(hours=1)


def handlers(service: HandwritingService) -> dict[str, Callable[[ClaimedJob], None]]:
    """The jobs that this room runs, by kind."""

    def sweep(_job: ClaimedJob) -> None:
        service.sweep()

    return {SWEEP_JOB: sweep}
