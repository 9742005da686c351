"""The twelve multi-packet operations (R34), their contexts, and the ASN.1 form of the same service."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_stub.svs.asn1 import (
    OPERATIONS,
    REQUESTS,
    Field,
    decode_request,
    decode_respond,
    encode_request,
    encode_respond,
)
from server_stub.svs.codes import Reply
from server_stub.svs.contexts import IDLE_S, MAX_OF_CALLER, Contexts
from server_stub.svs.digests import Running
from server_stub.svs.errors import SvsFault
from signing.cms import verify_signed_data
from signing.pki import Certificate
from signing.verdict import Outcome
from tests.server_stub.svs.conftest import CODE, RSA, SM2, Svs, unb64

PARTS = ("第一段".encode(), b"second", b"", b"x" * 5000)
WHOLE = b"".join(PARTS)
NOW = dt.datetime(2026, 11, 22, 4, tzinfo=dt.UTC)


def digest(svs: Svs, kind: str, method: int, parts: tuple[bytes, ...] = PARTS) -> bytes:
    """Init and the Updates of an operation; the hashValue."""
    fields: dict[str, object] = {"signMethod": method}
    if method == SM2:
        fields["signerPublicKey"] = Certificate.from_der(svs.certificate(SM2)).spki_der
    first, *rest = parts
    made = svs.form(f"{kind}Init", **fields, inData=first, inDataLen=len(first))
    for part in rest:
        assert made["respValue"] == "0"
        made = svs.form(f"{kind}Update", signMethod=method, hashValue=unb64(made["hashValue"]), inData=part)
    assert made["respValue"] == "0"
    return unb64(made["hashValue"])


@pytest.mark.parametrize("method", [SM2, RSA])
def test_data_in_packets(svs: Svs, method: int) -> None:
    """A signature over packets is one over the whole; both ways."""
    handle = digest(svs, "SignData", method)
    signature = unb64(svs.form("SignDataFinal", **svs.key(method), hashValue=handle)["signature"])
    certificate = svs.certificate(method)
    assert Certificate.from_der(certificate).public_key.verify(signature, WHOLE)
    fields = {"signMethod": method, "type": 1, "cert": certificate, "signature": signature, "verifyLevel": 1}
    right = svs.form("VerifySignedDataFinal", **fields, hashValue=digest(svs, "VerifySignedData", method))
    assert right["respValue"] == "0"
    handle = digest(svs, "VerifySignedData", method, (*PARTS, b"!"))
    wrong = svs.form("VerifySignedDataFinal", **fields, hashValue=handle)
    assert wrong["respValue"] == str(0x0400000C)


@pytest.mark.parametrize("method", [SM2, RSA])
def test_messages_in_packets(svs: Svs, method: int) -> None:
    handle = digest(svs, "SignMessage", method)
    message = unb64(svs.form("SignMessageFinal", **svs.key(method), hashValue=handle)["signedMessage"])
    for result in verify_signed_data(
        message,
        content=WHOLE,
        anchors=svs.server.core.hospital.anchors,
        extra_certificates=svs.server.core.hospital.issued_chain,
    ):
        assert result.outcome <= Outcome.NOTE
    handle = digest(svs, "VerifySignedMessage", method)
    fields = {"signMethod": method, "signedMessage": message}
    assert svs.form("VerifySignedMessageFinal", **fields, hashValue=handle)["respValue"] == "0"
    handle = digest(svs, "VerifySignedMessage", method, (b"other",))
    assert svs.form("VerifySignedMessageFinal", **fields, hashValue=handle)["respValue"] == str(0x0400000C)


def test_a_message_with_attributes_in_packets(svs: Svs) -> None:
    """Its digest is the plain one, so the key need not be named at the beginning."""
    made = svs.form("SignMessage", **svs.key(SM2), inData=WHOLE, authenticationAttributes=True)
    handle = unb64(svs.form("VerifySignedMessageInit", signMethod=SM2, inData=WHOLE)["hashValue"])
    fields = {"signMethod": SM2, "signedMessage": unb64(made["signedMessage"])}
    assert svs.form("VerifySignedMessageFinal", **fields, hashValue=handle)["respValue"] == "0"


def test_a_handle_is_for_one_operation_once(svs: Svs) -> None:
    handle = digest(svs, "SignData", SM2)
    spent = str(0x04000014)
    assert svs.form("SignMessageFinal", **svs.key(SM2), hashValue=handle)["respValue"] == spent
    assert svs.form("SignDataFinal", **svs.key(SM2), hashValue=handle)["respValue"] == "0"
    assert svs.form("SignDataFinal", **svs.key(SM2), hashValue=handle)["respValue"] == spent
    assert svs.form("SignDataInit", signMethod=SM2, inData=b"x")["respValue"] == str(0x0400000F)


def test_contexts_are_bounded_and_end() -> None:
    """Limits of number and of time; a handle is its owner's."""
    moment = [0.0]
    contexts = Contexts(now=lambda: moment[0])
    handles = [contexts.open("k", "a", RSA, Running("rsa", None)) for _ in range(MAX_OF_CALLER)]
    with pytest.raises(SvsFault) as refused:
        contexts.open("k", "a", RSA, Running("rsa", None))
    assert refused.value.reply is Reply.SYSTEM_FAILURE
    contexts.open("k", "b", RSA, Running("rsa", None))
    with pytest.raises(SvsFault):
        contexts.update(handles[0], "k", "b", RSA, b"")
    moment[0] = IDLE_S + 1
    with pytest.raises(SvsFault):
        contexts.take(handles[0], "k", "a", RSA)
    contexts.open("k", "a", RSA, Running("rsa", None))
    assert len(contexts) == 1


def asn1(svs: Svs, operation: str, **values: Any) -> dict[str, Any]:
    body = encode_request(operation, values, NOW)
    answer = svs.post("/svs/asn1", body, "application/octet-stream")
    assert answer.status_code == 200
    name, found = decode_respond(answer.content)
    assert name == operation
    return dict(found)


@pytest.mark.parametrize("method", [SM2, RSA])
def test_the_asn1_form(svs: Svs, method: int) -> None:
    """SVSRequest in, SVSRespond out, for single and multi-packet operations."""
    key = {**svs.key(method), "keyValue": CODE.encode()}
    made = asn1(svs, "SignData", **key, inDataLen=len(WHOLE), inData=WHOLE)
    assert made["respValue"] == 0
    certificate = asn1(svs, "ExportCert", identification=f"#{key['keyIndex']}".encode())["cert"]
    assert certificate == svs.certificate(method)
    fields = {"type": 1, "cert": certificate, "signature": made["signature"], "verifyLevel": 1}
    size = len(WHOLE)
    assert asn1(svs, "VerifySignedData", **fields, inDataLen=size, inData=WHOLE)["respValue"] == 0
    assert asn1(svs, "VerifySignedData", **fields, inDataLen=2, inData=b"no")["respValue"] == 0x0400000C
    message = asn1(svs, "SignMessage", **key, inDataLen=size, inData=WHOLE, originalText=True)[
        "signedMessage"
    ]
    assert asn1(svs, "VerifySignedMessage", inDataLen=0, inData=b"", signedMessage=message)["respValue"] == 0
    spki = Certificate.from_der(certificate).spki_der
    extra = {"signerPublicKey": spki} if method == SM2 else {}
    handle = asn1(svs, "SignDataInit", signMethod=method, **extra, inDataLen=2, inData=b"ab")["hashValue"]
    handle = asn1(
        svs, "SignDataUpdate", signMethod=method, hashValueLen=32, hashValue=handle, inDataLen=1, inData=b"c"
    )["hashValue"]
    made = asn1(svs, "SignDataFinal", **key, hashValueLen=32, hashValue=handle)
    assert Certificate.from_der(certificate).public_key.verify(made["signature"], b"abc")
    answer = svs.post("/svs/asn1", b"\x30\x00", "application/octet-stream")
    assert decode_respond(answer.content)[1]["respValue"] == 0x0400000D


VALUES = {
    "int": st.integers(0, (1 << 32) - 1),
    "bool": st.booleans(),
    "octets": st.binary(max_size=40),
    "der": st.binary(max_size=40).map(lambda data: bytes([0x30, len(data)]) + data),
}


def requests() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    def fields(operation: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
        known: tuple[Field, ...] = REQUESTS[operation]
        return st.fixed_dictionaries({field.name: VALUES[field.kind] for field in known}).map(
            lambda found: (operation, found)
        )

    return st.sampled_from(OPERATIONS).flatmap(fields)


@given(requests())
def test_requests_are_read_as_they_were_written(made: tuple[str, dict[str, Any]]) -> None:
    operation, values = made
    values = {name: value for name, value in values.items() if name != "signature"}
    assert decode_request(encode_request(operation, values, NOW)) == (operation, values)


@given(st.binary(max_size=200), requests(), st.data())
def test_anything_else_is_refused_by_name(noise: bytes, made: tuple[str, dict[str, Any]], data: Any) -> None:
    """Noise, and valid requests with a byte changed: a request or an SvsFault."""
    good = encode_request(*made, NOW)
    place = data.draw(st.integers(0, len(good) - 1))
    changed = good[:place] + bytes([data.draw(st.integers(0, 255))]) + good[place + 1 :]
    for body in (noise, changed, good[:place]):
        try:
            operation, _ = decode_request(body)
            assert operation in OPERATIONS
        except SvsFault as fault:
            assert fault.reply in (Reply.DATA_FORMAT, Reply.PARAMETERS)


def test_a_refusal_is_a_respond_too() -> None:
    body = encode_respond("SignData", 0x04000005, {}, NOW)
    assert decode_respond(body) == ("SignData", {"respValue": 0x04000005})
