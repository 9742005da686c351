"""Sample for HIS programmers: receive Penward's signed callbacks. Python's standard library alone.

    python3 callback_receiver.py --key-file his.json [--port 9000]

`his.json` is what `penward-server his add` wrote: {"key_id": ..., "secret_b64": ...}. The receiver
checks signature, time and nonce, acts on each event once, and answers 204; anything else it refuses
by status and one line. It needs a Python whose OpenSSL knows SM3 (`hashlib.new("sm3")`).
The rules are in docs/http-signing.md.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import hmac
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

WINDOW_SECONDS = 300
MAX_BODY = 1 << 20
HEADER = re.compile(
    r'Penward-HMAC-SM3 key_id="([A-Za-z0-9._-]{1,64})", time="([0-9TZ:-]{20})", '
    r'nonce="([A-Za-z0-9_-]{16,64})", signature="([A-Za-z0-9+/=]{44})"'
)


class Refused(Exception):
    """The callback is not from Penward, is too old, or was seen before."""


class Verifier:
    """Checks callbacks against the secrets of the live keys (id to 32 secret bytes)."""

    def __init__(self, secrets: Mapping[str, bytes], clock: Callable[[], float] = time.time) -> None:
        self._secrets = dict(secrets)
        self._clock = clock
        self._lock = threading.Lock()
        # A HIS of several processes keeps these two in its database instead.
        self._nonces: dict[tuple[str, str], float] = {}
        self._events: set[str] = set()

    def check(self, target: str, headers: Mapping[str, str], body: bytes) -> bool:
        """True for a new event, False for one that was acted on before; `target` is path and query.

        Raises:
            Refused: answer 401 and do nothing.
        """
        match = HEADER.fullmatch(headers.get("Penward-Signature", ""))
        if match is None:
            raise Refused("no signature in the known form")
        key_id, moment, nonce, signature = match.groups()
        secret = self._secrets.get(key_id)
        if secret is None:
            raise Refused("unknown key id")
        event_id = headers.get("Idempotency-Key", "")
        try:
            message = canonical("POST", target, body, key_id, moment, nonce, event_id)
        except ValueError:
            raise Refused("malformed address or event id") from None
        expected = hmac.new(secret, message, "sm3").digest()
        if not hmac.compare_digest(expected, base64.b64decode(signature)):
            raise Refused("wrong signature")
        try:
            signed_at = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise Refused("malformed time") from None
        now = self._clock()
        if abs(now - signed_at) > WINDOW_SECONDS:
            raise Refused("signed more than five minutes ago or ahead")
        with self._lock:
            self._nonces = {key: until for key, until in self._nonces.items() if until > now}
            if (key_id, nonce) in self._nonces:
                raise Refused("seen before")
            self._nonces[key_id, nonce] = now + 2 * WINDOW_SECONDS
            return event_id not in self._events

    def done(self, event_id: str) -> None:
        """Remember that an event was acted on, so that a repeated delivery is only acknowledged."""
        with self._lock:
            self._events.add(event_id)


def canonical(
    method: str, target: str, body: bytes, key_id: str, moment: str, nonce: str, idempotency_key: str
) -> bytes:
    """The nine lines that are signed."""
    parts = urlsplit(target)
    query = sorted(
        (quote(name, safe="-._~"), quote(value, safe="-._~"))
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    lines = [
        "PENWARD-REQUEST-1",
        method,
        quote(unquote(parts.path) or "/", safe="/-._~"),
        "&".join(f"{name}={value}" for name, value in query),
        hashlib.new("sm3", body).hexdigest(),
        key_id,
        moment,
        nonce,
        idempotency_key,
    ]
    return ("\n".join(lines) + "\n").encode("ascii")


def serve(verifier: Verifier, act: Callable[[dict[str, object]], None], port: int) -> ThreadingHTTPServer:
    """A server on the loopback interface; `act` is called once for each event."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > MAX_BODY:
                self._answer(413, "too large, or no length")
                return
            body = self.rfile.read(int(length))
            try:
                new = verifier.check(self.path, dict(self.headers.items()), body)
            except Refused as reason:
                self._answer(401, str(reason))
                return
            if new:
                event = json.loads(body)
                act(event)
                verifier.done(event["event_id"])
            self._answer(204, "")

        def _answer(self, status: int, text: str) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: addresses may hold patients' ids."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> int:
    """Print each event on a line of its own."""
    parser = argparse.ArgumentParser(description="Receive Penward's signed callbacks and print them.")
    parser.add_argument("--key-file", type=Path, required=True, help="what `penward-server his add` wrote")
    parser.add_argument("--port", type=int, default=9000)
    options = parser.parse_args()
    key = json.loads(options.key_file.read_text("utf-8"))
    verifier = Verifier({key["key_id"]: base64.b64decode(key["secret_b64"])})

    def act(event: dict[str, object]) -> None:
        print(json.dumps(event, ensure_ascii=False), flush=True)

    with serve(verifier, act, options.port) as server:
        print(f"listening on http://127.0.0.1:{server.server_address[1]}", file=sys.stderr, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
