"""Who may speak to the server (protocol.md): wrong, old, replayed and unknown requests, refused by name."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from server_stub.errors import Conflict, NotFound
from server_stub.store.nonces import Nonce
from signing.sm import SM2PrivateKey
from signing.wire import Request, new_nonce, sign_request_hmac, sign_request_sm2
from tests.conftest import ExpectedWarnings
from tests.support.server import Server
from tests.support.station import Answer, HisClient

SECONDS = dt.timedelta(seconds=1)
PATH = "/tsa"


def refusal(answer: Answer) -> str:
    """The code of a 401, whose sentences come in both languages."""
    assert answer.status_code == 401, answer.content
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "message_en"}
    assert error["code"] in error["message"]
    return str(error["code"])


def post(
    server: Server,
    header: str | None,
    body: bytes = b"",
    path: str = PATH,
    more: dict[str, str] | None = None,
) -> Answer:
    headers = ({"Authorization": header} if header else {}) | (more or {})
    return server.client.post(path, content=body, headers=headers)


def header(
    his: HisClient,
    body: bytes = b"",
    *,
    ahead: dt.timedelta = dt.timedelta(),
    nonce: str | None = None,
    path: str = PATH,
    method: str = "POST",
    key: str = "",
    query: list[tuple[str, str]] | None = None,
) -> str:
    return sign_request_hmac(
        Request(method, path, query or [], body, key),
        secret=his.secret,
        key_id=his.key_id,
        now=his.clock() + ahead,
        nonce=nonce or new_nonce(),
    )


def test_a_signed_request_passes_the_door(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """415 is the time stamp endpoint's own answer: the request has got there."""
    expected_warnings("penward.server", "tsa.media-type-wrong")
    assert post(server, header(server.his)).status_code == 415


@pytest.mark.parametrize("seconds", [-310, -3600, 310, 3600])
def test_an_old_or_early_request_is_refused(
    server: Server, expected_warnings: ExpectedWarnings, seconds: int
) -> None:
    expected_warnings("penward.auth", "auth.time-outside-window")
    assert refusal(post(server, header(server.his, ahead=seconds * SECONDS))) == "auth.time-outside-window"


@pytest.mark.parametrize("seconds", [-290, 290])
def test_five_minutes_either_way_are_allowed(
    server: Server, expected_warnings: ExpectedWarnings, seconds: int
) -> None:
    expected_warnings("penward.server", "tsa.media-type-wrong")
    assert post(server, header(server.his, ahead=seconds * SECONDS)).status_code == 415


def test_a_replayed_request_is_refused(server: Server, expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.server", "tsa.media-type-wrong")
    expected_warnings("penward.auth", "store.nonce-replayed")
    once = header(server.his)
    assert post(server, once).status_code == 415
    assert refusal(post(server, once)) == "store.nonce-replayed"


def test_every_part_of_a_request_is_covered(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """Body, path, query, method, idempotency key, secret: change one and the signature is wrong."""
    expected_warnings("penward.auth", "auth.signature-wrong")
    his = server.his
    other = HisClient(his.http, his.key_id, b"x" * 32, his.clock)
    wrong = [
        post(server, header(his, b"a"), b"b"),
        post(server, header(his, path="/tsa2")),
        post(server, header(his, query=[("a", "1")])),
        post(server, header(his), path="/tsa?a=1"),
        post(server, header(his, method="GET")),
        post(server, header(his, key="k1"), more={"Idempotency-Key": "k2"}),
        post(server, header(his, key="k1")),
        post(server, header(other)),
    ]
    assert {refusal(answer) for answer in wrong} == {"auth.signature-wrong"}
    with server.core.store.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Nonce)) == 0, "a wrong request uses no nonce"


def test_unknown_callers_and_unreadable_headers(server: Server, expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.auth", "auth.unknown-caller")
    expected_warnings("penward.auth", "auth.header-wrong")
    expected_warnings("penward.auth", "auth.no-credentials")
    his = server.his
    stranger = HisClient(his.http, "key-nobody", his.secret, his.clock)
    request = Request("POST", PATH, [], b"")
    with SM2PrivateKey.generate() as key:
        station = sign_request_sm2(
            request, signer=key, key_id="station-nobody", now=his.clock(), nonce=new_nonce()
        )
        borrowed = sign_request_sm2(
            request, signer=key, key_id=his.key_id, now=his.clock(), nonce=new_nonce()
        )
    assert refusal(post(server, header(stranger))) == "auth.unknown-caller"
    assert refusal(post(server, station)) == "auth.unknown-caller"
    assert refusal(post(server, borrowed)) == "auth.unknown-caller", "a HIS key is not a station"
    for bad in ("Bearer x", "Penward-HMAC-SM3 x", "x" * 5000, 'Penward-SM2 key_id="a"'):
        assert refusal(post(server, bad)) == "auth.header-wrong"
    assert refusal(post(server, None)) == "auth.no-credentials"


def test_a_header_that_comes_twice_is_refused(server: Server, expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.auth", "auth.header-twice")
    pair = [("Authorization", header(server.his)), ("Authorization", header(server.his))]
    answer = server.client.post(PATH, headers=pair)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "auth.header-twice")


def test_a_body_over_the_limit_is_refused(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """By its declared length, and while it streams when it has none."""
    expected_warnings("penward.auth", "server.body-too-large")
    body = bytes(100_000)
    declared = post(server, header(server.his, body), body)
    streamed = server.client.post(
        PATH,
        content=iter([body[:50_000], body[50_000:]]),
        headers={"Authorization": header(server.his, body)},
    )
    for answer in (declared, streamed):
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "server.body-too-large")


def test_keys_are_changed_without_a_pause(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """Two keys live side by side; a third is refused; a revoked one stops at once."""
    expected_warnings("penward.server", "tsa.media-type-wrong")
    expected_warnings("penward.auth", "auth.key-revoked")
    auth, database, old = server.core.auth, server.core.store.database, server.his
    with database.write() as session:
        his_id = auth.find_his(session, "示范 HIS")
        made = auth.add_his_key(session, his_id)
        with pytest.raises(Conflict) as refused:
            auth.add_his_key(session, his_id)
        assert refused.value.code == "auth.too-many-keys"
        assert auth.callback_key(session, his_id).key_id == made.key_id
    new = HisClient(old.http, made.key_id, made.secret, old.clock)
    assert [post(server, header(his)).status_code for his in (old, new)] == [415, 415]
    with database.write() as session:
        auth.revoke_his_key(session, old.key_id)
    assert refusal(post(server, header(old))) == "auth.key-revoked"
    assert post(server, header(new)).status_code == 415
    with database.write() as session:
        with pytest.raises(NotFound):
            auth.revoke_his_key(session, old.key_id)
        with pytest.raises(Conflict):
            auth.add_his(session, "示范 HIS")
    assert server.audited(his_id)[-2:] == ["caller-key-added", "caller-key-revoked"]


def test_secrets_are_not_in_the_database_in_the_clear(server: Server) -> None:
    """Neither HIS secrets nor the hospital's keys, in the database's file or its journal."""
    folder = server.core.settings.directory
    stored = b"".join(path.read_bytes() for path in folder.glob("penward.db*"))
    assert server.his.secret not in stored
    assert server.core.hospital.private_key("server").to_pkcs8() not in stored
