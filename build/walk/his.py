"""The HIS of the walk: posts tasks, fetches what came of them, by signed requests as a real one would."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from signing.wire import IDEMPOTENCY_HEADER, Request, dump_json, new_nonce, sign_request_hmac


class Refused(Exception):
    """The server said no; the text is its sentence."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the server's administrator gave to the HIS."""

    key_id: str
    secret: bytes


class His:
    """A client of the HIS API (`docs/api.md`)."""

    def __init__(self, base_url: str, credentials: Credentials, root: Path | None = None) -> None:
        self._base = base_url.rstrip("/")
        self._credentials = credentials
        self._session = requests.Session()
        self._session.trust_env = False
        if root is not None:
            self._session.verify = str(root)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def create_task(self, task: Mapping[str, Any], document: bytes) -> dict[str, Any]:
        """Post a task; its document's bytes are put in."""
        filled = {
            **task,
            "document": {**task["document"], "content_b64": base64.b64encode(document).decode()},
        }
        answer = self._call("POST", "/api/v1/tasks", dump_json(filled), secrets.token_hex(16))
        return dict(answer.json())

    def task(self, task_id: str) -> dict[str, Any]:
        """The task as it stands."""
        return dict(self._call("GET", f"/api/v1/tasks/{task_id}").json())

    def document(self, task_id: str) -> bytes:
        """The normalised document that was shown."""
        return self._call("GET", f"/api/v1/tasks/{task_id}/document").content

    def signed(self, task_id: str) -> bytes:
        """The signed document."""
        return self._call("GET", f"/api/v1/tasks/{task_id}/signed").content

    def evidence(self, task_id: str) -> bytes:
        """The evidence ZIP."""
        return self._call("GET", f"/api/v1/tasks/{task_id}/evidence").content

    def _call(self, method: str, path: str, body: bytes = b"", key: str = "") -> requests.Response:
        url = self._base + path
        header = sign_request_hmac(
            Request.for_url(method, url, body, key),
            secret=self._credentials.secret,
            key_id=self._credentials.key_id,
            now=datetime.now(UTC),
            nonce=new_nonce(),
        )
        headers = {"Authorization": header, "Content-Type": "application/json"}
        if key:
            headers[IDEMPOTENCY_HEADER] = key
        answer = self._session.request(method, url, data=body, headers=headers, timeout=60)
        if answer.status_code >= 400:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer
