"""Background work of `handwriting`: unanswered challenges and cut-off attempts are cleared away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from server_stub.handwriting.service import HandwritingService
from server_stub.store import ClaimedJob

SWEEP_JOB = "handwriting.sweep"
SWEEP_EVERY = dt.timedelta(minutes=5)


def handlers(service: HandwritingService) -> dict[str, Callable[[ClaimedJob], None]]:
    """The jobs that this room runs, by kind."""

    def sweep(_job: ClaimedJob) -> None:
        service.sweep()

    return {SWEEP_JOB: sweep}
