"""The door by itself: what hostile requests may cost, and what of them may reach a log."""

from __future__ import annotations

import datetime as dt
import tracemalloc
from typing import Any

import anyio
import pytest

from server_stub.auth import middleware
from server_stub.auth.middleware import _read, printable
from server_stub.errors import TooLarge, TooSlow, Unauthenticated
from signing.wire import Request, new_nonce, sign_request_hmac
from tests.support.server import Server


def read(parts: list[bytes], limit: int, *, length: str | None = None) -> bytes:
    headers = [] if length is None else [(b"content-length", length.encode("latin-1"))]
    waiting = iter(parts)
    left = len(parts)

    async def receive() -> dict[str, Any]:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": next(waiting), "more_body": left > 0}

    async def run() -> bytes:
        return await _read({"type": "http", "headers": headers}, receive, limit)

    return anyio.run(run)


def test_a_body_in_crumbs_costs_no_more_than_a_body_in_one() -> None:
    """Two bytes a message: as a list of parts they would take twenty times the limit."""
    crumbs = [b"ab"] * 200_000
    tracemalloc.start()
    try:
        body = read(crumbs, 400_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert body == b"ab" * 200_000
    assert peak < 4 * len(body)


def test_the_limit_is_exact() -> None:
    assert read([b"abc", b"de"], 5) == b"abcde"
    with pytest.raises(TooLarge):
        read([b"abc", b"def"], 5)


@pytest.mark.parametrize("length", ["6", "9" * 5000, "²", "-1", "+5", "0x5", "5 5", ""])
def test_a_declared_length_that_is_too_large_or_no_number_is_refused(length: str) -> None:
    with pytest.raises(TooLarge):
        read([b"abc"], 5, length=length)


def trickle(pause: float, parts: int) -> bytes:
    left = parts

    async def receive() -> dict[str, Any]:
        nonlocal left
        await anyio.sleep(pause)
        left -= 1
        return {"type": "http.request", "body": b"x" * 1000, "more_body": left > 0}

    async def run() -> bytes:
        return await _read({"type": "http", "headers": []}, receive, 1 << 20)

    return anyio.run(run)


def test_a_body_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However steadily the bytes come: below the least rate the body ends in 408."""
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.05)
    with pytest.raises(TooSlow) as refused:
        trickle(0.03, 1_000)
    assert (refused.value.code, refused.value.status) == ("server.body-slow", 408)
    monkeypatch.setattr(middleware, "BODY_BYTES_PER_SECOND", 1)
    assert len(trickle(0.03, 5)) == 5_000, "what has come buys time"


def test_the_header_is_judged_before_the_body_is_read(server: Server) -> None:
    """Key, time, form and nonce: nobody makes the server take in a body for a header that cannot pass."""
    his = server.his

    def signed(ahead: int = 0, **changes: str) -> str:
        request = Request("POST", "/tsa", [], b"")
        given = {"key_id": his.key_id, "nonce": new_nonce(), **changes}
        now = his.clock() + dt.timedelta(seconds=ahead)
        return sign_request_hmac(request, secret=his.secret, now=now, **given)

    auth = server.core.auth
    with server.core.store.database.write() as session:
        expires_at = his.clock() + dt.timedelta(minutes=10)
        server.core.store.nonces.use(session, his.key_id, "used-before-0123", expires_at=expires_at)
    door = middleware.CallerMiddleware(
        server.client.app,
        auth=auth,
        default_limit=1 << 20,
        limits={},
        open_paths=frozenset(),
        code_paths=frozenset(),
    )

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    headers = {
        signed(400): "auth.time-outside-window",
        signed(-400): "auth.time-outside-window",
        signed(key_id="key-nobody"): "auth.unknown-caller",
        signed(nonce="used-before-0123"): "store.nonce-replayed",
        signed().replace('nonce="', 'nonce="!'): "auth.header-wrong",
    }
    for header, code in headers.items():
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/tsa",
            "query_string": b"",
            "headers": [(b"authorization", header.encode()), (b"content-length", b"1000000")],
        }
        with pytest.raises(Unauthenticated) as refused:
            anyio.run(door._admit, scope, receive)
        assert refused.value.code == code


@pytest.mark.parametrize("path", ["/a\nERROR penward all is well", "/a\r\x1b[2J", "/病区", "/\udcff"])
def test_a_path_cannot_begin_a_line_in_a_log(path: str) -> None:
    told = printable(path)
    assert told.isascii() and told.isprintable() and " " not in told
    assert printable("/api/v1/tasks/task-1") == "/api/v1/tasks/task-1"
    assert len(printable("/" + "x" * 100_000)) == 200
