"""The single-packet operations of GM/T 0029 in every form (R34, R60): SM2 and RSA, P1 and P7, tampering."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server_stub.svs.codes import DEFAULTS, CodeTable, Reply
from signing.cms import parse_signed_data, verify_signed_data
from signing.pki import Certificate
from signing.sm import SM2PublicKey, der_to_raw, message_digest, sm3
from signing.verdict import Outcome
from tests.conftest import ExpectedWarnings
from tests.server_stub.svs.conftest import CODE, RSA, SM2, Svs, unb64

METHODS = (SM2, RSA)
DATA = "结算单 第 1 号".encode()


@pytest.mark.parametrize("form", ["form", "json", "vendor"])
@pytest.mark.parametrize("method", METHODS)
def test_signed_data_verifies_and_tampering_is_found(svs: Svs, form: str, method: int) -> None:
    """R60: P1 × {SM2, RSA} × {sign, verify, tamper}, over each HTTP form."""
    call: Any = getattr(svs, form)
    made = call("SignData", **svs.key(method), inDataLen=len(DATA), inData=DATA)
    assert int(made["respValue"]) == 0
    certificate, signature = svs.certificate(method), unb64(made["signature"])
    assert Certificate.from_der(certificate).public_key.verify(signature, DATA)
    fields = {"type": 1, "cert": certificate, "verifyLevel": 1, "signature": signature}
    assert int(call("VerifySignedData", **fields, inDataLen=len(DATA), inData=DATA)["respValue"]) == 0
    assert int(call("VerifySignedData", **fields, inData=DATA + b"!")["respValue"]) == 0x0400000C
    fields["signature"] = signature[:-1] + bytes([signature[-1] ^ 1])
    assert int(call("VerifySignedData", **fields, inData=DATA)["respValue"]) == 0x0400000C


def test_a_signature_as_r_and_s_and_a_certificate_by_serial(svs: Svs) -> None:
    signature = unb64(svs.form("SignData", **svs.key(SM2), inData=DATA)["signature"])
    serial = Certificate.from_der(svs.certificate(SM2)).serial
    fields = {"type": 2, "certSN": f"{serial:X}", "inData": DATA, "verifyLevel": 0}
    assert svs.form("VerifySignedData", **fields, signature=der_to_raw(signature))["respValue"] == "0"
    fields["certSN"] = "1234"
    assert svs.form("VerifySignedData", **fields, signature=signature)["respValue"] == str(0x04000001)


@pytest.mark.parametrize("attributes", [False, True])
@pytest.mark.parametrize("original", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_signed_messages_verify_here_and_by_our_own_reader(
    svs: Svs, method: int, original: bool, attributes: bool
) -> None:
    """R60: P7 attached and detached; SM2 in the dialect of GM/T 0010, RSA in that of PKCS #7."""
    made = svs.form(
        "SignMessage",
        **svs.key(method),
        inData=DATA,
        originalText=original,
        certificateChain=True,
        authenticationAttributes=attributes,
    )
    message = unb64(made["signedMessage"])
    parsed = parse_signed_data(message)
    assert parsed.dialect == ("gbt35275" if method == SM2 else "rfc5652")
    assert (parsed.content is not None) is original
    assert (parsed.signers[0].signed_attributes_der is not None) is attributes
    assert len(parsed.certificates) == 2
    anchors = svs.server.core.hospital.anchors
    for result in verify_signed_data(message, content=DATA, anchors=anchors):
        assert result.outcome <= Outcome.NOTE
    assert svs.form("VerifySignedMessage", signedMessage=message, inData=DATA)["respValue"] == "0"
    if original:
        assert svs.form("VerifySignedMessage", signedMessage=message)["respValue"] == "0"
    other = svs.form("VerifySignedMessage", signedMessage=message, inData=DATA + b"!")
    assert other["respValue"] == str(0x0400000C)
    broken = message[:-3] + bytes([message[-3] ^ 1]) + message[-2:]
    assert svs.form("VerifySignedMessage", signedMessage=broken, inData=DATA)["respValue"] != "0"


def test_a_message_over_a_digest(svs: Svs) -> None:
    """hashFlag: inData is e of SM2, or with attributes the plain digest."""
    point = SM2PublicKey.from_spki(Certificate.from_der(svs.certificate(SM2)).spki_der).point
    for attributes, digest in ((False, message_digest(point, DATA)), (True, sm3(DATA))):
        made = svs.form(
            "SignMessage",
            **svs.key(SM2),
            inData=digest,
            hashFlag=True,
            authenticationAttributes=attributes,
        )
        message = unb64(made["signedMessage"])
        assert svs.form("VerifySignedMessage", signedMessage=message, inData=DATA)["respValue"] == "0"
    short = svs.form("SignMessage", **svs.key(SM2), inData=b"short", hashFlag=True)
    assert short["respValue"] == str(0x0400000F)


def test_what_a_certificate_says(svs: Svs) -> None:
    certificate = svs.certificate(SM2)
    parsed = Certificate.from_der(certificate)

    def info(kind: int) -> bytes:
        return unb64(svs.form("ParseCert", infoType=kind, cert=certificate)["info"])

    assert info(1) == b"3"
    assert info(2) == f"{parsed.serial:X}".encode()
    assert info(8) == parsed.spki_der
    assert info(0x31).decode() == "测试签名服务 1"
    assert info(0x35) == parsed.not_before.strftime("%Y%m%d%H%M%SZ").encode()
    assert info(0x17) == b""
    assert svs.form("ParseCert", infoType=99, cert=certificate)["respValue"] == str(0x04000002)
    assert svs.form("ParseCert", infoType=1, cert=b"no")["respValue"] == str(0x04000008)


def test_states_of_certificates(svs: Svs) -> None:
    """Levels: time, chain, CRL; a state is unknown without a CRL and never guessed."""
    certificate = svs.certificate(SM2)
    signature = unb64(svs.form("SignData", **svs.key(SM2), inData=DATA)["signature"])
    assert svs.form("ValidateCert", cert=certificate) == {"respValue": "0", "state": "2"}
    assert svs.form("ValidateCert", cert=certificate, ocsp=True)["state"] == "2"

    def verify(level: int) -> int:
        fields = {"type": 1, "cert": certificate, "inData": DATA, "signature": signature}
        return int(svs.form("VerifySignedData", **fields, verifyLevel=level)["respValue"])

    assert [verify(level) for level in (0, 1, 2, 3)] == [0, 0, 0x0400001D, 0x0400000F]
    now = Certificate.from_der(certificate).not_after
    svs.server.clock.ahead = now - dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert verify(0) == 0x04000009
    svs.server.clock.ahead = dt.timedelta(days=-1)
    assert verify(0) == 0x0400000A


def test_a_batch_is_signed_in_one_call(svs: Svs) -> None:
    """Batch of N: every signature is right, and each is in the journal."""
    contents = [f"record {place}".encode() for place in range(20)]
    fields: dict[str, object] = {f"inData{place}": data for place, data in enumerate(contents, 1)}
    made = svs.form("SignDataBatch", **svs.key(SM2), count=20, **fields)
    key = Certificate.from_der(svs.certificate(SM2)).public_key
    for place, content in enumerate(contents, 1):
        assert key.verify(unb64(made[f"signature{place}"]), content)
    answer = svs.api("GET", "/signatures").json()["signatures"]
    assert {item["content_sm3"] for item in answer} == {sm3(content).hex() for content in contents}
    assert svs.form("SignDataBatch", **svs.key(SM2), count=1001)["respValue"] == str(0x0400000F)


def test_digests_and_random_numbers(svs: Svs) -> None:
    assert unb64(svs.form("Digest", algId=1, inData=DATA)["digest"]) == sm3(DATA)
    point = SM2PublicKey.from_spki(Certificate.from_der(svs.certificate(SM2)).spki_der).point
    seeded = svs.form("Digest", algId=1, inData=DATA, publicKey=point[1:])
    assert unb64(seeded["digest"]) == message_digest(point, DATA)
    made = [unb64(svs.form("GenRandomData", len=32)["randomData"]) for _ in range(2)]
    assert len(made[0]) == 32
    assert made[0] != made[1]


def test_wrong_codes_lock_the_key_for_this_caller(svs: Svs) -> None:
    """Five wrong access codes in a row; the right one is refused then too, for 15 minutes."""
    good = {**svs.key(SM2), "inData": DATA}
    assert svs.form("SignData", **good)["respValue"] == "0"
    for _ in range(5):
        assert svs.form("SignData", **{**good, "keyValue": "wrong-code"})["respValue"] == str(0x04000006)
    assert svs.form("SignData", **good)["respValue"] == str(0x04000006)
    assert "svs-key-locked" in svs.server.audited("svs-key-1")
    assert svs.form("SignData", **svs.key(RSA), inData=DATA)["respValue"] == "0", "the other key is free"
    svs.server.clock.ahead = dt.timedelta(minutes=16)
    assert svs.form("SignData", **good)["respValue"] == "0"


def test_what_is_wrong_has_its_number(svs: Svs) -> None:
    """Appendix D: each refusal by its own code."""
    key = svs.key(SM2)
    assert svs.form("SignData", **{**key, "keyIndex": 77}, inData=DATA)["respValue"] == str(0x04000005)
    assert svs.form("SignData", **{**key, "signMethod": RSA}, inData=DATA)["respValue"] == str(0x04000004)
    assert svs.form("SignData", **{**key, "signMethod": 9}, inData=DATA)["respValue"] == str(0x04000004)
    assert svs.form("SignData", **key, inData="%%%")["respValue"] == str(0x0400000D)
    assert svs.form("SignData", **key, inData=DATA, inDataLen=3)["respValue"] == str(0x0400000F)
    assert svs.form("ExportCert", identification="nobody")["respValue"] == str(0x04000001)
    body = b"keyIndex=1&keyIndex=2"
    answer = svs.post("/svs/SignData", body, "application/x-www-form-urlencoded")
    assert answer.text == f"respValue={0x0400000F}"
    headers = {"SVS-Request-Time": "yesterday"}
    answer = svs.post("/svs/SignData", b"{}", "application/json", **headers)
    assert answer.json() == {"respValue": 0x0400000F}


def test_the_headers_of_an_answer(svs: Svs) -> None:
    headers = {"SVS-Request-Version": "v1", "SVS-Request-Time": "20261122040000+0000"}
    answer = svs.post("/svs/GenRandomData", b"len=8", "application/x-www-form-urlencoded", **headers)
    assert answer.headers["SVS-Response-Version"] == "v1"
    moment = dt.datetime.strptime(answer.headers["SVS-Response-Time"], "%Y%m%d%H%M%S%z")
    assert abs(moment - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)


def test_an_unknown_operation_is_not_found(svs: Svs, expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.server", "svs.no-such-operation")
    for path in ("/svs/DropTable", "/SignServerJson/DropTable", "/shf/v1/DropTable"):
        assert svs.post(path, b"{}", "application/json").status_code == 404


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    operation=st.sampled_from(
        ["SignData", "VerifySignedData", "VerifySignedMessage", "ParseCert", "VerifyXML"]
    ),
    body=st.one_of(
        st.binary(max_size=200),
        st.dictionaries(
            st.sampled_from(
                ["keyIndex", "keyValue", "signMethod", "inData", "cert", "infoType", "signature"]
            ),
            st.text(max_size=40),
        ).map(lambda found: "&".join(f"{name}={value}" for name, value in found.items()).encode()),
    ),
)
def test_any_body_gets_an_answer(svs: Svs, operation: str, body: bytes) -> None:
    """Whatever is sent is answered by a number; nothing escapes."""
    answer = svs.post(f"/svs/{operation}", body, "application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert answer.text.startswith("respValue=")


def test_a_site_puts_its_own_numbers_in(svs: Svs) -> None:
    """The table of response codes can be overridden, and is checked."""
    table = CodeTable({"sign-failed": 0x0400000F, "parameters": 0x04000010})
    assert table.number(Reply.SIGN_FAILED) == 0x0400000F
    assert table.number(Reply.KEY_INDEX) == DEFAULTS[Reply.KEY_INDEX] == 0x04000005
    assert DEFAULTS[Reply.CRL_NOT_FOUND] == 0x0400001D
    for wrong in ({"nonsense": 1}, {"ok": 5}, {"parameters": 0}, {"parameters": 1 << 32}):
        with pytest.raises(ValueError, match=r".+"):
            CodeTable(wrong)
    assert svs.form("SignData", keyIndex=1, keyValue=CODE)["respValue"] == "0", "an empty message is one"
