"""What the svs samples share: a client of Penward's cryptographic services. Standard library alone.

A system is made known by `penward-server his add DIR NAME --out system.json`; docs/svs.md has the calls.
"""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from his_client import API, TIMEOUT, Client


class Svs(Client):
    """`ask` calls the services for other systems (JSON), `run` an operation of GM/T 0029 (form)."""

    @classmethod
    def open(cls, server: str, key_file: str, root: str | None = None) -> Svs:
        """The client of a system's key file; `root` is the hospital's TLS root for https."""
        key = json.loads(Path(key_file).read_text(encoding="utf-8"))
        return cls(server, key["key_id"], base64.b64decode(key["secret_b64"]), root)

    def ask(self, path: str, **fields: Any) -> dict[str, Any]:
        """POST {API}{path}; raises his_client.Refused."""
        result: dict[str, Any] = json.loads(self.call("POST", path, json.dumps(fields).encode()))
        return result

    def run(self, operation: str, **fields: Any) -> dict[str, str]:
        """POST /svs/<operation>; raises ValueError unless respValue is 0."""
        body, path = urlencode(fields).encode(), f"/svs/{operation}"
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": self._sign("POST", path, {}, body, ""),
        }
        request = urllib.request.Request(  # noqa: S310 the scheme was looked at
            self._server + path, data=body, headers=headers, method="POST"
        )
        with self._opener.open(request, timeout=TIMEOUT) as answer:
            result = dict(parse_qsl(answer.read().decode(), keep_blank_values=True))
        if result["respValue"] != "0":
            raise ValueError(f"{operation}: 0x{int(result['respValue']):08x}")
        return result


def b64(data: bytes) -> str:
    """Base64 text."""
    return base64.b64encode(data).decode("ascii")


__all__ = ["API", "Svs", "b64"]
