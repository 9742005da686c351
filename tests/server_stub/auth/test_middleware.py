"""The door by itself: what hostile requests may cost, and what of them may reach a log."""

from __future__ import annotations

import tracemalloc
from typing import Any

import anyio
import pytest

from server_stub.auth.middleware import _read, printable
from server_stub.errors import TooLarge


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


@pytest.mark.parametrize("path", ["/a\nERROR penward all is well", "/a\r\x1b[2J", "/病区", "/\udcff"])
def test_a_path_cannot_begin_a_line_in_a_log(path: str) -> None:
    told = printable(path)
    assert told.isascii() and told.isprintable() and " " not in told
    assert printable("/api/v1/tasks/task-1") == "/api/v1/tasks/task-1"
    assert len(printable("/" + "x" * 100_000)) == 200
