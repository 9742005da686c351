"""Signed requests: what exactly is signed, the header that carries it, and how it is checked.

`protocol.md`, Who may speak to the server; `docs/http-signing.md` explains it to callers. A HIS signs
by HMAC-SM3 (GB/T 15852.2 / RFC 2104 with SM3), a station by SM2 with its own key. Callbacks to a HIS
use the HMAC form in a header of their own.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from signing.sm import hmac_sm3, sm3
from signing.wire.errors import WireError
from signing.wire.reader import format_time, parse_time

SCHEME_HMAC = "Penward-HMAC-SM3"
SCHEME_SM2 = "Penward-SM2"
CALLBACK_HEADER = "Penward-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"
WINDOW = timedelta(seconds=300)
"""How far the signed time may be from the verifier's clock, both ways."""

MAX_HEADER = 1024
MIN_SECRET_BYTES = 32
_MAX_SIGNATURE = 80

_METHOD = re.compile(r"[A-Z]{3,10}")
_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{0,128}")
_SM3_HEX = re.compile(r"[0-9a-f]{64}")
_PARAMETER = re.compile(r'([a-z_]{1,20})="([A-Za-z0-9+/=:._-]{0,256})"')
_UNRESERVED = "-._~"


class MessageSigner(Protocol):
    """Whoever can sign bytes: `signing.pki.Signer` fits."""

    def sign(self, message: bytes, /) -> bytes:
        """The signature in DER."""


class MessageVerifier(Protocol):
    """Whoever can check a signature over bytes: `signing.pki.PublicKey` fits."""

    def verify(self, signature: bytes, message: bytes, /) -> bool:
        """Whether the DER signature fits."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parsed header of a signed request; nothing in it has been checked but its form."""

    scheme: str
    key_id: str
    time: str
    nonce: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """What a signature covers, as both ends see it.

    `path` is the decoded path (`/api/v1/tasks/7`), `query` the decoded pairs in any order.
    `idempotency_key` is empty when the header is absent.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    body: bytes
    idempotency_key: str = ""

    @classmethod
    def for_url(cls, method: str, url: str, body: bytes, idempotency_key: str = "") -> Request:
        """The request to an absolute or relative URL, as its sender knows it."""
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        return cls(method, unquote(parts.path) or "/", query, body, idempotency_key)


def canonical_request(
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    body_sm3_hex: str,
    key_id: str,
    time_iso: str,
    nonce: str,
    idempotency_key: str,
) -> bytes:
    """The bytes that are signed: nine lines, each ended by LF.

    Label and version, method, percent-encoded path, query sorted by encoded name then value,
    SM3 of the body in lower-case hexadecimal, key id, time, nonce, idempotency key (or empty).

    Raises:
        WireError: a part has characters that the form does not allow (`wire.bad-method`,
            `wire.bad-path`, `wire.bad-key-id`, `wire.bad-time`, `wire.bad-nonce`,
            `wire.bad-idempotency-key`, `wire.bad-digest`).
    """
    if not _METHOD.fullmatch(method):
        raise WireError("wire.bad-method")
    if not path.startswith("/"):
        raise WireError("wire.bad-path")
    if not _SM3_HEX.fullmatch(body_sm3_hex):
        raise WireError("wire.bad-digest")
    if not _KEY_ID.fullmatch(key_id):
        raise WireError("wire.bad-key-id")
    parse_time(time_iso)
    if not _NONCE.fullmatch(nonce):
        raise WireError("wire.bad-nonce")
    if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
        raise WireError("wire.bad-idempotency-key")
    try:
        encoded_path = quote(path, safe="/" + _UNRESERVED)
        pairs = sorted((quote(k, safe=_UNRESERVED), quote(v, safe=_UNRESERVED)) for k, v in query)
    except UnicodeEncodeError:
        raise WireError("wire.bad-path") from None
    lines = (
        "PENWARD-REQUEST-1",
        method,
        encoded_path,
        "&".join(f"{name}={value}" for name, value in pairs),
        body_sm3_hex,
        key_id,
        time_iso,
        nonce,
        idempotency_key,
    )
    return ("\n".join(lines) + "\n").encode("ascii")


def new_nonce() -> str:
    """A fresh nonce of 128 random bits."""
    return secrets.token_urlsafe(16)


def sign_request_hmac(request: Request, *, secret: bytes, key_id: str, now: datetime, nonce: str) -> str:
    """The header value of a HIS request.

    Raises:
        WireError: the request cannot be put in canonical form, or the secret is under 32 bytes.
    """
    message, time_iso = _message(request, key_id, now, nonce)
    return _header(SCHEME_HMAC, key_id, time_iso, nonce, hmac_sm3(_strong(secret), message))


def sign_request_sm2(
    request: Request, *, signer: MessageSigner, key_id: str, now: datetime, nonce: str
) -> str:
    """The header value of a station's request; `key_id` is the station's id."""
    message, time_iso = _message(request, key_id, now, nonce)
    return _header(SCHEME_SM2, key_id, time_iso, nonce, signer.sign(message))


def parse_authorization(header: str) -> Authorization:
    """Read a header; the caller looks up the key by `key_id` and then verifies.

    Raises:
        WireError: `wire.unknown-scheme`, `wire.bad-authorization` or `wire.bad-time`.
    """
    if len(header) > MAX_HEADER:
        raise WireError("wire.bad-authorization")
    scheme, _, rest = header.partition(" ")
    if scheme not in (SCHEME_HMAC, SCHEME_SM2):
        raise WireError("wire.unknown-scheme", scheme=scheme[:32])
    found: dict[str, str] = {}
    for piece in rest.split(","):
        match = _PARAMETER.fullmatch(piece.strip(" "))
        if match is None or match[1] in found:
            raise WireError("wire.bad-authorization")
        found[match[1]] = match[2]
    if set(found) != {"key_id", "time", "nonce", "signature"}:
        raise WireError("wire.bad-authorization")
    if not _KEY_ID.fullmatch(found["key_id"]) or not _NONCE.fullmatch(found["nonce"]):
        raise WireError("wire.bad-authorization")
    parse_time(found["time"])
    try:
        signature = base64.b64decode(found["signature"], validate=True)
    except (binascii.Error, ValueError):
        raise WireError("wire.bad-authorization") from None
    if not 0 < len(signature) <= _MAX_SIGNATURE:
        raise WireError("wire.bad-authorization")
    return Authorization(scheme, found["key_id"], found["time"], found["nonce"], signature)


def verify_request_hmac(
    authorization: Authorization, request: Request, *, secrets: Sequence[bytes], now: datetime
) -> None:
    """Check a HIS request against the live secrets of `authorization.key_id`.

    Every secret is tried in constant time. Whether the nonce was seen before is for the caller to
    find out, after this call and in one transaction with the act.

    Raises:
        WireError: `wire.wrong-scheme`, `wire.time-outside-window` or `wire.wrong-signature`.
    """
    message = _received(authorization, request, SCHEME_HMAC, now)
    fits = False
    for secret in secrets:
        fits |= hmac.compare_digest(hmac_sm3(_strong(secret), message), authorization.signature)
    if not fits:
        raise WireError("wire.wrong-signature", key_id=authorization.key_id)


def verify_request_sm2(
    authorization: Authorization, request: Request, *, public_key: MessageVerifier, now: datetime
) -> None:
    """Check a station's request against its enrolled key; errors as `verify_request_hmac`."""
    message = _received(authorization, request, SCHEME_SM2, now)
    if not public_key.verify(authorization.signature, message):
        raise WireError("wire.wrong-signature", key_id=authorization.key_id)


def sign_callback(
    url: str, body: bytes, *, secret: bytes, key_id: str, now: datetime, nonce: str, event_id: str
) -> dict[str, str]:
    """The headers of a callback POST to the HIS; `event_id` stays the same over all retries."""
    request = Request.for_url("POST", url, body, event_id)
    return {
        "Content-Type": "application/json",
        IDEMPOTENCY_HEADER: event_id,
        CALLBACK_HEADER: sign_request_hmac(request, secret=secret, key_id=key_id, now=now, nonce=nonce),
    }


def verify_callback(
    header: str, url: str, body: bytes, *, secrets: Sequence[bytes], now: datetime, event_id: str
) -> Authorization:
    """Check a received callback; `url` is the path and query as they came.

    Raises:
        WireError: the header is malformed, too old or does not fit.
    """
    authorization = parse_authorization(header)
    request = Request.for_url("POST", url, body, event_id)
    verify_request_hmac(authorization, request, secrets=secrets, now=now)
    return authorization


def _message(request: Request, key_id: str, now: datetime, nonce: str) -> tuple[bytes, str]:
    time_iso = format_time(now)
    return _canonical(request, key_id, time_iso, nonce), time_iso


def _canonical(request: Request, key_id: str, time_iso: str, nonce: str) -> bytes:
    return canonical_request(
        request.method,
        request.path,
        request.query,
        sm3(request.body).hex(),
        key_id,
        time_iso,
        nonce,
        request.idempotency_key,
    )


def _received(authorization: Authorization, request: Request, scheme: str, now: datetime) -> bytes:
    if authorization.scheme != scheme:
        raise WireError("wire.wrong-scheme", scheme=authorization.scheme)
    if abs(parse_time(authorization.time) - now) > WINDOW:
        raise WireError("wire.time-outside-window", time=authorization.time, now=format_time(now))
    return _canonical(request, authorization.key_id, authorization.time, authorization.nonce)


def _header(scheme: str, key_id: str, time_iso: str, nonce: str, signature: bytes) -> str:
    encoded = base64.b64encode(signature).decode("ascii")
    return f'{scheme} key_id="{key_id}", time="{time_iso}", nonce="{nonce}", signature="{encoded}"'


def _strong(secret: bytes) -> bytes:
    if len(secret) < MIN_SECRET_BYTES:
        raise WireError("wire.weak-secret", limit=MIN_SECRET_BYTES)
    return secret
