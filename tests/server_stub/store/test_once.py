"""Nonces are used once; a repeated request gets the reply of the first (protocol.md, Who may speak)."""

from __future__ import annotations

import datetime as dt

import pytest

from server_stub.errors import Conflict, Unauthenticated
from server_stub.store import Store
from tests.support.server import Time

WINDOW = dt.timedelta(seconds=600)


def use(store: Store, key_id: str, nonce: str, clock: Time) -> None:
    with store.database.write() as session:
        store.nonces.use(session, key_id, nonce, expires_at=clock() + WINDOW)


def test_a_nonce_is_used_once_for_each_key(store: Store, clock: Time) -> None:
    use(store, "a", "n", clock)
    use(store, "b", "n", clock)
    with pytest.raises(Unauthenticated) as refused:
        use(store, "a", "n", clock)
    assert refused.value.code == "store.nonce-replayed"


def test_a_nonce_is_kept_for_its_window(store: Store, clock: Time) -> None:
    use(store, "a", "n", clock)
    for ahead, replayable in ((WINDOW - dt.timedelta(seconds=5), False), (2 * WINDOW, True)):
        clock.ahead = ahead
        with store.database.write() as session:
            store.nonces.sweep(session)
        if not replayable:
            with pytest.raises(Unauthenticated):
                use(store, "a", "n", clock)
    use(store, "a", "n", clock)


def test_the_same_key_with_another_request_is_a_conflict(store: Store) -> None:
    with store.database.write() as session:
        assert store.idempotency.find(session, "his", "key", "d1") is None
        store.idempotency.keep(session, "his", "key", "d1", status=201, body=b"{}")
    with store.database.read() as session:
        kept = store.idempotency.find(session, "his", "key", "d1")
        assert kept is not None
        assert (kept.status, kept.body) == (201, b"{}")
        assert store.idempotency.find(session, "other", "key", "d1") is None
        with pytest.raises(Conflict) as refused:
            store.idempotency.find(session, "his", "key", "d2")
    assert refused.value.code == "store.idempotency-conflict"
    assert refused.value.status == 409


def test_two_at_the_same_moment_do_not_both_act(store: Store) -> None:
    """Both looked before either kept: the second is told to repeat, and then gets the first one's reply."""
    with pytest.raises(Conflict) as refused, store.database.write() as session:
        store.idempotency.keep(session, "his", "key", "d1", status=201, body=b"{}")
        session.expunge_all()
        store.idempotency.keep(session, "his", "key", "d1", status=201, body=b"{}")
    assert refused.value.code == "store.idempotency-busy"


def test_old_replies_are_forgotten(store: Store, clock: Time) -> None:
    with store.database.write() as session:
        store.idempotency.keep(session, "his", "key", "d1", status=201, body=b"{}")
    clock.ahead = dt.timedelta(days=8)
    with store.database.write() as session:
        store.idempotency.sweep(session)
        assert store.idempotency.find(session, "his", "key", "d2") is None
