"""The server over HTTP: requests signed by the station's key, the hospital's root pinned, retries."""

from __future__ import annotations

import base64
import json
import logging
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from tenacity import (
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_attempt,
    stop_when_event_set,
    wait_exponential,
)
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from desktop_app.errors import DesktopError, ServerRefused
from desktop_app.server import UploadReply
from desktop_app.station import Enrolment, Station
from signing.verdict import PenwardError
from signing.wire import (
    Challenge,
    Reader,
    Request,
    Task,
    WireError,
    decode_base64,
    new_nonce,
    parse_json,
    sign_request_sm2,
)

LOG = logging.getLogger("penward.desktop")
T = TypeVar("T")
API = "/api/v1"
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
MAX_JSON = 8 * 1024 * 1024
MAX_DOCUMENT = 256 * 1024 * 1024
MAX_TASKS = 2000
ATTEMPTS = 3
RECONNECT_S = (1.0, 2.0, 5.0, 10.0, 30.0)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class _Unreachable(DesktopError):
    """No answer, or one that says "later": worth another try."""


class HttpServer:
    """`StationServer` over HTTP(S) and WebSocket. Thread-safe."""

    def __init__(
        self,
        station: Station,
        *,
        url: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        attempts: int = ATTEMPTS,
    ) -> None:
        self._station = station
        self._now = now
        self._attempts = attempts
        self._url = check_url(url or station.server_url)
        self._session = requests.Session()
        self._session.trust_env = False
        roots = station.tls_roots
        self._verify: str | bool = str(roots) if roots else False
        if self._url.startswith("https:") and roots is None:
            raise DesktopError("desktop.no-tls-root")
        self._closed = threading.Event()

    def tasks(self) -> list[Task]:
        """See `StationServer`."""
        found = self._json("GET", "/station/tasks")
        if not isinstance(found, list) or len(found) > MAX_TASKS:
            raise DesktopError("desktop.server-nonsense")
        return _read(lambda: [Task.from_dict(item) for item in found])

    def task(self, task_id: str) -> Task:
        """See `StationServer`."""
        value = self._json("GET", f"/station/tasks/{task_id}")
        return _read(lambda: Task.from_dict(value))

    def document(self, task_id: str) -> bytes:
        """See `StationServer`."""
        return self._call("GET", f"/station/tasks/{task_id}/document", b"", MAX_DOCUMENT)

    def challenge(self, task_id: str) -> Challenge:
        """See `StationServer`."""
        value = self._json("POST", f"/station/tasks/{task_id}/challenge")
        return _read(lambda: Challenge.from_dict(value))

    def upload(self, task_id: str, sealed: bytes) -> UploadReply:
        """See `StationServer`. The same package may be sent again: its challenge is used only once."""
        answer = self._call("POST", f"/station/tasks/{task_id}/evidence", sealed, MAX_JSON)
        return _read(lambda: UploadReply.from_dict(parse_json(answer, max_bytes=MAX_JSON, allow_floats=True)))

    def signed(self, task_id: str) -> bytes:
        """See `StationServer`."""
        return self._call("GET", f"/station/tasks/{task_id}/signed", b"", MAX_DOCUMENT)

    def listen(self, on_message: Callable[[], None]) -> None:
        """See `StationServer`: a thread that connects again and again until `close`."""
        threading.Thread(target=self._listen, args=(on_message,), name="penward-push", daemon=True).start()

    def close(self) -> None:
        """See `StationServer`."""
        self._closed.set()
        self._session.close()

    def _json(self, method: str, path: str) -> Any:
        answer = self._call(method, path, b"", MAX_JSON)
        return _read(lambda: parse_json(answer, max_bytes=MAX_JSON, allow_floats=True))

    def _call(self, method: str, path: str, body: bytes, limit: int) -> bytes:
        for attempt in Retrying(
            retry=retry_if_exception_type(_Unreachable),
            stop=stop_after_attempt(self._attempts) | stop_when_event_set(self._closed),
            sleep=sleep_using_event(self._closed),
            wait=wait_exponential(multiplier=0.2, max=2),
            reraise=True,
        ):
            with attempt:
                return self._once(method, path, body, limit)
        raise DesktopError("desktop.server-unreachable")

    def _once(self, method: str, path: str, body: bytes, limit: int) -> bytes:
        headers = {"Authorization": self._authorize(method, path, body)}
        if body:
            headers["Content-Type"] = "application/octet-stream"
        try:
            with self._session.request(
                method,
                self._url + API + path,
                data=body,
                headers=headers,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            ) as answer:
                content = _limited(answer, limit)
        except requests.exceptions.SSLError as error:
            LOG.error("TLS: %s", error)
            raise DesktopError("desktop.server-not-trusted") from error
        except requests.RequestException as error:
            LOG.info("%s %s: %s", method, path, error)
            raise _Unreachable("desktop.server-unreachable") from error
        if answer.status_code in (502, 503, 504):
            raise _Unreachable("desktop.server-unreachable")
        if not answer.ok:
            raise refusal(answer.status_code, content)
        return content

    def _authorize(self, method: str, path: str, body: bytes) -> str:
        return sign_request_sm2(
            Request(method, API + path, (), body),
            signer=self._station.signer,
            key_id=self._station.id,
            now=self._now(),
            nonce=new_nonce(),
        )

    def _listen(self, on_message: Callable[[], None]) -> None:
        failures = 0
        while not self._closed.is_set():
            try:
                with self._push_socket() as socket:
                    failures = 0
                    on_message()
                    while not self._closed.is_set():
                        try:
                            message = socket.recv(timeout=1.0)
                        except TimeoutError:
                            continue
                        if b'"ping"' not in (message.encode() if isinstance(message, str) else message):
                            on_message()
            except (OSError, WebSocketException, PenwardError) as error:
                LOG.info("push connection: %s", error)
            self._closed.wait(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])
            failures += 1

    def _push_socket(self) -> Any:
        context = None
        if self._url.startswith("https:"):
            context = ssl.create_default_context(cafile=str(self._verify))
        return connect(
            "ws" + self._url.removeprefix("http") + API + "/station/push",
            additional_headers={"Authorization": self._authorize("GET", "/station/push", b"")},
            ssl=context,
            open_timeout=CONNECT_TIMEOUT_S,
            close_timeout=1,
            max_size=64 * 1024,
            proxy=None,
        )


def enrol(url: str, code: str, *, name: str, ward: str, spki: bytes, root: Path | None = None) -> Enrolment:
    """Enrol a station by its one-time code. `root` is the PEM file that the administrator handed over;
    over https it is needed, on this computer (loopback http) not.

    Raises:
        DesktopError: no answer, not trusted, or refused.
    """
    base = check_url(url)
    if base.startswith("https:") and root is None:
        raise DesktopError("desktop.no-tls-root")
    body = json.dumps(
        {
            "code": code,
            "name": name,
            "ward": ward,
            "public_key_b64": base64.b64encode(spki).decode("ascii"),
        },
        ensure_ascii=False,
    ).encode()
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                f"{base}{API}/stations/enrol",
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                verify=str(root) if root else False,
                allow_redirects=False,
                stream=True,
            )
            content = _limited(answer, MAX_JSON)
    except requests.exceptions.SSLError as error:
        raise DesktopError("desktop.server-not-trusted") from error
    except requests.RequestException as error:
        LOG.info("enrolment: %s", error)
        raise DesktopError("desktop.server-unreachable") from error
    if not answer.ok:
        raise refusal(answer.status_code, content)
    return _read(lambda: _enrolment(parse_json(content, max_bytes=MAX_JSON), ward))


def check_url(url: str) -> str:
    """The server's base URL without a trailing slash; http only on this computer.

    Raises:
        DesktopError: `desktop.bad-server-url`.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        good = parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        good, host, parts = False, None, urlsplit("")
    if not good or parts.query or parts.fragment or parts.username or parts.path.strip("/"):
        raise DesktopError("desktop.bad-server-url", url=url[:100])
    if parts.scheme == "http" and host not in LOOPBACK:
        raise DesktopError("desktop.bad-server-url", url=url[:100])
    return url.rstrip("/")


def refusal(status: int, content: bytes) -> ServerRefused:
    """The error that an answer carries: the server's own code and sentences where it sent them."""
    try:
        error = parse_json(content, max_bytes=MAX_JSON)["error"]
        code = str(error["code"])
        said = {"zh_CN": str(error.get("message", "")), "en": str(error.get("message_en", ""))}
    except (WireError, KeyError, TypeError, AttributeError):
        return ServerRefused("desktop.server-refused", status=status, said={})
    return ServerRefused(code, status=status, said={"zh_CN": said["zh_CN"], "en": said["en"]})


def _enrolment(value: Any, ward: str) -> Enrolment:
    reader = Reader(value)
    roots = value.get("hospital_root_pem")
    if not isinstance(roots, list) or not all(isinstance(root, str) for root in roots):
        raise WireError("wire.field-not-text", path="$.hospital_root_pem")
    server = value.get("server_certificate_b64")
    return Enrolment(
        station_id=reader.text("station_id", max_length=64),
        ward=reader.text("ward", max_length=100, min_length=0, default=ward),
        hospital=reader.text("hospital", max_length=200, min_length=0, default=""),
        roots=tuple(roots),
        station_certificate=reader.base64_bytes("station_certificate_b64", max_bytes=16384),
        server_certificate=(
            decode_base64(server, "$.server_certificate_b64", max_bytes=16384)
            if isinstance(server, str)
            else None
        ),
    )


def _limited(answer: requests.Response, limit: int) -> bytes:
    content = bytearray()
    for chunk in answer.iter_content(65536):
        content += chunk
        if len(content) > limit:
            raise DesktopError("desktop.server-nonsense")
    return bytes(content)


def _read(read: Callable[[], T]) -> T:
    """Turn a malformed answer into one sentence; what was wrong goes to the log."""
    try:
        return read()
    except (WireError, RecursionError) as error:
        LOG.error("the server's answer cannot be read: %s", error)
        raise DesktopError("desktop.server-nonsense") from error
