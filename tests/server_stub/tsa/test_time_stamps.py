"""RFC 3161 time stamps: in process and over HTTP, for proven callers, with serials that never repeat."""

from __future__ import annotations

import datetime as dt
import threading

from server_stub.tsa import SerialNumbers
from signing.sm import sm3
from signing.tsp import build_request, new_nonce, token_from_response, verify_token
from signing.verdict import Outcome
from signing.wire import Request, sign_request_hmac
from signing.wire import new_nonce as request_nonce
from tests.conftest import ExpectedWarnings
from tests.support.server import Server


def post(server: Server, body: bytes, media_type: str = "application/timestamp-query") -> tuple[int, bytes]:
    his = server.his
    header = sign_request_hmac(
        Request("POST", "/tsa", [], body),
        secret=his.secret,
        key_id=his.key_id,
        now=his.clock(),
        nonce=request_nonce(),
    )
    answer = server.client.post(
        "/tsa", content=body, headers={"Authorization": header, "Content-Type": media_type}
    )
    return answer.status_code, answer.content


def good(server: Server, token: bytes, message: bytes) -> bool:
    result = verify_token(token, message, anchors=server.core.hospital.anchors)
    return all(check.outcome <= Outcome.NOTE for check in result.checks)


def test_a_token_is_bound_to_its_message(server: Server) -> None:
    token = server.core.tsa.stamp(b"message")
    assert good(server, token, b"message")
    assert not good(server, token, b"another")
    result = verify_token(token, b"message", anchors=server.core.hospital.anchors)
    assert result.gen_time is not None
    assert abs(result.gen_time - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


def test_a_token_over_http(server: Server) -> None:
    nonce = new_nonce()
    status, reply = post(server, build_request(sm3(b"message"), nonce=nonce))
    assert status == 200
    assert good(server, token_from_response(reply, nonce=nonce), b"message")


def test_a_malformed_query_is_rejected_by_the_protocol(server: Server) -> None:
    """RFC 3161 has an answer for that: a rejection, status 200."""
    status, reply = post(server, b"\x30\x00")
    assert status == 200
    assert b"\x02\x01\x02" in reply  # PKIStatus rejection


def test_another_media_type_or_nothing_is_refused(
    server: Server, expected_warnings: ExpectedWarnings
) -> None:
    expected_warnings("penward.server", "tsa.media-type-wrong")
    expected_warnings("penward.server", "tsa.request-empty")
    assert post(server, b"{}", "application/json")[0] == 415
    assert post(server, b"")[0] == 422


def test_serials_never_repeat_and_fit_160_bits() -> None:
    """Two nodes, four threads, one frozen millisecond."""
    made: list[int] = []

    def work(serials: SerialNumbers) -> None:
        made.extend(serials() for _ in range(2000))

    sources = [SerialNumbers(1, milliseconds=lambda: 5), SerialNumbers(2, milliseconds=lambda: 5)]
    threads = [threading.Thread(target=work, args=(source,)) for source in sources for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000
    assert all(0 < serial < 1 << 160 for serial in made)
    assert {serial >> 128 for serial in made} == {1, 2}
