"""Every endpoint but health needs a known caller (protocol.md); errors have one shape and no traceback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse

from server_stub.app import build_app, build_rooms
from server_stub.core import Room
from tests.conftest import ExpectedWarnings
from tests.support.server import Server

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def routes(found: list[BaseRoute]) -> Iterator[Route | WebSocketRoute]:
    """Every route, also those inside mounts and included routers."""
    for route in found:
        inner: Any = getattr(route, "routes", None)
        if isinstance(route, Route | WebSocketRoute):
            yield route
        elif inner or isinstance(route, Mount):
            yield from routes(list(inner or []))
        elif hasattr(route, "original_router"):
            yield from routes(list(route.original_router.routes))
        else:
            pytest.fail(f"a kind of route that this walk does not know: {route!r}")


def filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "task-1", path)


def test_all_routes_without_credentials_give_401(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """Walk all routes by every method; a new route cannot be forgotten."""
    expected_warnings("penward", "auth.no-credentials")
    app: Any = server.client.app
    seen = set()
    for route in routes(app.routes):
        path = filled(route.path)
        seen.add(route.path)
        if isinstance(route, WebSocketRoute):
            with pytest.raises(WebSocketDenialResponse) as denied, server.client.websocket_connect(path):
                pass
            assert denied.value.status_code == 401
            continue
        if path == "/health":
            continue
        for method in METHODS:
            answer = server.client.request(method, path)
            expected = (401, 405) if path == "/api/v1/stations/enrol" else (401,)
            assert answer.status_code in expected, (method, path)
    assert {"/health", "/tsa", "/api/v1/stations/enrol", "/api/v1/tasks"} <= seen
    assert len(seen) >= 15, "the walk must see the routes of all rooms"


def test_a_path_that_does_not_exist_needs_a_caller_too(
    server: Server, expected_warnings: ExpectedWarnings
) -> None:
    """Who is not known learns nothing, not even what exists."""
    expected_warnings("penward.auth", "auth.no-credentials")
    assert server.client.get("/api/v1/nothing").status_code == 401
    for path in ("/openapi.json", "/docs", "/redoc", "/health/", "//health", "/HEALTH"):
        assert server.client.get(path).status_code == 401, path
    answer = server.his.call("GET", "/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "server.no-such-path")
    answer = server.his.call("DELETE", "/tasks")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "server.method-not-allowed")


def test_health_is_open_and_says_little(server: Server) -> None:
    answer = server.client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_what_nobody_expected_is_one_sentence_with_a_number(
    server: Server, expected_warnings: ExpectedWarnings
) -> None:
    """No traceback leaves; the log has it under the same number."""
    expected_warnings("penward.server", "incident [0-9a-f]{12} in POST /broken")

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError("secret detail")

    class Endpoint:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await broken(scope, receive, send)

    room = Room("broken", routes=[Route("/broken", Endpoint(), methods=["POST"])])
    app = build_app(server.core, (*build_rooms(server.core), room))
    from tests.server_stub.auth.test_callers import header

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.post("/broken", headers={"Authorization": header(server.his, path="/broken")})
    assert answer.status_code == 500
    error = answer.json()["error"]
    assert error["code"] == "server.internal"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert re.search(r"[0-9a-f]{12}", error["message"])


def test_a_start_is_in_the_audit_log(server: Server) -> None:
    assert server.audited(server.core.store.holder) == ["server-started"]
