"""Checks the audit chains against themselves, their stamped roots, and what others have kept of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from server_stub.store.audit import GENESIS, AuditEvent, AuditRoot, AuditWriter, ChainHead, root_of
from server_stub.store.audit_events import AuditKind
from signing.sm import sm3
from signing.verdict import Language, say

MAX_FINDINGS = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with the audit log."""

    code: str
    params: Mapping[str, object]

    def text(self, language: Language = "zh_CN") -> str:
        """A sentence for people."""
        return say(self.code, language, **self.params)


@dataclass(slots=True)
class AuditReport:
    """How much was read and what was found; sound when there is no finding."""

    events: int = 0
    writers: int = 0
    roots: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, code: str, **params: object) -> None:
        """Note a finding; after 200 the rest would only repeat it."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(code, params))


@dataclass(frozen=True, slots=True)
class ExportedRoot:
    """A root as it lies in the export folder: its number and its 64 hex."""

    number: int
    root: str


def verify_audit(
    session: Session,
    *,
    checkpoints: Iterable[ChainHead] = (),
    exported: Iterable[ExportedRoot] = (),
    acts: Sequence[tuple[AuditKind, str]] = (),
    token_problem: Callable[[bytes, bytes], str | None] | None = None,
) -> AuditReport:
    """Read every event once and compare.

    `checkpoints` are heads that stations carried home (their signatures checked before), `exported` the
    roots of the export folder, `acts` (kind, subject) pairs that must each have an event
    of its own (a pair given twice needs two), `token_problem(token, root)`
    says what is wrong with a time stamp, None when nothing is.
    """
    report = AuditReport()
    roots = session.scalars(select(AuditRoot).order_by(AuditRoot.number)).all()
    kept = [*((head, "checkpoint") for head in checkpoints)]
    for root in roots:
        kept.extend((head, f"root {root.number}") for head in _heads(root.heads))
    ends = _walk(session, report, kept, Counter(acts))
    _heads_match(session, report, ends)
    _check_roots(report, roots, list(exported), token_problem)
    return report


def _walk(
    session: Session,
    report: AuditReport,
    kept: Sequence[tuple[ChainHead, str]],
    missing: Counter[tuple[AuditKind, str]],
) -> dict[str, tuple[int, str]]:
    wanted: dict[tuple[str, int], list[tuple[ChainHead, str]]] = {}
    for kept_head, source in kept:
        wanted.setdefault((kept_head.writer, kept_head.count), []).append((kept_head, source))
    ends: dict[str, tuple[int, str]] = {}
    rows = session.scalars(
        select(AuditEvent).order_by(AuditEvent.writer, AuditEvent.seq).execution_options(yield_per=1000)
    )
    for event in rows:
        writer = f"w{event.writer}"
        seq, head = ends.get(writer, (0, GENESIS))
        report.events += 1
        if event.seq != seq + 1:
            report.add("store.audit-gap", writer=writer, seq=seq + 1)
        _check_event(report, event, writer, head)
        for other, source in wanted.pop((writer, event.seq), ()):
            if other.root.hex() != event.digest:
                report.add("store.audit-rewritten", writer=writer, seq=event.seq, source=source)
        if event.kind in _KINDS:
            act = AuditKind(event.kind), event.subject
            if act in missing:
                missing[act] -= 1
        ends[writer] = event.seq, event.digest
    for (writer, count), others in wanted.items():
        if count > 0:
            report.add("store.audit-cut", writer=writer, seq=count, source=others[0][1])
    for kind, subject in sorted(+missing):
        report.add("store.audit-act-missing", kind=kind.value, subject=subject)
    report.writers = len(ends)
    return ends


_KINDS = frozenset(AuditKind)


def _check_event(report: AuditReport, event: AuditEvent, writer: str, head: str) -> None:
    place = {"writer": writer, "seq": event.seq}
    if sm3(event.record).hex() != event.digest:
        report.add("store.audit-digest", **place)
    try:
        record = json.loads(event.record)
        columns = (
            record["writer"] == event.writer,
            record["seq"] == event.seq,
            record["at"] == event.at.isoformat(),
            record["kind"] == event.kind,
            record["subject"] == event.subject,
        )
        previous = record["prev"]
    except (ValueError, KeyError, TypeError):
        report.add("store.audit-record", **place)
        return
    if not all(columns):
        report.add("store.audit-columns", **place)
    if previous != head:
        report.add("store.audit-link", **place)


def _heads_match(session: Session, report: AuditReport, ends: Mapping[str, tuple[int, str]]) -> None:
    for writer in session.scalars(select(AuditWriter)):
        if ends.get(f"w{writer.number}", (0, GENESIS)) != (writer.count, writer.head):
            report.add("store.audit-cut", writer=f"w{writer.number}", seq=writer.count, source="writer")
    known = set(session.scalars(select(AuditWriter.number)))
    for name in ends:
        if int(name[1:]) not in known:
            report.add("store.audit-writer-missing", writer=name)


def _check_roots(
    report: AuditReport,
    roots: Sequence[AuditRoot],
    exported: Sequence[ExportedRoot],
    token_problem: Callable[[bytes, bytes], str | None] | None,
) -> None:
    previous = GENESIS
    for position, root in enumerate(roots, start=1):
        report.roots += 1
        if root.number != position or root.previous != previous:
            report.add("store.audit-root-link", number=root.number)
        if root_of(root.heads, root.previous).hex() != root.root:
            report.add("store.audit-root-wrong", number=root.number)
        problem = token_problem(root.token, bytes.fromhex(root.root)) if token_problem else None
        if problem is not None:
            report.add("store.audit-root-token", number=root.number, problem=problem)
        previous = root.root
    ours = {root.number: root.root for root in roots}
    for copy in exported:
        if ours.get(copy.number) != copy.root:
            report.add("store.audit-root-copy", number=copy.number)


def _heads(text: str) -> list[ChainHead]:
    found = []
    for line in text.splitlines():
        writer, count, head = line.split(" ")
        found.append(ChainHead(writer, int(count), bytes.fromhex(head)))
    return found
