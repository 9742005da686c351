"""What a route asks for to know its caller; the middleware has proven who it is before the route runs."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from server_stub.auth.service import Caller, Station
from server_stub.errors import Forbidden, ServerError, Unauthenticated


def current_caller(request: HTTPConnection) -> Caller:
    """The proven caller of this request or WebSocket."""
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        raise Unauthenticated("auth.no-credentials")
    return caller


def current_his(request: HTTPConnection) -> Caller:
    """The calling HIS; a POST must carry an idempotency key.

    Raises:
        Forbidden: `auth.his-only`. ServerError 400: `auth.idempotency-key-missing`.
    """
    caller = current_caller(request)
    if caller.kind != "his":
        raise Forbidden("auth.his-only")
    if request.scope.get("method") == "POST" and not caller.idempotency_key:
        raise ServerError("auth.idempotency-key-missing")
    return caller


def current_station(request: HTTPConnection) -> Station:
    """The calling station. Raises Forbidden `auth.station-only`."""
    caller = current_caller(request)
    if caller.station is None:
        raise Forbidden("auth.station-only")
    return caller.station
