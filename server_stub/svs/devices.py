"""Whoever signs and verifies for us: our own service, or an external device by GM/T 0029 over HTTP."""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

import requests

from server_stub.errors import SetupError
from server_stub.svs.codes import CodeTable, Reply
from server_stub.svs.config import Target
from server_stub.svs.digests import METHOD_OF
from server_stub.svs.errors import SvsFault
from server_stub.svs.fields import Fields, Request, Value
from server_stub.svs.http import flatten, gmt
from server_stub.svs.service import SignVerifyServer
from signing.pki import Certificate, PkiError
from signing.wire import Request as SignedRequest
from signing.wire import new_nonce, sign_request_hmac

MAX_ANSWER = 64 << 20


class Device(Protocol):
    """Runs operations of GM/T 0029; answers without `respValue`, bytes as bytes."""

    @property
    def name(self) -> str:
        """How reports call it."""

    def call(self, operation: str, fields: Mapping[str, Value]) -> Mapping[str, str | bytes]:
        """One operation. Raises SvsFault: the device's reply, `SERVER_CONNECT` when it does not answer."""


_BYTES = frozenset(
    {"cert", "signature", "signedMessage", "hashValue", "signedXML", "signedBill", "envelopedData", "digest"}
)


class LocalDevice:
    """Our own service in this process; what it signs is journalled."""

    name = "local"

    def __init__(self, server: SignVerifyServer, caller: str) -> None:
        self._server = server
        self._caller = caller

    def call(self, operation: str, fields: Mapping[str, Value]) -> Mapping[str, str | bytes]:
        """See `Device`."""
        done = self._server.call(Request(operation, Fields(fields), self._caller))
        if done.signed:
            self._server.journal.submit(done.signed).result()
        return {
            name: value if isinstance(value, bytes) else str(value) for name, value in done.fields.items()
        }


@dataclass(frozen=True, slots=True)
class CallerKey:
    """The HMAC key by which a Penward knows us."""

    key_id: str
    secret: bytes


class HttpDevice:
    """A device that speaks forms, JSON or the vendor's JSON. No redirects, no proxies of the environment."""

    def __init__(
        self,
        name: str,
        target: Target,
        *,
        codes: CodeTable | None = None,
        caller: CallerKey | None = None,
        root: Path | None = None,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        session: Any = None,
    ) -> None:
        self.name = name
        self._target = target
        self._codes = codes or CodeTable()
        self._caller = caller
        self._clock = clock
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.verify = str(root) if root is not None else True
        self._session = session

    def call(self, operation: str, fields: Mapping[str, Value]) -> Mapping[str, str | bytes]:
        """See `Device`."""
        flat = flatten(0, fields)
        del flat["respValue"]
        url = f"{self._target.url.rstrip('/')}/{operation}"
        is_form = self._target.form == "form"
        now = gmt(self._clock())
        if is_form:
            body = urlencode(flat).encode()
        else:
            vendor = {"version": "v1", "reqType": operation, "request": flat, "reqTime": now}
            body = json.dumps(vendor if self._target.form == "vendor" else flat).encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded" if is_form else "application/json",
            "SVS-Request-Version": "v1",
            "SVS-Request-Time": now,
        }
        if self._caller is not None:
            headers["Authorization"] = sign_request_hmac(
                SignedRequest.for_url("POST", url, body),
                secret=self._caller.secret,
                key_id=self._caller.key_id,
                now=self._clock(),
                nonce=new_nonce(),
            )
        try:
            answer = self._session.post(
                url,
                data=body,
                headers=headers,
                timeout=self._target.timeout_seconds,
                allow_redirects=False,
            )
            content = answer.content
            if answer.status_code != 200 or len(content) > MAX_ANSWER:
                raise SvsFault(Reply.SERVER_CONNECT, target=self.name, reason=f"HTTP {answer.status_code}")
        except requests.RequestException as error:
            raise SvsFault(Reply.SERVER_CONNECT, target=self.name, reason=type(error).__name__) from error
        found = self._read(content, is_form)
        number = _number(found.pop("respValue", ""))
        if number != 0:
            raise SvsFault(self._codes.reply(number), target=self.name, field=operation)
        return {name: _bytes(value) if name in _BYTES else value for name, value in found.items()}

    def _read(self, content: bytes, is_form: bool) -> dict[str, str]:
        try:
            if is_form:
                return dict(parse_qsl(content.decode("utf-8").strip(), keep_blank_values=True))
            found: Any = json.loads(content)
            if self._target.form == "vendor":
                found = found["respond"]
                if isinstance(found, str):  # some devices put JSON text there
                    found = json.loads(found)
            return {str(name): str(value) for name, value in found.items()}
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            raise SvsFault(Reply.SERVER_CONNECT, target=self.name, reason="format") from None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a device's test."""

    name: str
    good: bool
    detail: str


def open_target(name: str, target: Target, folder: Path, codes: CodeTable) -> tuple[HttpDevice, str]:
    """The device of a configured target, and its access code.

    Raises:
        SetupError: `svs.config-wrong`: a file that it names cannot be read.
    """
    file = ""
    try:
        caller, code = None, ""
        if target.caller_key_file:
            file = target.caller_key_file
            made = json.loads((folder / file).read_text(encoding="utf-8"))
            caller = CallerKey(str(made["key_id"]), base64.b64decode(made["secret_b64"]))
        if target.access_code_file:
            file = target.access_code_file
            code = (folder / file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError("svs.config-wrong", file=file, fields=type(error).__name__) from error
    root = folder / target.tls_root if target.tls_root else None
    return HttpDevice(name, target, codes=codes, caller=caller, root=root), code


def examine(device: Device, index: int, code: str) -> list[Step]:
    """Sign and verify by a device; check what it signed with our own code; see that it finds a change.

    A device that does not answer ends the test at that step.
    """
    steps: list[Step] = []
    content = b"penward svs test " + secrets.token_bytes(16)
    try:
        exported = device.call("ExportCert", {"identification": f"#{index}"})["cert"]
        certificate = Certificate.load(exported if isinstance(exported, bytes) else exported.encode())
        steps.append(Step("ExportCert", True, certificate.subject_text))
        method = METHOD_OF.get(certificate.public_key.algorithm, 0)
        key: dict[str, Value] = {"signMethod": method, "keyIndex": index, "keyValue": code}
        data: dict[str, Value] = {"inDataLen": len(content), "inData": content}
        signature = device.call("SignData", {**key, **data})["signature"]
        right = isinstance(signature, bytes) and certificate.public_key.verify(signature, content)
        steps.append(Step("SignData", right, f"0x{method:08x}"))
        proof: dict[str, Value] = {
            "type": 1,
            "cert": certificate.der,
            "signature": signature,
            "verifyLevel": 1,
        }
        device.call("VerifySignedData", {**proof, **data})
        steps.append(Step("VerifySignedData", True, ""))
        changed: dict[str, Value] = {"inDataLen": len(content) + 1, "inData": content + b"!"}
        try:
            device.call("VerifySignedData", {**proof, **changed})
            steps.append(Step("VerifySignedData (changed)", False, "accepted"))
        except SvsFault as fault:
            refused = fault.reply in (Reply.INVALID_SIGNATURE, Reply.VERIFY_FAILED)
            steps.append(Step("VerifySignedData (changed)", refused, fault.reply.value))
        message = device.call("SignMessage", {**key, **data, "originalText": True})["signedMessage"]
        device.call("VerifySignedMessage", {**data, "signedMessage": message})
        steps.append(Step("SignMessage, VerifySignedMessage", True, ""))
    except (SvsFault, PkiError, KeyError) as error:
        detail = error.code if isinstance(error, SvsFault | PkiError) else "answer"
        steps.append(Step("–", False, detail))
    return steps


def _number(text: str) -> int:
    try:
        return int(text, 16) if text[:2].lower() == "0x" else int(text)
    except ValueError:
        return -1


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise SvsFault(Reply.SERVER_CONNECT, target="", reason="base64") from None
