"""Background work of `mobile`: signed callbacks to the HIS, and the sweep of tasks."""

from __future__ import annotations

import datetime as dt
import logging
import ssl
from collections.abc import Callable
from typing import NoReturn

import requests

from server_stub.auth import AuthService
from server_stub.errors import NotFound
from server_stub.mobile import schemas
from server_stub.mobile.models import Task
from server_stub.mobile.service import CALLBACK_JOB, TaskService
from server_stub.store import AuditKind, ClaimedJob, GiveUp, RetryLater, Store
from signing import wire

log = logging.getLogger("penward.mobile.callback")

SWEEP_JOB = "mobile.sweep"
SWEEP_EVERY = dt.timedelta(seconds=15)
CONNECT_SECONDS, READ_SECONDS = 5, 15
_GONE = 410


def system_roots() -> str | bool:
    """The operating system's roots as `requests` takes them; where it has no file, those of `certifi`."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


class Callbacks:
    """Delivers `task.<event>` to the URL that the HIS gave, at least once, signed as its own requests are.

    A repeated delivery has the same `Idempotency-Key`. 2xx is an acknowledgement, 410 ends the trying,
    anything else is tried again with growing pauses. Redirects are not followed. `authorities` is a PEM
    bundle or folder that HTTPS is checked against.
    """

    def __init__(
        self,
        store: Store,
        auth: AuthService,
        *,
        session: Callable[[], requests.Session] = requests.Session,
        authorities: str | bool = True,
    ) -> None:
        self._store = store
        self._auth = auth
        self._session = session
        self._authorities = authorities

    def deliver(self, job: ClaimedJob) -> None:
        """Handler of `mobile.callback` jobs."""
        task_id, event = job.payload["task_id"], job.payload["event"]
        with self._store.database.read() as session:
            task = session.get(Task, task_id)
        if task is None or not task.callback_url:
            raise GiveUp("the task has no callback address")
        try:
            with self._store.database.read() as session:
                key = self._auth.callback_key(session, task.caller)
        except NotFound as error:
            self._end(job, task, error.code)
        now = self._store.clock()
        body = wire.dump_json(
            {
                "event": f"task.{event}",
                "event_id": job.id,
                "at": wire.format_time(now),
                "task": schemas.his_task_json(task),
            }
        )
        headers = wire.sign_callback(
            task.callback_url,
            body,
            secret=key.secret,
            key_id=key.key_id,
            now=now,
            nonce=wire.new_nonce(),
            event_id=job.id,
        )
        reason = self._post(task.callback_url, body, headers)
        if reason is None:
            with self._store.database.write() as session:
                self._store.audit.append(
                    session,
                    AuditKind.CALLBACK_DELIVERED,
                    subject=task.id,
                    actor="server",
                    data={"event": event, "tries": job.tries},
                )
                self._store.jobs.finish(session, job)
            return
        if reason == str(_GONE) or job.tries >= job.max_tries:
            self._end(job, task, reason)
        raise RetryLater(f"callback for {task.id}: {reason}")

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> str | None:
        """None when it was acknowledged, else why not."""
        with self._session() as client:
            client.trust_env = False
            try:
                with client.post(
                    url,
                    data=body,
                    headers=headers,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                    verify=self._authorities,
                    stream=True,
                ) as answer:
                    return None if 200 <= answer.status_code < 300 else str(answer.status_code)
            except requests.RequestException as error:
                return type(error).__name__

    def _end(self, job: ClaimedJob, task: Task, reason: str) -> NoReturn:
        with self._store.database.write() as session:
            self._store.audit.append(
                session,
                AuditKind.CALLBACK_GIVEN_UP,
                subject=task.id,
                actor="server",
                data={"event": str(job.payload["event"]), "tries": job.tries, "reason": reason},
            )
        raise GiveUp(f"callback for {task.id}: {reason}")


def handlers(tasks: TaskService, callbacks: Callbacks) -> dict[str, Callable[[ClaimedJob], None]]:
    """The jobs that this room runs, by kind."""

    def sweep(_job: ClaimedJob) -> None:
        tasks.sweep()

    return {CALLBACK_JOB: callbacks.deliver, SWEEP_JOB: sweep}
