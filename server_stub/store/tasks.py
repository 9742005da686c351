"""The store's background work: a stamped Merkle root over the audit chains, and forgetting what is over."""

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
import os
from pathlib import Path
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from server_stub.store.audit import GENESIS, AuditRoot, heads_text, root_of
from server_stub.store.jobs import ClaimedJob, RetryLater
from server_stub.store.store import Store

log = logging.getLogger("penward.store")

ROOT_JOB = "store.audit-root"
SWEEP_JOB = "store.sweep"
SWEEP_EVERY = dt.timedelta(minutes=5)


class Stamper(Protocol):
    """Whoever makes time stamp tokens (`tsa`)."""

    def stamp(self, message: bytes) -> bytes:
        """The token (DER) over `message`."""


class AuditRoots:
    """Makes roots and copies them to a folder of another owner."""

    def __init__(self, store: Store, stamper: Stamper, *, export: Path | None) -> None:
        self._store = store
        self._stamper = stamper
        self._export = export

    def run(self, _job: ClaimedJob) -> None:
        """The handler of the periodic job."""
        self.make()

    def make(self) -> AuditRoot | None:
        """Stamp a new root over all heads, unless no chain has grown; then export what is not yet exported.

        Raises:
            RetryLater: the export folder cannot be written; the root itself is kept.
        """
        with self._store.database.read() as session:
            heads, last = heads_text(session), _last(session)
        made = None
        if heads and (last is None or heads != last.heads):
            previous = last.root if last else GENESIS
            root = root_of(heads, previous)
            token = self._stamper.stamp(root)
            made = AuditRoot(
                number=(last.number if last else 0) + 1,
                at=self._store.clock(),
                heads=heads,
                previous=previous,
                root=root.hex(),
                token=token,
            )
            with self._store.database.write() as session:
                session.add(made)
        self._copy()
        return made

    def _copy(self) -> None:
        if self._export is None:
            return
        try:
            have = [
                int(path.stem[5:]) for path in self._export.glob("root-*.json") if path.stem[5:].isdigit()
            ]
            with self._store.database.read() as session:
                newer = session.scalars(
                    select(AuditRoot)
                    .where(AuditRoot.number > max(have, default=0))
                    .order_by(AuditRoot.number)
                ).all()
            for root in newer:
                target = self._export / f"root-{root.number:08d}.json"
                temporary = target.with_suffix(".tmp")
                with temporary.open("w", encoding="utf-8") as stream:
                    json.dump(_exported(root), stream, indent=1)
                    stream.flush()
                    os.fsync(stream.fileno())
                temporary.replace(target)
        except OSError as error:
            log.warning("audit roots could not be copied to the export folder: %s", error.strerror)
            raise RetryLater("the export folder cannot be written") from error


def sweep(store: Store) -> None:
    """Forget used nonces, old replies and finished jobs."""
    with store.database.write() as session:
        store.nonces.sweep(session)
        store.idempotency.sweep(session)
        store.jobs.sweep(session)


def _last(session: Session) -> AuditRoot | None:
    return session.scalar(select(AuditRoot).order_by(AuditRoot.number.desc()).limit(1))


def _exported(root: AuditRoot) -> dict[str, object]:
    return {
        "number": root.number,
        "at": root.at.isoformat(),
        "heads": root.heads.splitlines(),
        "previous": root.previous,
        "root": root.root,
        "token_b64": base64.b64encode(root.token).decode("ascii"),
    }
