"""The door: proves every request's caller before a route sees it, and bounds the body while it streams.

Only `open_paths` pass without a caller. `code_paths` (enrolment) pass with a body of their own proof: the
route itself answers 401 when the code in it is not good.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote

import anyio
import anyio.to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_stub.auth.service import AuthService
from server_stub.errors import ServerError, TooLarge, TooSlow, Unauthenticated, status_of
from signing.verdict import PenwardError
from signing.wire import IDEMPOTENCY_HEADER, Request

log = logging.getLogger("penward.auth")

BODY_SECONDS = 60.0
BODY_BYTES_PER_SECOND = 100_000
"""A body must be whole after `BODY_SECONDS` and the time that its bytes so far take at this rate."""
DRAIN_LIMIT = 2 << 30
DRAIN_SECONDS = 30
LOGGED_PATH = 200
MAX_QUERY_FIELDS = 100
_LENGTH = re.compile(r"[0-9]{1,18}")


class CallerMiddleware:
    """ASGI middleware. `limits` are body limits in bytes by exact path or by prefix ending in `/`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        auth: AuthService,
        default_limit: int,
        limits: Mapping[str, int],
        open_paths: frozenset[str],
        code_paths: frozenset[str],
    ) -> None:
        self._app = app
        self._auth = auth
        self._default_limit = default_limit
        self._limits = sorted(limits.items(), key=lambda item: len(item[0]), reverse=True)
        self._open_paths = open_paths
        self._code_paths = code_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer for the app."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        incoming = _Incoming(receive)
        try:
            receive = await self._admit(scope, incoming)
        except PenwardError as error:
            log.warning(
                "refused %s %s from %s: %s",
                scope.get("method", "WS"),
                printable(scope["path"]),
                (scope.get("client") or ("?",))[0],
                error,
            )
            if scope["type"] == "http" and not isinstance(error, TooSlow):
                await incoming.drain()
            await refuse(scope, incoming, send, error)
            return
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive) -> Receive:
        path = scope["path"]
        limit = self._limit(path)
        if path in self._open_paths:
            body = await _read(scope, receive, limit) if scope["type"] == "http" else b""
            return _replay(body, receive)
        headers = _headers(scope)
        if path in self._code_paths and scope["type"] == "http":
            return _replay(await _read(scope, receive, limit), receive)
        header = headers.get("authorization")
        if header is None:
            raise Unauthenticated("auth.no-credentials")
        authorization = await anyio.to_thread.run_sync(self._auth.known_key, header)
        body = await _read(scope, receive, limit) if scope["type"] == "http" else b""
        try:
            query = parse_qsl(
                scope["query_string"].decode("ascii"),
                keep_blank_values=True,
                strict_parsing=False,
                errors="strict",
                max_num_fields=MAX_QUERY_FIELDS,
            )
        except ValueError as error:
            raise ServerError("auth.query-wrong") from error
        request = Request(
            method=scope.get("method", "GET"),
            path=path,
            query=query,
            body=body,
            idempotency_key=headers.get(IDEMPOTENCY_HEADER.lower(), ""),
        )
        caller = await anyio.to_thread.run_sync(self._auth.authenticate, authorization, request)
        scope.setdefault("state", {})["caller"] = caller
        return _replay(body, receive) if scope["type"] == "http" else receive

    def _limit(self, path: str) -> int:
        for prefix, limit in self._limits:
            if path == prefix or (prefix.endswith("/") and path.startswith(prefix)):
                return limit
        return self._default_limit


def printable(path: str) -> str:
    """A path as it may stand in a log: percent-encoded again, so that it cannot begin a line of its own."""
    return quote(path[:LOGGED_PATH], safe="/-._~", errors="replace")


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        if key in found and key in {"authorization", IDEMPOTENCY_HEADER.lower(), "content-length"}:
            raise ServerError("auth.header-twice", header=key)
        found[key] = value.decode("latin-1")
    return found


async def _read(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, never holding more than `limit` bytes.

    Raises:
        TooLarge: `server.body-too-large`. TooSlow: `server.body-slow`. ServerError: `server.body-cut`.
    """
    declared = _headers(scope).get("content-length", "0")
    if not _LENGTH.fullmatch(declared) or int(declared) > limit:
        raise TooLarge("server.body-too-large", limit=limit)
    body = bytearray()  # not a list of parts: many small ones would take many times their size
    paid = 0
    with anyio.move_on_after(BODY_SECONDS) as patience:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ServerError("server.body-cut")
            part = message.get("body", b"")
            if len(body) + len(part) > limit:
                raise TooLarge("server.body-too-large", limit=limit)
            body += part
            if not message.get("more_body", False):
                return bytes(body)
            seconds = (len(body) - paid) // BODY_BYTES_PER_SECOND
            if seconds:  # not at each message: a timer costs more than a crumb
                paid += seconds * BODY_BYTES_PER_SECOND
                patience.deadline += seconds
    raise TooSlow("server.body-slow")


class _Incoming:
    """A `receive` that knows whether the body has ended."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read and forget what the client still sends, so that it gets to read the answer; with limits."""
        size = 0
        with anyio.move_on_after(DRAIN_SECONDS):
            while not self._ended and size < DRAIN_LIMIT:
                size += len((await self()).get("body", b""))


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once and then what the connection says."""
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def error_body(error: PenwardError) -> bytes:
    """The JSON answer to a refused request."""
    content = {
        "error": {
            "code": error.code,
            "message": error.message("zh_CN"),
            "message_en": error.message("en"),
        }
    }
    return json.dumps(content, ensure_ascii=False).encode()


async def refuse(scope: Scope, receive: Receive, send: Send, error: PenwardError) -> None:
    """Answer a request, or a WebSocket's upgrade, with an error."""
    status, body = status_of(error), error_body(error)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Penward-HMAC-SM3, Penward-SM2"))
    prefix = ""
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await receive()
            await send({"type": "websocket.close", "code": 4000 + status, "reason": error.code})
            return
        prefix = "websocket."
    await send({"type": f"{prefix}http.response.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}http.response.body", "body": body, "more_body": False})
