"""R45: a request is known by its signature: whatever is changed, or too late, is refused by name."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.sm import SM2PrivateKey
from signing.wire import (
    WINDOW,
    Authorization,
    Request,
    WireError,
    canonical_request,
    new_nonce,
    parse_authorization,
    sign_callback,
    sign_request_hmac,
    sign_request_sm2,
    verify_callback,
    verify_request_hmac,
    verify_request_sm2,
)

NOW = datetime(2026, 11, 22, 4, 0, 0, tzinfo=UTC)
SECRET = bytes(range(32))
NONCE = "nonce-nonce-nonce"
REQUEST = Request("POST", "/api/v1/tasks", [("ward", "三病区"), ("a", "1 2"), ("a", "")], b'{"x":1}', "key-1")


def sign(request: Request = REQUEST, **changes: object) -> str:
    """A header for a request of the HIS."""
    options = {"secret": SECRET, "key_id": "his-1", "now": NOW, "nonce": NONCE} | changes
    return sign_request_hmac(request, **options)  # type: ignore[arg-type]


def verify(header: str, request: Request = REQUEST, **changes: object) -> Authorization:
    """Parse and verify as the server does."""
    options = {"secrets": [SECRET], "now": NOW} | changes
    authorization = parse_authorization(header)
    verify_request_hmac(authorization, request, **options)  # type: ignore[arg-type]
    return authorization


def test_the_canonical_bytes() -> None:
    """docs/http-signing.md: nine lines; this is the example given there."""
    assert canonical_request(
        "GET",
        "/api/v1/tasks/三/x y",
        [("ward", "三病区"), ("a", "2"), ("a", "1 2"), ("A~", "&=")],
        "0" * 64,
        "his-1",
        "2026-11-22T04:00:00Z",
        NONCE,
        "",
    ) == (
        b"PENWARD-REQUEST-1\n"
        b"GET\n"
        b"/api/v1/tasks/%E4%B8%89/x%20y\n"
        b"A~=%26%3D&a=1%202&a=2&ward=%E4%B8%89%E7%97%85%E5%8C%BA\n"
        b"0000000000000000000000000000000000000000000000000000000000000000\n"
        b"his-1\n"
        b"2026-11-22T04:00:00Z\n"
        b"nonce-nonce-nonce\n"
        b"\n"
    )


def test_known_answer() -> None:
    """R45: a HIS written in another language can compare with this header."""
    assert sign() == (
        'Penward-HMAC-SM3 key_id="his-1", time="2026-11-22T04:00:00Z", nonce="nonce-nonce-nonce", '
        'signature="OaFNgx3S2mlhwF2t0CtiSHjD87Ac4nOMdJDavYlppjQ="'
    )


def test_round_trip() -> None:
    """R45: what was signed is accepted, in any order of the query."""
    turned = dataclasses.replace(REQUEST, query=REQUEST.query[::-1])
    assert verify(sign(), turned).key_id == "his-1"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": "/api/v1/task"},
        {"query": []},
        {"query": [*REQUEST.query, ("b", "")]},
        {"body": b'{"x":2}'},
        {"idempotency_key": "key-2"},
        {"idempotency_key": ""},
    ],
)
def test_anything_changed_is_refused(change: dict[str, object]) -> None:
    """R45: method, path, query, body and idempotency key are all covered."""
    with pytest.raises(WireError) as caught:
        verify(sign(), dataclasses.replace(REQUEST, **change))  # type: ignore[arg-type]
    assert caught.value.code == "wire.wrong-signature"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("his-1", "his-2"),
        ("04:00:00Z", "04:00:01Z"),
        (NONCE, NONCE[::-1]),
        ('signature="', 'signature="AAAA'),
    ],
)
def test_a_changed_header_is_refused(old: str, new: str) -> None:
    """R45: key id, time and nonce are covered too."""
    with pytest.raises(WireError, match="wrong-signature"):
        verify(sign().replace(old, new))


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_outside_the_window(seconds: int) -> None:
    """R45: ±300 s by the signed time."""
    with pytest.raises(WireError, match="time-outside-window"):
        verify(sign(), now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_inside_the_window(seconds: int) -> None:
    """R45: the border belongs to it."""
    assert timedelta(seconds=300) == WINDOW
    verify(sign(), now=NOW + timedelta(seconds=seconds))


def test_two_live_keys() -> None:
    """R45: keys can be changed while both are accepted; a wrong one alone is not."""
    verify(sign(), secrets=[b"n" * 32, SECRET])
    for keys in ([b"n" * 32], []):
        with pytest.raises(WireError, match="wrong-signature"):
            verify(sign(), secrets=keys)


def test_weak_secrets_are_refused() -> None:
    """R45: fewer than 32 bytes are no secret, for signing and verifying."""
    with pytest.raises(WireError, match="weak-secret"):
        sign(secret=b"short")
    with pytest.raises(WireError, match="weak-secret"):
        verify(sign(), secrets=[b""])


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "wire.unknown-scheme"),
        ("Bearer abc", "wire.unknown-scheme"),
        ("Penward-HMAC-SM3", "wire.bad-authorization"),
        (sign() + ', extra="1"', "wire.bad-authorization"),
        (sign() + f', nonce="{NONCE}"', "wire.bad-authorization"),
        (sign().replace(NONCE, "short"), "wire.bad-authorization"),
        (sign().replace("his-1", ""), "wire.bad-authorization"),
        (sign().replace("Z", "+00:00"), "wire.bad-time"),
        (sign().replace("-22T", "-32T"), "wire.bad-time"),
        (sign().replace('signature="', 'signature="='), "wire.bad-authorization"),
        (sign().split("signature")[0] + 'signature=""', "wire.bad-authorization"),
        (sign() + " " * 2000, "wire.bad-authorization"),
    ],
)
def test_malformed_headers(header: str, code: str) -> None:
    """R45: refused by name."""
    with pytest.raises(WireError) as caught:
        parse_authorization(header)
    assert caught.value.code == code


@given(st.text(max_size=80))
def test_garbage_headers(text: str) -> None:
    """Only the documented error escapes."""
    for header in (text, "Penward-SM2 " + text):
        with pytest.raises(WireError):
            parse_authorization(header)


@given(
    st.text(max_size=20).map(lambda s: "/" + s),
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=4),
    st.binary(max_size=30),
)
def test_nothing_escapes_its_line(path: str, query: list[tuple[str, str]], body: bytes) -> None:
    """R45: no path and no query can forge another line: there are always nine."""
    try:
        message = canonical_request("GET", path, query, "0" * 64, "k", "2026-01-01T00:00:00Z", NONCE, "")
    except WireError as error:
        assert error.code == "wire.bad-path"
        return
    assert message.count(b"\n") == 9 and message.isascii()
    request = Request("GET", path, query, body)
    verify(sign(request), request)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"method": "get"}, "wire.bad-method"),
        ({"path": "x"}, "wire.bad-path"),
        ({"body_sm3_hex": "A" * 64}, "wire.bad-digest"),
        ({"key_id": "a b"}, "wire.bad-key-id"),
        ({"time_iso": "2026-01-01 00:00:00"}, "wire.bad-time"),
        ({"nonce": "x" * 15}, "wire.bad-nonce"),
        ({"nonce": "x" * 15 + "\n"}, "wire.bad-nonce"),
        ({"idempotency_key": "a\nb"}, "wire.bad-idempotency-key"),
        ({"idempotency_key": "a" * 129}, "wire.bad-idempotency-key"),
    ],
)
def test_parts_are_checked(change: dict[str, str], code: str) -> None:
    """R45: nothing enters the canonical form unchecked."""
    parts: dict[str, object] = {
        "method": "GET",
        "path": "/",
        "query": [],
        "body_sm3_hex": "0" * 64,
        "key_id": "k",
        "time_iso": "2026-01-01T00:00:00Z",
        "nonce": NONCE,
        "idempotency_key": "",
    }
    with pytest.raises(WireError) as caught:
        canonical_request(**(parts | change))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_station_signature() -> None:
    """R45: a station signs with its own SM2 key; another station's key does not fit."""
    key, other = SM2PrivateKey.generate(), SM2PrivateKey.generate()
    header = sign_request_sm2(REQUEST, signer=key, key_id="station-1", now=NOW, nonce=NONCE)
    authorization = parse_authorization(header)
    verify_request_sm2(authorization, REQUEST, public_key=key.public_key, now=NOW)
    with pytest.raises(WireError, match="wrong-signature"):
        verify_request_sm2(authorization, REQUEST, public_key=other.public_key, now=NOW)
    with pytest.raises(WireError, match="wrong-scheme"):
        verify_request_hmac(authorization, REQUEST, secrets=[SECRET], now=NOW)


def test_nonces_are_fresh_and_well_formed() -> None:
    """R45: 128 random bits each."""
    nonces = {new_nonce() for _ in range(100)}
    assert len(nonces) == 100
    for nonce in nonces:
        sign(nonce=nonce)


def test_callback() -> None:
    """R45: the HIS checks our callback the same way, by the path and query that it received."""
    headers = sign_callback(
        "https://his.example:8443/penward/done?site=1", b'{"state":"signed"}',
        secret=SECRET, key_id="penward-1", now=NOW, nonce=NONCE, event_id="event-9",
    )  # fmt: skip
    assert headers["Idempotency-Key"] == "event-9"
    options = {"secrets": [SECRET], "now": NOW, "event_id": "event-9"}
    found = verify_callback(
        headers["Penward-Signature"], "/penward/done?site=1", b'{"state":"signed"}', **options
    )
    assert found.key_id == "penward-1"
    for url, body, event in (
        ("/penward/done?site=2", b'{"state":"signed"}', "event-9"),
        ("/penward/done?site=1", b'{"state":"failed"}', "event-9"),
        ("/penward/done?site=1", b'{"state":"signed"}', "event-8"),
    ):
        with pytest.raises(WireError, match="wrong-signature"):
            verify_callback(headers["Penward-Signature"], url, body, **(options | {"event_id": event}))
