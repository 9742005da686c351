"""The store as one thing to hand around: database, blobs, jobs, audit, nonces, idempotent replies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from server_stub.store.audit import Audit
from server_stub.store.blobs import BlobStore
from server_stub.store.database import Clock, Database, new_id, utc_now
from server_stub.store.idempotency import Idempotency
from server_stub.store.jobs import Jobs
from server_stub.store.nonces import Nonces

LEFT_BEHIND_FOR = dt.timedelta(days=1)
"""A temporary blob this old is nobody's, also where other processes serve the same folder."""


class Store:
    """What every duty room is given. `clock` gives aware UTC, `checkpoint` is where tests stop it."""

    def __init__(
        self,
        database: Database,
        blob_folder: Path,
        *,
        clock: Clock = utc_now,
        checkpoint: Callable[[str], None] = lambda _step: None,
        holder: str | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self.holder = holder or new_id("proc")
        self.blobs = BlobStore(blob_folder, checkpoint=checkpoint)
        self.jobs = Jobs(database, clock)
        self.audit = Audit(database, self.holder, clock)
        self.nonces = Nonces(clock)
        self.idempotency = Idempotency(clock)

    def recover(self, *, exclusive: bool) -> None:
        """What a start must put right: with the folder's lock held, nobody else's leases can be alive."""
        self.blobs.sweep(older_than=dt.timedelta() if exclusive else LEFT_BEHIND_FOR)
        if not exclusive:
            return
        with self.database.write() as session:
            self.jobs.release_all(session)
            self.audit.take_over(session)
