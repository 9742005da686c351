"""RFC 3161 over HTTP (§3.4) as a plain ASGI endpoint; the door before it has proven the caller."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from server_stub.errors import ServerError, Unprocessable
from server_stub.tsa.service import LocalTimeStamper

PATH = "/tsa"
QUERY, REPLY = "application/timestamp-query", b"application/timestamp-reply"
MAX_REQUEST = 16_384


class WrongMediaType(ServerError):
    """The body is not said to be a time stamp query."""

    status = 415


class TimeStampEndpoint:
    """`POST /tsa`: a TimeStampReq in, a TimeStampResp out."""

    def __init__(self, stamper: LocalTimeStamper) -> None:
        self._stamper = stamper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one query; signing costs less than a hop to a thread."""
        request = Request(scope, receive)
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != QUERY:
            raise WrongMediaType("tsa.media-type-wrong", expected=QUERY)
        body = await request.body()
        if not body:
            raise Unprocessable("tsa.request-empty")
        reply = self._stamper.respond(body)
        headers = [(b"content-type", REPLY), (b"content-length", str(len(reply)).encode("ascii"))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply, "more_body": False})


def build_route(stamper: LocalTimeStamper) -> Route:
    """The route; a `Route`, because a `Mount` redirects POST."""
    return Route(PATH, TimeStampEndpoint(stamper), methods=["POST"])
