"""GM/T 0029 over HTTP (appendix B and C): forms and JSON in, the same form out, as plain ASGI endpoints.

POST /svs/<Op>              application/x-www-form-urlencoded or application/json
POST /SignServerJson/<Op>   {"version","reqType","request":{…},"reqTime"}
                            → {"version","reqType","respond":{…},"respTime"}
POST /svs/asn1              DER of SVSRequest → DER of SVSRespond
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import logging
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import anyio.to_thread
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from server_stub.auth import Caller
from server_stub.errors import Unauthenticated
from server_stub.svs.asn1 import decode_request, encode_respond
from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault, UnknownOperation
from server_stub.svs.fields import Done, Fields, Request, Value
from server_stub.svs.service import SignVerifyServer
from signing.verdict import PenwardError
from signing.wire import WireError, parse_json

log = logging.getLogger("penward.svs")

PREFIX, VENDOR_PREFIX, ASN1_PATH = "/svs", "/SignServerJson", "/svs/asn1"
MAX_REQUEST = 48 << 20
MAX_FIELDS = 2100
SMALL = 64 * 1024
FORM, JSON, DER = b"application/x-www-form-urlencoded", b"application/json", b"application/octet-stream"
_TIME = re.compile(r"\d{14}(?:\.\d{1,3})?(?:[+-]\d{4}|Z)")
Answer = Mapping[str, Value]


class Runner:
    """What all endpoints of the service share: how an operation is run, and what its reply is."""

    def __init__(self, server: SignVerifyServer, *, wait: bool) -> None:
        self._server = server
        self._wait = wait

    async def run(self, request: Request, size: int) -> tuple[Reply, Answer]:
        """The reply and its fields; never an exception for anything that is wrong with the request."""
        try:
            if size <= SMALL and self._server.is_quick(request):
                done = self._server.call(request)
            else:
                done = await anyio.to_thread.run_sync(self._slow, request)
            if done.signed:
                written = self._server.journal.submit(done.signed)
                if self._wait:
                    await asyncio.wrap_future(written)
        except SvsFault as fault:
            log.info("%s by %s: %s", request.operation, request.caller, fault.reply.value)
            return fault.reply, {}
        except PenwardError as error:
            log.error("%s by %s: %s", request.operation, request.caller, error)
            return Reply.SYSTEM_FAILURE, {}
        return Reply.OK, done.fields

    def number(self, reply: Reply) -> int:
        """The reply's number on this site."""
        return self._server.codes.number(reply)

    def knows(self, operation: str) -> bool:
        """Whether there is such an operation."""
        return operation in self._server.operations

    def now(self) -> dt.datetime:
        """The service's clock."""
        return self._server.trust.clock()

    def _slow(self, request: Request) -> Done:
        if self._server.ring.is_stale:
            self._server.ring.refresh()
        return self._server.call(request)


class OperationEndpoint:
    """`POST /svs/<Op>`: form or JSON."""

    def __init__(self, service: Runner) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        operation = _operation(scope, self._service)
        body = await read_body(receive)
        is_json = _media_type(scope) == JSON
        answer: Answer = {}
        try:
            _check_headers(scope)
            values = _json_fields(_json(body)) if is_json else _form_fields(body)
        except SvsFault as fault:
            reply = fault.reply
        else:
            reply, answer = await self._service.run(
                Request(operation, Fields(values), actor(scope)), len(body)
            )
        flat = flatten(self._service.number(reply), answer)
        content = json.dumps(flat).encode() if is_json else urlencode(flat).encode()
        await _send(send, JSON if is_json else FORM, content, self._service.now())


class VendorEndpoint:
    """`POST /SignServerJson/<Op>`."""

    def __init__(self, service: Runner) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        operation = _operation(scope, self._service)
        body = await read_body(receive)
        answer: Answer = {}
        try:
            _check_headers(scope)
            content = _json(body)
            stated = content.get("reqType", operation)
            if (
                stated not in (operation, f"SignServerJson/{operation}")
                or content.get("version", "v1") != "v1"
            ):
                raise SvsFault(Reply.PARAMETERS, field="reqType")
            inner = content.get("request")
            values = _json_fields(inner if isinstance(inner, dict) else {})
        except SvsFault as fault:
            reply = fault.reply
        else:
            reply, answer = await self._service.run(
                Request(operation, Fields(values), actor(scope)), len(body)
            )
        now = self._service.now()
        envelope = {
            "version": "v1",
            "reqType": operation,
            "respond": flatten(self._service.number(reply), answer),
            "respTime": gmt(now),
        }
        await _send(send, JSON, json.dumps(envelope).encode(), now)


class Asn1Endpoint:
    """`POST /svs/asn1`: one SVSRequest, one SVSRespond."""

    def __init__(self, service: Runner) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is not an SVSRequest gets an ExportCert respond with `DATA_FORMAT`."""
        body = await read_body(receive)
        operation = "ExportCert"
        answer: Answer = {}
        try:
            operation, values = decode_request(body)
        except SvsFault as fault:
            reply = fault.reply
        else:
            reply, answer = await self._service.run(
                Request(operation, Fields(values), actor(scope)), len(body)
            )
        now = self._service.now()
        content = encode_respond(operation, self._service.number(reply), answer, now)
        await _send(send, DER, content, now)


def build_routes(service: Runner) -> list[Route]:
    """The routes, the exact path first."""
    return [
        Route(ASN1_PATH, Asn1Endpoint(service), methods=["POST"]),
        Route(f"{PREFIX}/{{operation}}", OperationEndpoint(service), methods=["POST"]),
        Route(f"{VENDOR_PREFIX}/{{operation}}", VendorEndpoint(service), methods=["POST"]),
    ]


def gmt(moment: dt.datetime) -> str:
    """GMT as the headers write it: yyyyMMddHHmmss+0000."""
    return moment.astimezone(dt.UTC).strftime("%Y%m%d%H%M%S+0000")


def flatten(number: int, answer: Answer) -> dict[str, str | int]:
    """The fields of an answer as text: bytes in base64, booleans TRUE and FALSE."""
    flat: dict[str, str | int] = {"respValue": number}
    for name, value in answer.items():
        if isinstance(value, bytes):
            flat[name] = base64.b64encode(value).decode("ascii")
        elif isinstance(value, bool):
            flat[name] = "TRUE" if value else "FALSE"
        else:
            flat[name] = value
    return flat


def actor(scope: Scope) -> str:
    """The proven caller. Raises Unauthenticated `auth.no-credentials`: the door was not in front."""
    caller: Caller | None = scope.get("state", {}).get("caller")
    if caller is None:
        raise Unauthenticated("auth.no-credentials")
    return caller.actor


async def read_body(receive: Receive) -> bytes:
    """The whole body; the door before has bounded it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def header(scope: Scope, name: bytes) -> bytes:
    """A header's value, empty without one."""
    for key, value in scope["headers"]:
        if key.lower() == name:
            return bytes(value)
    return b""


def _operation(scope: Scope, service: Runner) -> str:
    operation = str(scope["path_params"]["operation"])
    if not service.knows(operation):
        raise UnknownOperation("svs.no-such-operation", operation=operation[:40])
    return operation


def _media_type(scope: Scope) -> bytes:
    return header(scope, b"content-type").split(b";")[0].strip().lower()


def _check_headers(scope: Scope) -> None:
    version = header(scope, b"svs-request-version")
    stated = header(scope, b"svs-request-time").decode("latin-1").strip()
    if version and version.strip().lower() != b"v1":
        raise SvsFault(Reply.PARAMETERS, field="SVS-Request-Version")
    if stated and not _TIME.fullmatch(stated):
        raise SvsFault(Reply.PARAMETERS, field="SVS-Request-Time")


def _form_fields(body: bytes) -> dict[str, Value]:
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise SvsFault(Reply.DATA_FORMAT, field="body") from None
    values: dict[str, Value] = dict(pairs)
    if len(values) != len(pairs):
        raise SvsFault(Reply.PARAMETERS, field="body")
    return values


def _json(body: bytes) -> dict[str, object]:
    try:
        content = parse_json(body, max_bytes=MAX_REQUEST, max_depth=8, max_values=2 * MAX_FIELDS)
    except WireError:
        raise SvsFault(Reply.DATA_FORMAT, field="body") from None
    if not isinstance(content, dict):
        raise SvsFault(Reply.DATA_FORMAT, field="body")
    return content


def _json_fields(content: Mapping[str, object]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, value in content.items():
        if value is None:
            continue
        if not isinstance(value, str | int | bool):
            raise SvsFault(Reply.PARAMETERS, field=name[:40])
        values[name] = value
    return values


async def _send(send: Send, media_type: bytes, content: bytes, now: dt.datetime) -> None:
    headers = [
        (b"content-type", media_type),
        (b"content-length", str(len(content)).encode("ascii")),
        (b"svs-response-version", b"v1"),
        (b"svs-response-time", gmt(now).encode("ascii")),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})
