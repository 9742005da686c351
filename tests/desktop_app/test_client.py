"""R26: the server over HTTP: signed requests, retries, refusals in one sentence."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from desktop_app.client import HttpServer, check_url, enrol, refusal
from desktop_app.errors import DesktopError, ServerRefused
from desktop_app.station import Station
from signing.pki import public_key_from_spki
from signing.wire import Request, dump_json, parse_authorization, verify_request_sm2
from tests.conftest import ExpectedWarnings
from tests.desktop_app.fake_server import FakeServer


class Answers:
    """A loopback server that gives prepared answers and keeps the requests."""

    def __init__(self) -> None:
        self.prepared: list[tuple[int, bytes]] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        answers = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answers.requests.append((self.command, self.path, dict(self.headers), body))
                status, content = answers.prepared.pop(0)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _any

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def answers() -> Iterator[Answers]:
    made = Answers()
    yield made
    made.close()


@pytest.fixture
def client(station: Station, answers: Answers) -> Iterator[HttpServer]:
    made = HttpServer(station, url=answers.url)
    yield made
    made.close()


def test_requests_are_signed_by_the_stations_key(
    client: HttpServer, answers: Answers, station: Station, fake_server: FakeServer
) -> None:
    """R26: method, path, body and time are covered; the server can check it by the enrolled key."""
    task = fake_server.tasks()[0]
    answers.prepared = [(200, dump_json([task.to_dict()]))]
    # floats of the field's box need JSON with floats
    assert client.tasks() == [task]
    method, path, headers, body = answers.requests[0]
    authorization = parse_authorization(headers["Authorization"])
    assert authorization.key_id == station.id
    key = public_key_from_spki(station.signer.public_key_spki)
    verify_request_sm2(authorization, Request(method, path, (), body), public_key=key, now=datetime.now(UTC))


def test_an_upload_is_repeated_with_the_same_bytes_and_a_new_nonce(
    client: HttpServer, answers: Answers, fake_server: FakeServer
) -> None:
    """R20: a server that restarts is waited for."""
    reply = {
        "state": "signed",
        "signer_index": 0,
        "document_sm3": "00" * 32,
        "verdict": {},
        "checkpoint": fake_server.checkpoint().to_dict(),
    }
    answers.prepared = [(503, b""), (200, json.dumps(reply).encode())]
    assert client.upload("task-1", b"sealed").document_sm3 == bytes(32)
    assert [r[3] for r in answers.requests] == [b"sealed", b"sealed"]
    nonces = {parse_authorization(r[2]["Authorization"]).nonce for r in answers.requests}
    assert len(nonces) == 2


def test_refusals_carry_the_servers_sentence(client: HttpServer, answers: Answers) -> None:
    """R26: in both languages, with the code; no retry."""
    body = {"error": {"code": "server.some-code", "message": "任务已取消", "message_en": "Task cancelled"}}
    answers.prepared = [(409, json.dumps(body).encode())]
    with pytest.raises(ServerRefused) as raised:
        client.document("task-1")
    assert raised.value.status == 409
    assert raised.value.message("zh_CN") == "任务已取消（server.some-code）"
    assert raised.value.message("en") == "Task cancelled (server.some-code)"
    assert len(answers.requests) == 1


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"error": 3}', b"\xff", b'{"error": {"code": 1}}'])
def test_refusals_without_a_sentence_get_ours(content: bytes) -> None:
    """R26: whatever stands between us and the server may answer anything."""
    assert refusal(400, content).message("en")


def test_nonsense_and_silence_are_told(
    client: HttpServer, answers: Answers, expected_warnings: ExpectedWarnings, station: Station
) -> None:
    """R26: two different sentences."""
    expected_warnings("penward.desktop", "cannot be read")
    answers.prepared = [(200, b"<html>")]
    with pytest.raises(DesktopError) as raised:
        client.task("task-1")
    assert raised.value.code == "desktop.server-nonsense"
    silent = HttpServer(station, url="http://127.0.0.1:9", attempts=1)
    with pytest.raises(DesktopError) as raised:
        silent.tasks()
    assert raised.value.code == "desktop.server-unreachable"
    silent.close()


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1", "ftp://127.0.0.1", "https://", "https://u@h", "https://h/x", "x", "http://[1"]
)
def test_only_loopback_may_do_without_tls(url: str) -> None:
    """R26: anything else over the network is refused before a byte is sent."""
    with pytest.raises(DesktopError) as raised:
        check_url(url)
    assert raised.value.code == "desktop.bad-server-url"


def test_https_needs_a_root(station: Station) -> None:
    """R26: the hospital's root is pinned, the system's store is not asked."""
    with pytest.raises(DesktopError) as raised:
        HttpServer(station, url="https://penward.example")
    assert raised.value.code == "desktop.no-tls-root"
    with pytest.raises(DesktopError):
        enrol("https://penward.example", "code", name="n", ward="w", spki=b"")


def test_enrolment_reads_what_the_server_tells(answers: Answers, fake_server: FakeServer) -> None:
    """R26: roots, certificates, station id."""
    import base64

    certificate = base64.b64encode(fake_server.encryption.der).decode()
    answer = {
        "station_id": "station-9",
        "ward": "外科一病区",
        "hospital": "测试医院",
        "hospital_root_pem": [fake_server.hospital.root.pem.decode()],
        "encryption_certificate_b64": certificate,
        "station_certificate_b64": certificate,
        "server_certificate_b64": certificate,
    }
    answers.prepared = [(201, json.dumps(answer).encode()), (401, b"")]
    told = enrol(answers.url, "code", name="WS", ward="外科一病区", spki=b"spki")
    assert (told.station_id, told.ward) == ("station-9", "外科一病区")
    assert json.loads(answers.requests[0][3])["code"] == "code"
    with pytest.raises(ServerRefused):
        enrol(answers.url, "code", name="WS", ward="", spki=b"spki")
