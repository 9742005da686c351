"""Sample for HIS programmers: make a signing task and fetch what came of it. Standard library alone.

    python3 his_client.py --server https://penward.hospital:8443 --root tls-root.pem --key-file his.json \\
        create consent.pdf --patient P1 --name 王小明 --ward 外科一病区 --keyword 患者签名：
    python3 his_client.py … show TASK
    python3 his_client.py … list --ward 外科一病区 --state signed
    python3 his_client.py … fetch TASK signed consent-signed.pdf
    python3 his_client.py … cancel TASK

`his.json` is what `penward-server his add` wrote: {"key_id": ..., "secret_b64": ...}. It needs a Python whose
OpenSSL knows SM3 (`hashlib.new("sm3")`). The rules are in docs/http-signing.md, the API in docs/api.md.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import secrets
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

API = "/api/v1"
MEDIA_TYPES = {".ofd": "application/ofd", ".pdf": "application/pdf"}
TIMEOUT = 60


class Refused(Exception):
    """The server's answer was an error; the text is its sentence, `code` its name."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Client:
    """Signs requests by HMAC-SM3 and sends them."""

    def __init__(self, server: str, key_id: str, secret: bytes, root: str | None = None) -> None:
        if not server.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError("https, or this computer")
        self._server = server.rstrip("/")
        self._key_id = key_id
        self._secret = secret
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if root is not None:  # the hospital's own root alone, not those of the operating system
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(root)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: Mapping[str, str] | None = None,
        idempotency_key: str = "",
    ) -> bytes:
        """One request; `path` without the API's prefix. Raises Refused."""
        query = dict(query or {})
        headers = {"Content-Type": "application/json"}
        if method == "POST":
            idempotency_key = idempotency_key or secrets.token_hex(16)
            headers["Idempotency-Key"] = idempotency_key
        headers["Authorization"] = self._sign(method, API + path, query, body, idempotency_key)
        url = self._server + API + quote(path) + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(  # noqa: S310 the scheme was looked at
            url, data=body if method == "POST" else None, headers=headers, method=method
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            told = json.loads(error.read())["error"]
            raise Refused(error.code, told["code"], told["message"]) from None

    def _sign(self, method: str, path: str, query: Mapping[str, str], body: bytes, key: str) -> str:
        """The Authorization header over the nine lines of docs/http-signing.md."""
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        nonce = secrets.token_urlsafe(16)
        pairs = sorted((quote(name, safe="-._~"), quote(value, safe="-._~")) for name, value in query.items())
        lines = (
            "PENWARD-REQUEST-1",
            method,
            quote(path, safe="/-._~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            hashlib.new("sm3", body).hexdigest(),
            self._key_id,
            time,
            nonce,
            key,
        )
        message = ("\n".join(lines) + "\n").encode("ascii")
        signature = base64.b64encode(hmac.new(self._secret, message, "sm3").digest()).decode("ascii")
        return (
            f'Penward-HMAC-SM3 key_id="{self._key_id}", time="{time}", nonce="{nonce}", '
            f'signature="{signature}"'
        )


def new_task(arguments: argparse.Namespace) -> bytes:
    """The body of POST /tasks: one patient signs beside a keyword."""
    document: Path = arguments.document
    task: dict[str, Any] = {
        "external_id": arguments.external_id or document.stem[:64],
        "patient": {"id": arguments.patient, "name": arguments.name, "ward": arguments.ward},
        "document": {
            "media_type": MEDIA_TYPES[document.suffix.lower()],
            "title": arguments.title or document.stem,
            "content_b64": base64.b64encode(document.read_bytes()).decode("ascii"),
        },
        "signers": [
            {
                "role": "patient",
                "name": arguments.name,
                "field": {
                    "kind": "keyword",
                    "keyword": arguments.keyword,
                    "width_mm": 50,
                    "height_mm": 20,
                    "dx_mm": 2,
                },
            }
        ],
        "policy": {"photo": "optional"},
    }
    if arguments.callback:
        task["callback_url"] = arguments.callback
    return json.dumps(task, ensure_ascii=False).encode()


def main(arguments: list[str]) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", required=True)
    parser.add_argument("--root", help="the hospital's TLS root (PEM), for https")
    parser.add_argument("--key-file", type=Path, required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create")
    create.add_argument("document", type=Path)
    for name in ("--patient", "--name", "--ward", "--keyword"):
        create.add_argument(name, required=True)
    for name in ("--title", "--external-id", "--callback", "--idempotency-key"):
        create.add_argument(name, default="")
    for name in ("show", "cancel", "recall", "offer"):
        commands.add_parser(name).add_argument("task")
    found = commands.add_parser("list")
    for name in ("--ward", "--patient", "--state"):
        found.add_argument(name)
    fetch = commands.add_parser("fetch")
    fetch.add_argument("task")
    fetch.add_argument("what", choices=("document", "signed", "evidence", "report"))
    fetch.add_argument("out", type=Path)
    chosen = parser.parse_args(arguments)
    key = json.loads(chosen.key_file.read_text(encoding="utf-8"))
    client = Client(chosen.server, key["key_id"], base64.b64decode(key["secret_b64"]), chosen.root)
    try:
        if chosen.command == "create":
            key_ = chosen.idempotency_key
            answer = client.call("POST", "/tasks", new_task(chosen), idempotency_key=key_)
        elif chosen.command == "list":
            query = {name: getattr(chosen, name) for name in ("ward", "patient", "state")}
            answer = client.call("GET", "/tasks", query={k: v for k, v in query.items() if v})
        elif chosen.command == "show":
            answer = client.call("GET", f"/tasks/{chosen.task}")
        elif chosen.command == "fetch":
            chosen.out.write_bytes(client.call("GET", f"/tasks/{chosen.task}/{chosen.what}"))
            answer = b""
        else:
            answer = client.call("POST", f"/tasks/{chosen.task}/{chosen.command}")
    except Refused as error:
        print(f"{error.status} {error}", file=sys.stderr)
        return 1
    if answer:
        print(json.dumps(json.loads(answer), ensure_ascii=False, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
