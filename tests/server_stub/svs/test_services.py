"""Services for other systems (R30, R32): login, data keys, record integrity, who signed what; GM/T 0136."""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
from typing import Any

import pytest

from server_stub.svs.login import SERVER_LABEL, user_message
from signing.pki import Certificate, Profile, Sm2Signer, issue_certificate
from signing.sm import SM2PrivateKey, sm3
from tests.conftest import ExpectedWarnings
from tests.server_stub.svs.conftest import CODE, SM2, Svs, b64, unb64


def staff(svs: Svs, name: str = "李护士") -> tuple[Certificate, Sm2Signer]:
    """A member of staff with a certificate of the hospital's CA."""
    signer = Sm2Signer(SM2PrivateKey.generate())
    hospital, now = svs.server.core.hospital, dt.datetime.now(dt.UTC)
    certificate = issue_certificate(
        profile=Profile.STAFF_SIGN,
        subject=[("C", "CN"), ("CN", name)],
        spki_der=signer.public_key_spki,
        issuer=hospital.certificate("issuing"),
        issuer_signer=hospital.signer("issuing"),
        not_before=now - dt.timedelta(minutes=1),
        not_after=now + dt.timedelta(days=365),
    )
    return certificate, signer


def begin(svs: Svs, certificate: Certificate, mine: bytes) -> dict[str, Any]:
    body = {"certificate_b64": certificate.der, "client_random_b64": mine}
    answer = svs.api("POST", "/login/begin", body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_both_sides_prove_themselves(svs: Svs) -> None:
    """R30 认证: the server signs both random numbers, then the user does."""
    certificate, signer = staff(svs)
    mine = secrets.token_bytes(32)
    step = begin(svs, certificate, mine)
    theirs = unb64(step["server_random_b64"])
    server = Certificate.from_der(unb64(step["server_certificate_b64"]))
    proven = SERVER_LABEL + mine + theirs + certificate.fingerprint_sm3
    assert server.public_key.verify(unb64(step["server_signature_b64"]), proven)
    body = {"login_id": step["login_id"], "signature_b64": signer.sign(user_message(mine, theirs))}
    done = svs.api("POST", "/login/finish", body).json()
    assert (done["common_name"], done["serial"]) == ("李护士", f"{certificate.serial:x}")
    assert done["revocation_checked"] is False, "no CRL was at hand, and that is told"
    assert svs.server.audited(done["serial"]) == ["certificate-login"]


def test_a_login_is_good_once_and_for_its_caller(svs: Svs, expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.server", "svs.login-signature")
    expected_warnings("penward.server", "svs.login-used")
    expected_warnings("penward.server", "svs.login-unknown")
    certificate, signer = staff(svs)
    mine = secrets.token_bytes(32)
    step = begin(svs, certificate, mine)
    right = signer.sign(user_message(mine, unb64(step["server_random_b64"])))
    wrong = {"login_id": step["login_id"], "signature_b64": signer.sign(b"something else")}
    answer = svs.api("POST", "/login/finish", wrong)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "svs.login-signature")
    answer = svs.api("POST", "/login/finish", {**wrong, "signature_b64": right})
    assert answer.json()["error"]["code"] == "svs.login-used"
    late = begin(svs, certificate, mine)
    svs.server.clock.ahead = dt.timedelta(minutes=3)
    body = {"login_id": late["login_id"], "signature_b64": right}
    assert svs.api("POST", "/login/finish", body).json()["error"]["code"] == "svs.login-unknown"
    body = {"login_id": b64(secrets.token_bytes(80)), "signature_b64": right}
    assert svs.api("POST", "/login/finish", body).json()["error"]["code"] == "svs.login-unknown"


def test_data_is_sealed_and_opened_over_rotations(svs: Svs, expected_warnings: ExpectedWarnings) -> None:
    """R30 加密: versions; what was sealed before a rotation opens after it; a context is bound."""
    for code in ("svs.data-key-exists", "svs.data-key-rotated", "svs.not-authentic", "svs.no-such-data-key"):
        expected_warnings("penward.server", code)
    name = {"name": "patients", "purpose": "encrypt"}
    assert svs.api("POST", "/data-keys", name).status_code == 201
    assert svs.api("POST", "/data-keys", name).status_code == 409
    plain = {"plaintext_b64": b"13800000000", "context": "patient-1"}
    sealed = [svs.api("POST", "/data-keys/patients/encrypt", plain).json()["ciphertext_b64"]]
    rotation = {"purpose": "encrypt", "from_version": 1}
    assert svs.api("POST", "/data-keys/patients/rotate", rotation).json()["version"] == 2
    assert svs.api("POST", "/data-keys/patients/rotate", rotation).status_code == 409, "sent twice"
    sealed.append(svs.api("POST", "/data-keys/patients/encrypt", plain).json()["ciphertext_b64"])
    assert [unb64(item)[4:8] for item in sealed] == [b"\0\0\0\x01", b"\0\0\0\x02"]
    for item in sealed:
        opened = svs.api(
            "POST", "/data-keys/patients/decrypt", {"ciphertext_b64": item, "context": "patient-1"}
        )
        assert unb64(opened.json()["plaintext_b64"]) == b"13800000000"
        other = svs.api(
            "POST", "/data-keys/patients/decrypt", {"ciphertext_b64": item, "context": "patient-2"}
        )
        assert other.json()["error"]["code"] == "svs.not-authentic"
    assert svs.api("POST", "/data-keys/none/encrypt", plain).status_code == 404


def test_a_key_is_its_callers_alone(svs: Svs, expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.server", "svs.no-such-data-key")
    svs.api("POST", "/data-keys", {"name": "patients", "purpose": "encrypt"})
    core = svs.server.core
    with core.store.database.write() as session:
        other = core.auth.add_his(session, "LIS")
    svs.server.his.key_id, svs.server.his.secret = other.key_id, other.secret
    assert svs.api("POST", "/data-keys/patients/encrypt", {"plaintext_b64": b"x"}).status_code == 404


def test_a_changed_record_is_found(svs: Svs) -> None:
    """R32 完整性: any change of the record or of its id."""
    svs.api("POST", "/data-keys", {"name": "records", "purpose": "mac"})
    record = {"record": "order-7", "content_b64": "阿司匹林 100 mg".encode()}
    made = svs.api("POST", "/data-keys/records/mac", record).json()

    def intact(**changed: object) -> bool:
        body = {**record, **made, **changed}
        return bool(svs.api("POST", "/data-keys/records/mac/verify", body).json()["intact"])

    assert intact()
    assert not intact(content_b64="阿司匹林 200 mg".encode())
    assert not intact(record="order-8")
    assert not intact(mac_b64=bytes(32))


def test_who_signed_what_and_when(svs: Svs) -> None:
    """R32: signed record → who, when, with which key; a changed record is nobody's."""
    data = "医嘱 7".encode()
    made = svs.form("SignData", **svs.key(SM2), inData=data)
    found = svs.api("GET", f"/signatures?content_sm3={sm3(data).hex()}").json()["signatures"]
    assert len(found) == 1
    entry = found[0]
    assert entry["caller"].startswith("his:")
    assert (entry["operation"], entry["key_index"]) == ("SignData", 1)
    assert entry["signature_sm3"] == sm3(unb64(made["signature"])).hex()
    assert entry["certificate_serial"] == f"{Certificate.from_der(svs.certificate(SM2)).serial:x}"
    moment = dt.datetime.fromisoformat(entry["at"])
    assert abs(moment - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    changed = sm3(data + b"!").hex()
    assert svs.api("GET", f"/signatures?content_sm3={changed}").json() == {"signatures": []}


def triples(**values: object) -> bytes:
    found = [
        {"Name": name, "Type": "Base64", "Value": b64(value)}
        if isinstance(value, bytes)
        else {"Name": name, "Type": "Raw", "Value": value}
        for name, value in values.items()
    ]
    return json.dumps({"Data": found}).encode()


def shf(svs: Svs, operation: str, **values: object) -> tuple[int, dict[str, bytes]]:
    answer = svs.post(f"/shf/v1/{operation}", triples(**values), "application/json")
    assert answer.status_code == 200, answer.text
    content = answer.json()
    assert bool(content["Message"]) is (content["Code"] != 0)
    return content["Code"], {item["Name"]: base64.b64decode(item["Value"]) for item in content["Data"]}


def test_the_second_face(svs: Svs) -> None:
    """GM/T 0136: Sign, Verify, Encrypt, Decrypt, ParseCertificate."""
    code, made = shf(svs, "Sign", KeyId="1", AccessCode=CODE, PlainText=b"data")
    assert code == 0
    certificate = svs.certificate(SM2)
    assert shf(svs, "Verify", Certificate=certificate, PlainText=b"data", Signature=made["Signature"])[0] == 0
    assert (
        shf(svs, "Verify", Certificate=certificate, PlainText=b"date", Signature=made["Signature"])[0]
        == 0x0400000C
    )
    svs.api("POST", "/data-keys", {"name": "shf", "purpose": "encrypt"})
    sealed = shf(svs, "Encrypt", KeyId="shf", PlainText=b"secret")[1]["CipherText"]
    assert shf(svs, "Decrypt", KeyId="shf", CipherText=sealed)[1] == {"PlainText": b"secret"}
    assert shf(svs, "Decrypt", KeyId="none", CipherText=sealed)[0] == 0x04000005
    tags = ["SGD_CERT_SUBJECT_CN", "SGD_CERT_VERSION"]
    pem = Certificate.from_der(certificate).pem.decode()
    found = shf(svs, "ParseCertificate", Certificate=pem, Tags=tags)[1]
    assert found == {"SGD_CERT_SUBJECT_CN": "测试签名服务 1".encode(), "SGD_CERT_VERSION": b"3"}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"Data":1}', b'{"Data":[{"Name":"A","Type":"No","Value":"1"}]}']
)
def test_what_is_no_triple(svs: Svs, body: bytes) -> None:
    answer = svs.post("/shf/v1/Sign", body, "application/json")
    assert answer.json()["Code"] in (0x0400000D, 0x0400000F)
