"""What the lower rooms offer to the duty rooms above them, handed over by constructor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.routing import BaseRoute

from server_stub.config import Settings
from server_stub.store import AuditKind, KeyVault, Store
from server_stub.store.jobs import Handler
from signing.wire import Checkpoint, sign_checkpoint

if TYPE_CHECKING:
    from server_stub.auth import AuthService
    from server_stub.ca import CertificateAuthority, Hospital
    from server_stub.clock import ClockService
    from server_stub.tsa import LocalTimeStamper
    from signing.ofd.signatures import SealMaker


@dataclass(frozen=True)
class Core:
    """Settings, store and the rooms `auth`, `ca`, `tsa`, `seals`, `clock`.

    `checkpoint` is called with the name of each step of a flow that a crash may meet; the product passes
    a function that does nothing, a test one that kills the process.
    """

    settings: Settings
    store: Store
    vault: KeyVault
    hospital: Hospital
    auth: AuthService
    ca: CertificateAuthority
    tsa: LocalTimeStamper
    seals: SealMaker
    clock: ClockService
    checkpoint: Callable[[str], None] = lambda _step: None

    def signed_checkpoint(self, session: Session) -> Checkpoint:
        """Where the audit chain stands inside the given `write()` transaction, signed by the server."""
        head = self.store.audit.head(session)
        return sign_checkpoint(head.writer, head.count, head.root, self.hospital.signer("server"))

    def close(self) -> None:
        """Give back the audit chain's lease and the database's connections."""
        with self.store.database.write() as session:
            self.store.audit.release(session)
        self.store.database.close()


@dataclass(frozen=True)
class Room:
    """What a duty room brings to the app.

    `limits` are the largest request bodies in bytes by path prefix or exact path; `jobs` the handlers of its
    background work; `recover` is called once before the first request, `exclusive` saying that no other
    process serves this hospital; `periodic` are job kinds that run again and again; `acts` names acts that
    must have an audit event (`audit verify`); `close` is called after the last request.
    """

    name: str
    router: APIRouter | None = None
    routes: Sequence[BaseRoute] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    jobs: Mapping[str, Handler] = field(default_factory=dict)
    periodic: Mapping[str, dt.timedelta] = field(default_factory=dict)
    recover: Callable[[bool], None] | None = None
    close: Callable[[], None] | None = None
    acts: Callable[[Session], Sequence[tuple[AuditKind, str]]] | None = None
