"""Puts the rooms together: the core from a folder, the duty rooms over it, and one ASGI app in front."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_stub import svs
from server_stub.auth import api as auth_api
from server_stub.auth.middleware import CallerMiddleware, error_body, printable, refuse
from server_stub.clock import api as clock_api
from server_stub.config import load_settings
from server_stub.core import Core, Room
from server_stub.errors import NotFound, ServerError, Unprocessable, status_of
from server_stub.launch import Launch
from server_stub.mobile.demo import load_demo
from server_stub.mobile.rooms import rooms as bedside_rooms
from server_stub.opening import load_core
from server_stub.store import AuditKind, JobRunner
from server_stub.store import tasks as store_tasks
from server_stub.tsa import api as tsa_api
from signing.verdict import PenwardError

log = logging.getLogger("penward.server")

OPEN_PATHS = frozenset({"/health"})
CODE_PATHS = frozenset({auth_api.ENROL_PATH})


class InternalError(ServerError):
    """Something that this program did not expect; the log knows more under the incident's number."""

    status = 500


class MethodNotAllowed(ServerError):
    """The path exists, not for this method."""

    status = 405


def create_app(launch: Launch) -> ASGIApp:
    """The product's app, called in each worker process."""
    core = load_core(load_settings(launch.directory), launch.passphrase, exclusive=True)
    return build_app(core, build_rooms(core))


def build_rooms(core: Core) -> tuple[Room, ...]:
    """Every room of the product over one core, lower rooms first."""
    return (
        store_room(core),
        auth_room(core),
        ca_room(core),
        clock_room(core),
        tsa_room(core),
        svs_room(core),
        *bedside_rooms(core),
    )


def demo_loaders() -> tuple[Callable[[Session, str], str], ...]:
    """What `init --demo` puts into the rooms' tables: each loads its data and says what it was."""
    return (load_demo,)


def store_room(core: Core) -> Room:
    """Recovery, sweeps and audit roots."""
    settings = core.settings
    export = Path(settings.audit_export) if settings.audit_export else None
    roots = store_tasks.AuditRoots(core.store, core.tsa, export=export)
    return Room(
        "store",
        jobs={
            store_tasks.ROOT_JOB: roots.run,
            store_tasks.SWEEP_JOB: lambda _job: store_tasks.sweep(core.store),
        },
        periodic={
            store_tasks.ROOT_JOB: dt.timedelta(seconds=settings.audit_root_seconds),
            store_tasks.SWEEP_JOB: store_tasks.SWEEP_EVERY,
        },
        recover=lambda exclusive: core.store.recover(exclusive=exclusive),
    )


def auth_room(core: Core) -> Room:
    """Enrolment of stations."""
    return Room("auth", router=auth_api.build_router(core), acts=core.auth.acts)


def ca_room(core: Core) -> Room:
    """Certificates that no attempt can use any more are closed at the start."""

    def recover(exclusive: bool) -> None:
        with core.store.database.write() as session:
            core.ca.discard_unfinished(session, exclusive=exclusive)

    return Room("ca", recover=recover, acts=core.ca.acts)


def clock_room(core: Core) -> Room:
    """The clock begins to ask its sources before the first request, and tells what it knows."""
    return Room(
        "clock",
        router=clock_api.build_router(core.clock),
        recover=lambda _exclusive: core.clock.start(),
        close=core.clock.stop,
    )


def tsa_room(core: Core) -> Room:
    """RFC 3161 over HTTP."""
    return Room("tsa", routes=[tsa_api.build_route(core.tsa)], limits={tsa_api.PATH: tsa_api.MAX_REQUEST})


def svs_room(core: Core) -> Room:
    """GM/T 0029, GM/T 0136 and cryptographic services for other systems."""
    parts = svs.assemble(core.store, core.vault, core.hospital, core.settings.directory)
    return Room("svs", router=parts.router, routes=parts.routes, limits=parts.limits, close=parts.close)


def build_app(core: Core, rooms: Sequence[Room]) -> ASGIApp:
    """One ASGI app of the given rooms; background work runs while the app's lifespan lasts."""
    jobs = {kind: handler for room in rooms for kind, handler in room.jobs.items()}
    runner = JobRunner(core.store.jobs, jobs, threads=core.settings.job_threads)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(recover, core, rooms)
        runner.start()
        log.info("ready")
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(runner.stop)
            for room in rooms:
                if room.close is not None:
                    room.close()
            await anyio.to_thread.run_sync(core.close)

    app = FastAPI(
        title="Penward",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.core = core
    app.add_exception_handler(PenwardError, _penward_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)
    app.add_api_route("/health", _health, methods=["GET"])
    limits: dict[str, int] = {}
    for room in rooms:
        if room.router is not None:
            app.include_router(room.router)
        app.router.routes.extend(room.routes)
        limits.update(room.limits)
    door = CallerMiddleware(
        app,
        auth=core.auth,
        default_limit=core.settings.request_limit,
        limits=limits,
        open_paths=OPEN_PATHS,
        code_paths=CODE_PATHS,
    )
    return Shield(door, routes=app)


def recover(core: Core, rooms: Sequence[Room]) -> None:
    """Put right what the last process left unfinished, see that the periodic jobs exist, note the start."""
    exclusive = core.store.database.is_sqlite
    for room in rooms:
        if room.recover is not None:
            room.recover(exclusive)
    with core.store.database.write() as session:
        for room in rooms:
            for kind, every in room.periodic.items():
                core.store.jobs.ensure_periodic(session, kind, every=every)
        core.store.audit.append(session, AuditKind.SERVER_STARTED, subject=core.store.holder, actor="server")


class Shield:
    """The outermost layer: whatever escapes becomes a sentence with an incident number, no traceback."""

    def __init__(self, app: ASGIApp, *, routes: FastAPI) -> None:
        self._app = app
        self.routes = routes.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; answer 500 when an exception comes back before the answer began."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 the last layer: nothing may pass it
            if getattr(error, _TOLD, False):  # `_unexpected` has answered and logged it
                return
            told = _incident(scope)
            if not started:
                await refuse(scope, receive, send, told)


_TOLD = "_penward_told"


def _incident(scope: Scope) -> InternalError:
    """Log the exception in hand under a fresh number, and the error that carries the number out."""
    incident = secrets.token_hex(6)
    path = printable(scope["path"])
    log.exception("incident %s in %s %s", incident, scope.get("method", "WS"), path)
    return InternalError("server.internal", incident=incident)


async def _unexpected(request: Request, error: Exception) -> Response:
    """Starlette asks here for the answer to what no other handler took; it raises the error again after."""
    setattr(error, _TOLD, True)
    return _answer(_incident(request.scope))


async def _health() -> dict[str, str]:
    return {"status": "ok"}


def _answer(error: PenwardError) -> Response:
    return Response(error_body(error), status_of(error), media_type="application/json")


async def _penward_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PenwardError)  # noqa: S101 starlette hands over what was registered
    level = logging.ERROR if status_of(error) >= 500 else logging.WARNING
    caller = getattr(request.state, "caller", None)
    path = printable(request.scope["path"])
    log.log(level, "%s %s by %s: %s", request.method, path, getattr(caller, "actor", "-"), error)
    return _answer(error)


async def _validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 starlette hands over what was registered
    fields = ", ".join(".".join(str(part) for part in item["loc"]) for item in error.errors()[:10])
    return _answer(Unprocessable("server.request-wrong", fields=fields[:400]))


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 starlette hands over what was registered
    if error.status_code == 404:
        return _answer(NotFound("server.no-such-path"))
    if error.status_code == 405:
        return _answer(MethodNotAllowed("server.method-not-allowed"))
    problem = ServerError("server.http", number=error.status_code)
    return Response(error_body(problem), error.status_code, media_type="application/json")


__all__ = ["Launch", "build_app", "build_rooms", "create_app", "load_core", "recover"]
