"""Callbacks to the HIS: signed as its own requests are, at least once, tried again, given up in sight."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from server_stub.config import CONFIG_NAME, load_settings
from server_stub.errors import SetupError
from server_stub.mobile.service import CALLBACK_JOB
from server_stub.mobile.tasks import Callbacks
from server_stub.store import JobRunner
from server_stub.store.jobs import Job
from signing.pki import EcSigner
from signing.wire import CALLBACK_HEADER, IDEMPOTENCY_HEADER, OFD_MEDIA_TYPE, WireError, verify_callback
from tests.conftest import ExpectedWarnings
from tests.support.documents import small_ofd
from tests.support.server import Server, running
from tests.support.station import task_request


class Receiver:
    """A HIS's endpoint: keeps what came, answers the statuses it was given, then 204."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.came = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((self.path, dict(self.headers.items()), body))
                status = receiver.statuses.pop(0) if receiver.statuses else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.came.set()

            def log_message(self, *_arguments: object) -> None:
                """Nothing: the test looks at `received`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}/penward?from=ward"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A listening HIS."""
    receiver = Receiver()
    yield receiver
    receiver.close()


def jobs(server: Server) -> list[Job]:
    """The callback jobs."""
    with server.core.store.database.read() as session:
        return list(session.scalars(select(Job).where(Job.kind == CALLBACK_JOB).order_by(Job.id)))


def deliver_due(server: Server) -> None:
    """Run the callbacks that are due, whoever gets to them first: the app's runner or this thread."""
    callbacks = Callbacks(server.core.store, server.core.auth)
    runner = JobRunner(server.core.store.jobs, {CALLBACK_JOB: callbacks.deliver})
    for _ in range(200):
        runner.run_due()
        if not any(job.state == "running" for job in jobs(server)):
            return
        threading.Event().wait(0.02)
    raise AssertionError("a callback does not end")


def test_a_signed_callback(server: Server, receiver: Receiver) -> None:
    """The HIS can check who sent it and that nothing was changed; the body tells event and task."""
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, callback_url=receiver.url))
    server.station().sign(made["id"])
    assert receiver.came.wait(20)
    path, headers, body = receiver.received[0]
    event_id = headers[IDEMPOTENCY_HEADER]
    secrets = [server.his.secret]
    now = dt.datetime.now(dt.UTC)
    seen = verify_callback(headers[CALLBACK_HEADER], path, body, secrets=secrets, now=now, event_id=event_id)
    assert seen.key_id == server.his.key_id
    with pytest.raises(WireError):
        verify_callback(
            headers[CALLBACK_HEADER], path, body + b" ", secrets=secrets, now=now, event_id=event_id
        )
    told: dict[str, Any] = json.loads(body)
    assert (told["event"], told["event_id"]) == ("task.signed", event_id)
    assert told["task"]["state"] == "signed"
    assert told["task"] == server.his.task(made["id"])
    deliver_due(server)
    assert "callback-delivered" in server.audited(made["id"])


def test_it_is_tried_again(server: Server, receiver: Receiver) -> None:
    """500, a redirect (never followed), and then an acknowledgement: one event id over all tries."""
    receiver.statuses = [500, 302]
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, callback_url=receiver.url))
    server.his.call("POST", f"/tasks/{made['id']}/cancel")
    assert receiver.came.wait(20)
    deliver_due(server)
    for ahead in (10, 100):
        server.clock.ahead = dt.timedelta(seconds=ahead)
        deliver_due(server)
    assert len(receiver.received) == 3
    assert {path for path, _, _ in receiver.received} == {"/penward?from=ward"}
    assert len({headers[IDEMPOTENCY_HEADER] for _, headers, _ in receiver.received}) == 1
    assert len({headers[CALLBACK_HEADER] for _, headers, _ in receiver.received}) == 3
    assert [job.state for job in jobs(server)] == ["done"]
    assert json.loads(receiver.received[-1][2])["event"] == "task.cancelled"


def test_nobody_listens(server: Server, receiver: Receiver) -> None:
    """A HIS that is away loses nothing: the job waits with a growing pause."""
    receiver.close()
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, callback_url=receiver.url))
    server.his.call("POST", f"/tasks/{made['id']}/cancel")
    deliver_due(server)
    (job,) = jobs(server)
    assert job.state == "waiting"
    assert job.run_at > server.clock()
    assert "ConnectionError" in job.last_error


def test_a_his_that_wants_no_more(
    server: Server, receiver: Receiver, expected_warnings: ExpectedWarnings
) -> None:
    """410 ends the trying; the end is audited and logged where a person sees it."""
    expected_warnings("penward.store.jobs", "is dead")
    receiver.statuses = [410]
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, callback_url=receiver.url))
    server.his.call("POST", f"/tasks/{made['id']}/cancel")
    assert receiver.came.wait(20)
    deliver_due(server)
    assert [job.state for job in jobs(server)] == ["dead"]
    assert server.audited(made["id"])[-1] == "callback-given-up"


def test_each_signer_is_told(server: Server, receiver: Receiver) -> None:
    """With two signers the HIS hears of the first signature, and then of the signed task."""
    signers = (("patient", "王小明"), ("family", "李永明"))
    fields = tuple(
        {"kind": "box", "page": 0, "x_mm": x, "y_mm": 220.0, "width_mm": 50.0, "height_mm": 20.0}
        for x in (20.0, 110.0)
    )
    request = task_request(
        small_ofd(), OFD_MEDIA_TYPE, signers=signers, fields=fields, callback_url=receiver.url
    )
    made = server.his.create(request)
    station = server.station()
    station.sign(made["id"])
    station.sign(made["id"], seed=3)
    deliver_due(server)
    events = sorted(json.loads(body)["event"] for _, _, body in receiver.received)
    assert events == ["task.signed", "task.signer-signed"]


def test_https_under_the_hospitals_own_ca(hospital: Path, tmp_path: Path) -> None:
    """R26: with `callback_authorities` a HIS that no public CA knows is reached; without it, it is not."""
    with running(hospital) as server:
        signer = server.core.hospital.signer("tls")
        assert isinstance(signer, EcSigner)
        key_file, chain_file, bundle = (tmp_path / name for name in ("key.pem", "chain.pem", "roots.pem"))
        key_file.write_bytes(signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        chain_file.write_bytes(server.core.hospital.certificate("tls").pem)
        bundle.write_bytes(server.core.hospital.certificate("tls-root").pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain_file, key_file)
    receiver = Receiver(context)
    try:
        with running(hospital) as server:
            cancelled_task(server, receiver)
            wait_for_a_try(server)
            assert receiver.received == []
            assert "SSLError" in jobs(server)[0].last_error
        with (hospital / CONFIG_NAME).open("a", encoding="utf-8") as config:
            config.write(f"callback_authorities = {json.dumps(str(bundle))}\n")
        with running(hospital) as server:
            cancelled_task(server, receiver)
            assert receiver.came.wait(20)
    finally:
        receiver.close()


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_bundle_that_is_none_is_told_at_the_start(hospital: Path, content: bytes | None) -> None:
    """A missing or empty file is named by the start, not by callbacks that never arrive."""
    if content is not None:
        (hospital / "roots.pem").write_bytes(content)
    with (hospital / CONFIG_NAME).open("a", encoding="utf-8") as config:
        config.write('callback_authorities = "roots.pem"\n')
    with pytest.raises(SetupError) as refused:
        load_settings(hospital)
    assert refused.value.code == "server.config-wrong"
    assert "callback_authorities" in refused.value.message("en")


def cancelled_task(server: Server, receiver: Receiver) -> None:
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, callback_url=receiver.url))
    server.his.call("POST", f"/tasks/{made['id']}/cancel")


def wait_for_a_try(server: Server) -> None:
    for _ in range(500):
        if any(job.last_error for job in jobs(server)):
            return
        threading.Event().wait(0.02)
    raise AssertionError("no callback was tried")
