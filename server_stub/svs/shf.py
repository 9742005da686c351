"""GM/T 0136-2024, a second face of the same service: `POST /shf/v1/<Op>` with name-type-value triples.

    {"Data": [{"Name": "KeyId", "Type": "Raw", "Value": "1"}, …]} → {"Code": 0, "Message": "", "Data": [ … ]}

Sign, Verify, Encrypt, Decrypt, ParseCertificate. Signing keys are named by index, data keys by name.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping

import anyio.to_thread
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from server_stub.errors import ServerError
from server_stub.svs.codes import Reply
from server_stub.svs.datakeys import DataKeys
from server_stub.svs.errors import SvsFault, UnknownOperation
from server_stub.svs.fields import Fields, Request, Value
from server_stub.svs.http import MAX_REQUEST, Runner, actor, read_body
from server_stub.svs.parsing import NAMES, certificate_info
from server_stub.svs.service import SignVerifyServer
from signing.verdict import PenwardError
from signing.wire import WireError, parse_json

PREFIX = "/shf/v1"
TYPES = ("Raw", "Base64", "Hex", "DateTime")
MAX_TRIPLES = 100

Triples = Mapping[str, "bytes | list[str]"]
Local = Callable[[Triples, str], dict[str, bytes]]


class ShfEndpoint:
    """One operation a request; refusals are told by `Code` and `Message`, status 200."""

    def __init__(self, runner: Runner, server: SignVerifyServer, keys: DataKeys) -> None:
        self._runner = runner
        self._server = server
        self._keys = keys
        self._local: dict[str, Local] = {
            "Encrypt": self._encrypt,
            "Decrypt": self._decrypt,
            "ParseCertificate": self._parse,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        operation = str(scope["path_params"]["operation"])
        if operation not in self._local and operation not in ("Sign", "Verify"):
            raise UnknownOperation("svs.no-such-operation", operation=operation[:40])
        body = await read_body(receive)
        message, answer = "", {}
        reply = Reply.OK
        try:
            triples = read_triples(body)
            caller = actor(scope)
            if operation in self._local:
                answer = await anyio.to_thread.run_sync(self._local[operation], triples, caller)
            else:
                request = _signature_request(operation, triples, caller)
                reply, fields = await self._runner.run(request, len(body))
                signature = fields.get("signature")
                answer = {"Signature": signature} if isinstance(signature, bytes) else {}
                if reply is not Reply.OK:
                    message = SvsFault(reply).message("zh_CN")
        except SvsFault as fault:
            reply, message = fault.reply, fault.message("zh_CN")
        except ServerError as error:
            reply = Reply.KEY_INDEX if error.status == 404 else Reply.DATA_FORMAT
            message = error.message("zh_CN")
        await self._send(send, reply, message, answer)

    async def _send(self, send: Send, reply: Reply, message: str, answer: Mapping[str, bytes]) -> None:
        content = {
            "Code": self._runner.number(reply),
            "Message": message,
            "Data": [
                {"Name": name, "Type": "Base64", "Value": base64.b64encode(value).decode("ascii")}
                for name, value in answer.items()
            ],
        }
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _encrypt(self, triples: Triples, caller: str) -> dict[str, bytes]:
        sealed = self._keys.encrypt(caller, _name(triples, "KeyId"), _bytes(triples, "PlainText"))
        return {"CipherText": sealed}

    def _decrypt(self, triples: Triples, caller: str) -> dict[str, bytes]:
        opened = self._keys.decrypt(caller, _name(triples, "KeyId"), _bytes(triples, "CipherText"))
        return {"PlainText": opened}

    def _parse(self, triples: Triples, caller: str) -> dict[str, bytes]:
        certificate = self._server.trust.read(_bytes(triples, "Certificate"))
        wanted = triples.get("Tags", [])
        if isinstance(wanted, bytes):
            wanted = [wanted.decode("utf-8", "replace")]
        found: dict[str, bytes] = {}
        for tag in wanted or sorted(NAMES):
            if tag not in NAMES:
                raise SvsFault(Reply.INFO_TYPE, kind=tag[:60])
            try:
                found[tag] = certificate_info(certificate, NAMES[tag])
            except PenwardError as error:
                raise SvsFault(Reply.CERTIFICATE_DECODE) from error
        return found


def build_route(runner: Runner, server: SignVerifyServer, keys: DataKeys) -> Route:
    """The route of all operations."""
    return Route(f"{PREFIX}/{{operation}}", ShfEndpoint(runner, server, keys), methods=["POST"])


def read_triples(body: bytes) -> Triples:
    """The triples of a request by name. Raises SvsFault `DATA_FORMAT`, `PARAMETERS`."""
    try:
        content = parse_json(body, max_bytes=MAX_REQUEST, max_depth=6, max_values=20 * MAX_TRIPLES)
    except WireError:
        raise SvsFault(Reply.DATA_FORMAT, field="body") from None
    data = content.get("Data") if isinstance(content, dict) else None
    if not isinstance(data, list) or len(data) > MAX_TRIPLES:
        raise SvsFault(Reply.DATA_FORMAT, field="Data")
    found: dict[str, bytes | list[str]] = {}
    for item in data:
        if not isinstance(item, dict) or not isinstance(item.get("Name"), str):
            raise SvsFault(Reply.DATA_FORMAT, field="Name")
        name = item["Name"]
        if name in found or item.get("Type", "Raw") not in TYPES:
            raise SvsFault(Reply.PARAMETERS, field=name[:40])
        found[name] = _value(name, str(item.get("Type", "Raw")), item.get("Value"))
    return found


def _value(name: str, kind: str, value: object) -> bytes | list[str]:
    if isinstance(value, list) and kind == "Raw" and all(isinstance(item, str) for item in value):
        return [str(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise SvsFault(Reply.DATA_FORMAT, field=name[:40])
    text = str(value)
    try:
        if kind == "Base64":
            return base64.b64decode(text, validate=True)
        if kind == "Hex":
            return bytes.fromhex(text)
    except (binascii.Error, ValueError):
        raise SvsFault(Reply.DATA_FORMAT, field=name[:40]) from None
    return text.encode("utf-8", "surrogatepass")


def _signature_request(operation: str, triples: Triples, caller: str) -> Request:
    """Sign and Verify as the operations of GM/T 0029 that they are."""
    if operation == "Sign":
        values: dict[str, Value] = {
            "keyIndex": _name(triples, "KeyId"),
            "keyValue": _bytes(triples, "AccessCode"),
            "inData": _bytes(triples, "PlainText"),
        }
        return Request("SignData", Fields(values), caller)
    values = {
        "type": 1,
        "cert": _bytes(triples, "Certificate"),
        "inData": _bytes(triples, "PlainText"),
        "signature": _bytes(triples, "Signature"),
        "verifyLevel": 1,
    }
    return Request("VerifySignedData", Fields(values), caller)


def _bytes(triples: Triples, name: str) -> bytes:
    value = triples.get(name)
    if not isinstance(value, bytes):
        raise SvsFault(Reply.PARAMETERS, field=name)
    return value


def _name(triples: Triples, name: str) -> str:
    return _bytes(triples, name).decode("utf-8", "replace")
