"""Jobs: each claimed once, retried with pauses, finished with its effect, dead where one can see it."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from server_stub.store import ClaimedJob, GiveUp, JobRunner, RetryLater, Store
from server_stub.store.jobs import Job, LeaseLost
from server_stub.store.nonces import Nonce
from tests.conftest import ExpectedWarnings
from tests.support.server import Time

MINUTE = dt.timedelta(minutes=1)


def enqueue(store: Store, kind: str = "k", **options: Any) -> str:
    with store.database.write() as session:
        return store.jobs.enqueue(session, kind, {"n": 1}, **options)


def states(store: Store) -> dict[str, int]:
    with store.database.read() as session:
        return store.jobs.counts(session)


def runner(store: Store, handler: Any) -> JobRunner:
    return JobRunner(store.jobs, {"k": handler})


def test_a_job_exists_only_when_its_cause_was_committed(store: Store) -> None:
    with pytest.raises(LookupError), store.database.write() as session:
        store.jobs.enqueue(session, "k", {})
        raise LookupError
    assert store.jobs.claim(["k"]) == []


def test_every_job_is_claimed_once(store: Store) -> None:
    """Sixty jobs, four claimers at once."""
    with store.database.write() as session:
        wanted = {store.jobs.enqueue(session, "k", {}) for _ in range(60)}
    claimed: list[str] = []

    def work() -> None:
        while found := store.jobs.claim(["k"], limit=3):
            claimed.extend(job.id for job in found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job in store.jobs.claim(["k"], limit=100):
        claimed.append(job.id)
    assert Counter(claimed) == dict.fromkeys(wanted, 1)


def test_only_due_jobs_of_known_kinds_are_claimed(store: Store, clock: Time) -> None:
    enqueue(store, run_at=clock() + MINUTE)
    enqueue(store, "other")
    assert store.jobs.claim(["k"]) == []
    clock.ahead = 2 * MINUTE
    assert len(store.jobs.claim(["k"])) == 1


def test_a_key_makes_a_job_single_until_it_ends(store: Store) -> None:
    first = enqueue(store, key="task-1")
    assert enqueue(store, key="task-1") == first
    assert runner(store, lambda _job: None).run_due() == 1
    assert enqueue(store, key="task-1") != first


def test_processes_that_start_together_make_one_periodic_job(store: Store) -> None:
    failures: list[IntegrityError] = []

    def start() -> None:
        try:
            with store.database.write() as session:
                store.jobs.ensure_periodic(session, "k", every=MINUTE)
        except IntegrityError as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert states(store) == {"waiting": 1}


def test_a_lost_lease_rolls_the_effect_back(store: Store, clock: Time) -> None:
    """A worker that was too slow cannot finish a job that another one has by now."""
    enqueue(store)
    (slow,) = store.jobs.claim(["k"])
    clock.ahead = 2 * MINUTE
    (fast,) = store.jobs.claim(["k"])
    assert (fast.id, fast.tries) == (slow.id, 2)
    with pytest.raises(LeaseLost), store.database.write() as session:
        session.add(Nonce(key_id="k", nonce="effect", expires_at=clock()))
        store.jobs.finish(session, slow)
    with store.database.write() as session:
        store.jobs.finish(session, fast)
    assert states(store) == {"done": 1}
    with store.database.read() as session:
        assert session.scalar(select(Nonce)) is None


def test_failures_are_tried_again_with_growing_pauses(store: Store, clock: Time) -> None:
    enqueue(store)
    tries: list[int] = []

    def fail(job: ClaimedJob) -> None:
        tries.append(job.tries)
        raise ValueError("no")

    work = runner(store, fail)
    pauses = []
    for _ in range(3):
        assert work.run_due() == 1
        with store.database.read() as session:
            row = session.scalars(select(Job)).one()
        pauses.append((row.run_at - clock()).total_seconds())
        assert row.last_error == "ValueError: no"
        clock.ahead += dt.timedelta(seconds=pauses[-1] + 1)
    assert tries == [1, 2, 3]
    assert [round(pause / 2) * 2 for pause in pauses] == [2, 4, 8]


def test_a_handler_may_say_when(store: Store, clock: Time) -> None:
    enqueue(store)

    def later(_job: ClaimedJob) -> None:
        raise RetryLater("busy", pause=10 * MINUTE)

    runner(store, later).run_due()
    clock.ahead = 9 * MINUTE
    assert store.jobs.claim(["k"]) == []
    clock.ahead = 11 * MINUTE
    assert len(store.jobs.claim(["k"])) == 1


@pytest.mark.parametrize("ending", [GiveUp("never"), ValueError("last try")])
def test_a_dead_job_is_kept_and_told(
    store: Store, expected_warnings: ExpectedWarnings, ending: Exception
) -> None:
    expected_warnings("penward.store.jobs", "is dead after 1 tries")
    enqueue(store, max_tries=1)

    def end(_job: ClaimedJob) -> None:
        raise ending

    runner(store, end).run_due()
    assert states(store) == {"dead": 1}
    assert store.jobs.claim(["k"]) == []


def test_a_periodic_job_runs_again_and_never_dies(store: Store, clock: Time) -> None:
    for _ in range(2):  # said at each start, one row all the same
        with store.database.write() as session:
            store.jobs.ensure_periodic(session, "k", every=MINUTE)
    seen: list[str] = []

    def sometimes(job: ClaimedJob) -> None:
        seen.append(job.id)
        if len(seen) == 2:
            raise ValueError("once")

    work = runner(store, sometimes)
    for _ in range(4):
        work.run_due()
        clock.ahead += 2 * MINUTE
    assert len(seen) == 4
    assert len(set(seen)) == 1


def test_a_restart_frees_what_the_last_process_held(store: Store) -> None:
    enqueue(store)
    store.jobs.claim(["k"])
    assert store.jobs.claim(["k"]) == []
    store.recover(exclusive=False)
    assert store.jobs.claim(["k"]) == []
    store.recover(exclusive=True)
    assert len(store.jobs.claim(["k"])) == 1


def test_a_job_that_kills_its_process_ends_dead(
    store: Store, clock: Time, expected_warnings: ExpectedWarnings
) -> None:
    """Neither the handler nor `fail` gets to speak: the claims alone count, over restarts and lost leases."""
    expected_warnings("penward.store.jobs", "is dead after 3 tries: the process ended")
    enqueue(store, max_tries=3, key="once")
    for tries in (1, 2):
        assert [job.tries for job in store.jobs.claim(["k"])] == [tries]
        store.recover(exclusive=True)
    assert [job.tries for job in store.jobs.claim(["k"])] == [3]
    clock.ahead = 2 * MINUTE
    assert store.jobs.claim(["k"]) == []
    assert states(store) == {"dead": 1}
    enqueue(store, key="once")
    assert len(store.jobs.claim(["k"])) == 1, "its key is free again"


def test_a_periodic_job_outlives_its_process(store: Store) -> None:
    with store.database.write() as session:
        store.jobs.ensure_periodic(session, "k", every=MINUTE)
    for _ in range(3):
        assert len(store.jobs.claim(["k"])) == 1
        store.recover(exclusive=True)


def test_the_runner_works_in_the_background_until_stopped(store: Store) -> None:
    done = threading.Event()
    work = runner(store, lambda _job: done.set())
    work.start()
    enqueue(store)
    store.jobs.wake()
    assert done.wait(30)
    work.stop()
    assert states(store) == {"done": 1}


def test_done_jobs_are_forgotten_after_a_week(store: Store, clock: Time) -> None:
    enqueue(store)
    runner(store, lambda _job: None).run_due()
    clock.ahead = dt.timedelta(days=8)
    with store.database.write() as session:
        store.jobs.sweep(session)
    assert states(store) == {}
