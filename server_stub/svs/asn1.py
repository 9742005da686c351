"""SVSRequest and SVSRespond in DER (GM/T 0029 appendix A).

    SVSRequest ::= SEQUENCE { version [20] INTEGER DEFAULT 0, reqType [21] INTEGER, request,
                              reqTime [22] GeneralizedTime }
    SVSRespond ::= SEQUENCE { version [20] INTEGER DEFAULT 0, respType [21] INTEGER, respond,
                              respTime [22] GeneralizedTime }

The tag numbers are those of programs that speak to devices; the tables below are the whole profile, so that
another one is another table. `request` is a SEQUENCE of tagged fields, plain or inside a tag of the request's
number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault
from server_stub.svs.fields import Value
from signing.sm import SmError, der

OPERATIONS = (
    "ExportCert",
    "ParseCert",
    "ValidateCert",
    "SignData",
    "VerifySignedData",
    "SignDataInit",
    "SignDataUpdate",
    "SignDataFinal",
    "VerifySignedDataInit",
    "VerifySignedDataUpdate",
    "VerifySignedDataFinal",
    "SignMessage",
    "VerifySignedMessage",
    "SignMessageInit",
    "SignMessageUpdate",
    "SignMessageFinal",
    "VerifySignedMessageInit",
    "VerifySignedMessageUpdate",
    "VerifySignedMessageFinal",
)
"""The request types, by number."""

VERSION_TAG, TYPE_TAG, TIME_TAG = 20, 21, 22


@dataclass(frozen=True, slots=True)
class Field:
    """One tagged field. `kind`: int, bool, octets, or der (a whole SEQUENCE: certificates, signatures).

    The tag is explicit or implicit in what we write; both are read.
    """

    tag: int
    name: str
    kind: str
    explicit: bool = True


_INIT = (
    Field(3, "signMethod", "int"),
    Field(0, "signerPublicKey", "octets", explicit=False),
    Field(1, "signerIDLen", "int", explicit=False),
    Field(2, "signerID", "octets", explicit=False),
    Field(4, "inDataLen", "int"),
    Field(5, "inData", "octets"),
)
_UPDATE = (
    Field(0, "signMethod", "int"),
    Field(1, "hashValueLen", "int"),
    Field(2, "hashValue", "octets"),
    Field(3, "inDataLen", "int"),
    Field(4, "inData", "octets"),
)
_SIGN_FINAL = (
    Field(0, "signMethod", "int"),
    Field(1, "keyIndex", "int"),
    Field(2, "keyValue", "octets"),
    Field(3, "hashValueLen", "int"),
    Field(4, "hashValue", "octets"),
)
_FLAGS = (
    Field(0, "hashFlag", "bool", explicit=False),
    Field(1, "originalText", "bool", explicit=False),
    Field(2, "certificateChain", "bool", explicit=False),
    Field(3, "crl", "bool", explicit=False),
    Field(4, "authenticationAttributes", "bool", explicit=False),
)
REQUESTS: dict[str, tuple[Field, ...]] = {
    "ExportCert": (Field(0, "identification", "octets"),),
    "ParseCert": (Field(0, "infoType", "int"), Field(1, "cert", "der", explicit=False)),
    "ValidateCert": (Field(0, "cert", "der", explicit=False), Field(1, "ocsp", "bool")),
    "SignData": (
        Field(0, "signMethod", "int"),
        Field(1, "keyIndex", "int"),
        Field(2, "keyValue", "octets"),
        Field(3, "inDataLen", "int"),
        Field(4, "inData", "octets"),
    ),
    "VerifySignedData": (
        Field(2, "type", "int"),
        Field(0, "cert", "der", explicit=False),
        Field(1, "certSN", "octets", explicit=False),
        Field(3, "inDataLen", "int"),
        Field(4, "inData", "octets"),
        Field(5, "signature", "der", explicit=False),
        Field(6, "verifyLevel", "int"),
    ),
    "VerifySignedDataFinal": (
        Field(2, "signMethod", "int"),
        Field(3, "type", "int"),
        Field(0, "cert", "der", explicit=False),
        Field(1, "certSN", "octets", explicit=False),
        Field(4, "hashValueLen", "int"),
        Field(6, "hashValue", "octets"),
        Field(5, "signature", "der", explicit=False),
        Field(8, "verifyLevel", "int"),
    ),
    "SignMessage": (
        Field(5, "signMethod", "int"),
        Field(6, "keyIndex", "int"),
        Field(7, "keyValue", "octets"),
        Field(8, "inDataLen", "int"),
        Field(9, "inData", "octets"),
        *_FLAGS,
    ),
    "VerifySignedMessage": (
        Field(5, "inDataLen", "int"),
        Field(6, "inData", "octets"),
        Field(7, "signedMessage", "octets"),
        *_FLAGS,
    ),
    "VerifySignedMessageFinal": (
        Field(0, "signMethod", "int"),
        Field(1, "hashValueLen", "int"),
        Field(2, "hashValue", "octets"),
        Field(3, "signedMessage", "octets"),
    ),
    "SignDataFinal": _SIGN_FINAL,
    "SignMessageFinal": _SIGN_FINAL,
    **{name: _INIT for name in OPERATIONS if name.endswith("Init")},
    **{name: _UPDATE for name in OPERATIONS if name.endswith("Update")},
}
"""The fields of each request in the order they are written."""

RESPONDS: dict[str, Field] = {
    "ExportCert": Field(1, "cert", "der", explicit=False),
    "ParseCert": Field(1, "info", "octets"),
    "ValidateCert": Field(1, "state", "int"),
    "SignData": Field(1, "signature", "der", explicit=False),
    "SignDataFinal": Field(1, "signature", "der", explicit=False),
    "SignMessage": Field(1, "signedMessage", "octets"),
    "SignMessageFinal": Field(1, "signedMessage", "octets"),
    **{name: Field(1, "hashValue", "octets") for name in OPERATIONS if name.endswith(("Init", "Update"))},
}
"""What follows `respValue` [0] in each respond; those that verify have nothing."""

_RESP_VALUE = Field(0, "respValue", "int")


def encode_request(operation: str, values: Mapping[str, Value], now: dt.datetime) -> bytes:
    """A request, as a client writes it."""
    body = b"".join(
        _write(field, values[field.name]) for field in REQUESTS[operation] if field.name in values
    )
    return _envelope(operation, body, now)


def encode_respond(operation: str, number: int, values: Mapping[str, Value], now: dt.datetime) -> bytes:
    """A respond."""
    body = _write(_RESP_VALUE, number)
    field = RESPONDS.get(operation)
    if field is not None and field.name in values:
        body += _write(field, values[field.name])
    return _envelope(operation, body, now)


def decode_request(data: bytes) -> tuple[str, dict[str, Value]]:
    """The operation and the fields of a request.

    Raises:
        SvsFault: `DATA_FORMAT`; `PARAMETERS` for an unknown type.
    """
    operation, body = _open(data)
    return operation, _read_fields(body, REQUESTS[operation])


def decode_respond(data: bytes) -> tuple[str, dict[str, Value]]:
    """The operation and the fields of a respond with its `respValue`. Raises SvsFault as `decode_request`."""
    operation, body = _open(data)
    field = RESPONDS.get(operation)
    return operation, _read_fields(body, (_RESP_VALUE,) if field is None else (_RESP_VALUE, field))


def _envelope(operation: str, body: bytes, now: dt.datetime) -> bytes:
    number = OPERATIONS.index(operation)
    return der.sequence(
        der.explicit(TYPE_TAG, der.integer(number)),
        der.explicit(number, der.sequence(body)),
        der.explicit(TIME_TAG, der.generalized_time(now)),
    )


def _open(data: bytes) -> tuple[str, der.Reader]:
    try:
        reader = der.read_sequence(data)
        version = reader.optional(_constructed(VERSION_TAG))
        if version is not None and der.read_one(version.content).integer() not in (0, 1):
            raise SvsFault(Reply.PARAMETERS, field="version")
        number = der.read_one(reader.take(_constructed(TYPE_TAG)).content).integer()
        if not 0 <= number < len(OPERATIONS):
            raise SvsFault(Reply.PARAMETERS, field="reqType")
        body = reader.take()
        moment = reader.take(_constructed(TIME_TAG))
        der.read_one(moment.content, der.GENERALIZED_TIME).moment()
        reader.end()
        if body.tag != der.SEQUENCE:  # inside a tag of the type's number, marked as constructed or not
            if body.tag & 0xC0 != 0x80 or body.tag & 0x1F != number:
                raise SvsFault(Reply.DATA_FORMAT, field="request")
            body = der.read_one(body.content, der.SEQUENCE)
        return OPERATIONS[number], body.reader()
    except SmError:
        raise SvsFault(Reply.DATA_FORMAT, field="SVSRequest") from None


def _read_fields(reader: der.Reader, fields: tuple[Field, ...]) -> dict[str, Value]:
    known = {field.tag: field for field in fields}
    found: dict[str, Value] = {}
    try:
        for element in reader.rest(32):
            field = known.get(element.tag & 0x1F)
            if field is None or element.tag & 0xC0 != 0x80 or field.name in found:
                raise SvsFault(Reply.DATA_FORMAT, field=f"[{element.tag & 0x1F}]")
            found[field.name] = _value(field, element)
    except SmError:
        raise SvsFault(Reply.DATA_FORMAT, field="request") from None
    return found


def _constructed(number: int) -> int:
    return 0xA0 | number


def _write(field: Field, value: Value) -> bytes:
    if field.kind == "int":
        inner = der.integer(int(value))
    elif field.kind == "bool":
        inner = der.boolean(bool(value))
    else:
        content = value if isinstance(value, bytes) else str(value).encode("utf-8")
        if field.kind == "der":
            is_sequence = content[:1] == b"\x30"
            return der.explicit(field.tag, content if is_sequence else der.octet_string(content))
        inner = der.octet_string(content)
    if field.explicit:
        return der.explicit(field.tag, inner)
    return der.tlv(0x80 | field.tag, der.read_one(inner).content)


def _value(field: Field, element: der.Element) -> Value:
    """The value of a field, its tag explicit (constructed) or implicit (primitive)."""
    constructed = bool(element.tag & 0x20)
    if field.kind == "der":
        return _whole(element, constructed)
    if field.kind == "int":
        inner = der.read_one(element.content, der.INTEGER) if constructed else _retag(element, der.INTEGER)
        number = inner.integer()
        if not 0 <= number < 1 << 32:
            raise SvsFault(Reply.PARAMETERS, field=field.name)
        return number
    if field.kind == "bool":
        inner = der.read_one(element.content, der.BOOLEAN) if constructed else _retag(element, der.BOOLEAN)
        return inner.boolean()
    return der.read_one(element.content, der.OCTET_STRING).content if constructed else element.content


def _whole(element: der.Element, constructed: bool) -> bytes:
    """A certificate or signature: explicit around a SEQUENCE or OCTET STRING, or implicit in its place."""
    if not constructed:
        return element.content
    try:
        inner = der.read_one(element.content)
    except SmError:  # two or more elements: the fields of a SEQUENCE whose tag was replaced
        return der.sequence(element.content)
    return inner.content if inner.tag == der.OCTET_STRING else inner.raw


def _retag(element: der.Element, tag: int) -> der.Element:
    return der.read_one(der.tlv(tag, element.content), tag)
