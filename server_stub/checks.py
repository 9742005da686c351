"""What `doctor` and `audit verify` look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from server_stub import opening
from server_stub.config import Settings
from server_stub.core import Core, Room
from server_stub.errors import SetupError
from server_stub.store import ChainHead, Database
from server_stub.store.audit_check import AuditReport, ExportedRoot, verify_audit
from server_stub.store.migrate import current, newest
from signing.sm.backend import default_backend
from signing.tsp import verify_token
from signing.verdict import Outcome, PenwardError
from signing.wire import Checkpoint, verify_checkpoint


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`."""

    good: bool
    code: str
    params: Mapping[str, object]


def examine(settings: Settings, passphrase: Callable[[], str]) -> list[Finding]:
    """SM backend, database, tables, keys, jobs, as far as one can be looked at without the one before."""
    findings = [Finding(True, "server.doctor-backend", {"backend": default_backend().name})]
    try:
        database = Database(settings.database)
        database.check()
        found, needed = current(database), newest()
        database.close()
    except PenwardError as error:
        return [*findings, Finding(False, error.code, error.params)]
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    findings.append(
        Finding(found == needed, "server.doctor-database", {"kind": kind, "found": found, "needed": needed})
    )
    if found != needed:
        return findings
    try:
        core = opening.load_core(settings, passphrase())
    except PenwardError as error:
        return [*findings, Finding(False, error.code, error.params)]
    try:
        now = core.store.clock()
        for role in core.hospital.roles:
            certificate = core.hospital.certificate(role)
            days = (certificate.not_after - now).days
            params = {"role": role, "name": certificate.common_name, "days": days}
            findings.append(Finding(days > 30, "server.doctor-certificate", params))
        with core.store.database.read() as session:
            counts = core.store.jobs.counts(session)
        params = {state: counts.get(state, 0) for state in ("waiting", "running", "done", "dead")}
        findings.append(Finding(params["dead"] == 0, "server.doctor-jobs", params))
    finally:
        core.close()
    return findings


def examine_audit(
    core: Core, rooms: Sequence[Room], checkpoints: Sequence[Path], roots: Path | None
) -> AuditReport:
    """Verify the audit log against itself, its time stamps, station checkpoints and the exported roots.

    Raises:
        SetupError: `server.checkpoint-unreadable`. WireError: a checkpoint that this server has not signed.
    """
    heads = [_head(core, path) for path in checkpoints]
    exported = [_exported(path) for path in sorted(roots.glob("root-*.json"))] if roots else []

    def token_problem(token: bytes, root: bytes) -> str | None:
        try:
            result = verify_token(token, root, anchors=core.hospital.anchors)
        except PenwardError as error:
            return error.code
        bad = [check for check in result.checks if check.outcome > Outcome.WARNING]
        return bad[0].reason if bad else None

    with core.store.database.read() as session:
        acts = [act for room in rooms if room.acts is not None for act in room.acts(session)]
        return verify_audit(
            session, checkpoints=heads, exported=exported, acts=acts, token_problem=token_problem
        )


def _head(core: Core, path: Path) -> ChainHead:
    try:
        checkpoint = Checkpoint.from_dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, PenwardError) as error:
        raise SetupError("server.checkpoint-unreadable", file=str(path)) from error
    verify_checkpoint(checkpoint, core.hospital.certificate("server").public_key)
    return ChainHead(checkpoint.writer, checkpoint.count, checkpoint.root)


def _exported(path: Path) -> ExportedRoot:
    try:
        content = json.loads(path.read_bytes())
        return ExportedRoot(int(content["number"]), str(content["root"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError("server.checkpoint-unreadable", file=str(path)) from error
