"""The audit chain: with its act or not at all; no cut, rewrite or missing row goes unseen (protocol.md)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from server_stub.store import AuditEvent, AuditKind, ChainHead, Store
from server_stub.store.audit import AuditRoot, AuditWriter
from server_stub.store.audit_check import AuditReport, ExportedRoot, verify_audit
from server_stub.store.jobs import RetryLater
from server_stub.store.merkle import merkle_root
from server_stub.store.tasks import AuditRoots
from signing.sm import sm3
from tests.conftest import ExpectedWarnings
from tests.support.certificates import TestPki

STAMPER = TestPki().authority()


def write(store: Store, count: int = 1, *, start: int = 0) -> None:
    for number in range(start, start + count):
        with store.database.write() as session:
            store.audit.append(session, AuditKind.TASK_CREATED, subject=f"task-{number}", actor="his:1")


def check(store: Store, **options: object) -> AuditReport:
    with store.database.read() as session:
        return verify_audit(session, **options)  # type: ignore[arg-type]


def codes(report: AuditReport) -> set[str]:
    return {finding.code for finding in report.findings}


def head(store: Store) -> ChainHead:
    with store.database.write() as session:
        return store.audit.head(session)


def test_a_chain_that_nobody_touched_is_sound(store: Store) -> None:
    write(store, 5)
    report = check(store, acts=[(AuditKind.TASK_CREATED, f"task-{n}") for n in range(5)])
    assert (report.events, report.writers, report.findings) == (5, 1, [])


def test_the_event_goes_with_its_act(store: Store) -> None:
    """Both are there or neither is."""
    write(store)
    with pytest.raises(LookupError), store.database.write() as session:
        store.audit.append(session, AuditKind.TASK_CANCELLED, subject="task-0")
        raise LookupError
    assert check(store).events == 1
    assert check(store).findings == []


def test_only_enumerated_events_are_written(store: Store) -> None:
    with pytest.raises(ValueError, match="not a valid AuditKind"), store.database.write() as session:
        store.audit.append(session, "something-else")  # type: ignore[arg-type]


def test_each_process_extends_a_chain_of_its_own(store: Store, tmp_path: Path) -> None:
    other = Store(store.database, tmp_path / "other")
    write(store, 2)
    write(other, 3)
    write(store, 1)
    assert head(store).writer != head(other).writer
    report = check(store)
    assert (report.events, report.writers, report.findings) == (6, 2, [])


def test_a_released_chain_is_continued_by_the_next_process(store: Store, tmp_path: Path) -> None:
    write(store, 2)
    with store.database.write() as session:
        store.audit.release(session)
    other = Store(store.database, tmp_path / "other")
    write(other, 1)
    assert head(other).count == 3
    assert check(store).findings == []


def test_many_processes_at_once_keep_every_chain_whole(store: Store, tmp_path: Path) -> None:
    """Four holders, two threads each, no chain at the start."""
    stores = [Store(store.database, tmp_path / str(number)) for number in range(4)]
    threads = [threading.Thread(target=write, args=(item, 10)) for item in stores for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = check(store)
    assert (report.events, report.findings) == (80, [])


def cut_tail(session: Session) -> None:
    """What an owner of the database would do who wants the last event gone, carefully."""
    last = session.scalars(select(AuditEvent).order_by(AuditEvent.seq.desc())).first()
    assert last is not None
    session.execute(delete(AuditEvent).where(AuditEvent.seq == last.seq))
    before = session.scalars(select(AuditEvent).order_by(AuditEvent.seq.desc())).first()
    assert before is not None
    session.execute(update(AuditWriter).values(count=before.seq, head=before.digest))


def rewrite(session: Session) -> None:
    """Change an event and recompute every digest after it."""
    events = session.scalars(select(AuditEvent).order_by(AuditEvent.seq)).all()
    previous = ""
    for event in events:
        record = json.loads(event.record)
        if event.seq == 3:
            record["subject"] = event.subject = "task-other"
        if previous:
            record["prev"] = previous
        event.record = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        event.digest = previous = sm3(event.record).hex()
    session.execute(update(AuditWriter).values(head=previous))


@pytest.mark.parametrize(
    ("forge", "found_by_checkpoint"), [(cut_tail, "store.audit-cut"), (rewrite, "store.audit-rewritten")]
)
def test_a_careful_forger_is_found_by_what_others_keep(
    store: Store, forge: Callable[[Session], None], found_by_checkpoint: str
) -> None:
    """The chain alone looks sound; a station's checkpoint or a stamped root shows the forgery."""
    write(store, 5)
    kept = head(store)
    with store.database.write() as session:
        forge(session)
    assert check(store).findings == []
    assert codes(check(store, checkpoints=[kept])) == {found_by_checkpoint}


@pytest.mark.parametrize("forge", [cut_tail, rewrite])
def test_a_stamped_root_shows_a_forgery(store: Store, forge: Callable[[Session], None]) -> None:
    write(store, 5)
    AuditRoots(store, STAMPER, export=None).make()
    with store.database.write() as session:
        forge(session)
    assert codes(check(store)) & {"store.audit-cut", "store.audit-rewritten"}


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (lambda s: s.execute(delete(AuditEvent).where(AuditEvent.seq == 3)), "store.audit-gap"),
        (lambda s: s.execute(delete(AuditEvent).where(AuditEvent.seq == 5)), "store.audit-cut"),
        (lambda s: s.execute(update(AuditEvent).where(AuditEvent.seq == 3).values(subject="x")),
         "store.audit-columns"),
        (lambda s: s.execute(update(AuditEvent).where(AuditEvent.seq == 3).values(record=b"{}")),
         "store.audit-record"),
        (lambda s: s.execute(update(AuditEvent).where(AuditEvent.seq == 3).values(digest="0" * 64)),
         "store.audit-digest"),
        (lambda s: s.execute(delete(AuditWriter)), "store.audit-writer-missing"),
    ],
)  # fmt: skip
def test_a_clumsy_forger_is_found_at_once(store: Store, forge: Callable[[Session], None], code: str) -> None:
    write(store, 5)
    with store.database.write() as session:
        forge(session)
    assert code in codes(check(store))


def test_an_act_without_its_event_is_named(store: Store) -> None:
    write(store, 2)
    report = check(store, acts=[(AuditKind.TASK_CREATED, "task-1"), (AuditKind.TASK_CREATED, "task-9")])
    (finding,) = report.findings
    assert (finding.code, finding.params["subject"]) == ("store.audit-act-missing", "task-9")
    assert "task-9" in finding.text("en")


def test_two_acts_need_two_events(store: Store) -> None:
    """An event speaks for one act: a second signature in the same task is not covered by the first one's."""
    write(store, 2)
    twice = (AuditKind.TASK_CREATED, "task-1")
    assert codes(check(store, acts=[twice])) == set()
    assert codes(check(store, acts=[twice, twice])) == {"store.audit-act-missing"}


def test_roots_are_chained_stamped_and_made_only_when_something_happened(store: Store) -> None:
    roots = AuditRoots(store, STAMPER, export=None)
    assert roots.make() is None
    write(store)
    first = roots.make()
    assert roots.make() is None
    write(store)
    second = roots.make()
    assert first is not None
    assert second is not None
    assert (second.number, second.previous) == (2, first.root)
    tokens: list[bytes] = []

    def problem(token: bytes, root: bytes) -> str | None:
        tokens.append(root)
        return None if token.startswith(b"0") else "?"

    assert check(store, token_problem=problem).findings == []
    assert [root.hex() for root in tokens] == [first.root, second.root]


def test_a_changed_root_is_found(store: Store) -> None:
    roots = AuditRoots(store, STAMPER, export=None)
    for _ in range(2):
        write(store)
        roots.make()
    with store.database.write() as session:
        session.execute(update(AuditRoot).where(AuditRoot.number == 1).values(root="1" * 64))
    assert {"store.audit-root-wrong", "store.audit-root-link"} <= codes(check(store))


def test_a_bad_time_stamp_is_found(store: Store) -> None:
    write(store)
    AuditRoots(store, STAMPER, export=None).make()
    report = check(store, token_problem=lambda _token, _root: "tsp.wrong-message")
    assert codes(report) == {"store.audit-root-token"}


def test_roots_are_copied_to_a_folder_of_another_owner(store: Store, tmp_path: Path) -> None:
    """After a rewrite of the whole database the copies still know."""
    folder = tmp_path / "export"
    folder.mkdir()
    for _ in range(3):
        write(store)
        AuditRoots(store, STAMPER, export=folder).make()
    copies = [json.loads(path.read_text()) for path in sorted(folder.iterdir())]
    assert [copy["number"] for copy in copies] == [1, 2, 3]
    exported = [ExportedRoot(copy["number"], copy["root"]) for copy in copies]
    assert check(store, exported=exported).findings == []
    with store.database.write() as session:
        session.execute(delete(AuditRoot).where(AuditRoot.number == 3))
    assert codes(check(store, exported=exported)) == {"store.audit-root-copy"}


def test_a_missing_export_folder_is_told_and_caught_up(
    store: Store, tmp_path: Path, expected_warnings: ExpectedWarnings
) -> None:
    expected_warnings("penward.store", "could not be copied")
    folder = tmp_path / "export"
    roots = AuditRoots(store, STAMPER, export=folder)
    write(store)
    with pytest.raises(RetryLater):
        roots.make()
    folder.mkdir()
    write(store)
    roots.make()
    assert len(list(folder.iterdir())) == 2


@given(st.lists(st.binary(max_size=8), max_size=20))
def test_the_tree_is_that_of_rfc_6962(leaves: list[bytes]) -> None:
    """Against the definition, read literally: split at the largest power of two below n."""

    def tree(part: list[bytes]) -> bytes:
        if not part:
            return sm3(b"")
        if len(part) == 1:
            return sm3(b"\0" + part[0])
        k = 1
        while k * 2 < len(part):
            k *= 2
        return sm3(b"\1" + tree(part[:k]) + tree(part[k:]))

    assert merkle_root(leaves) == tree(leaves)
