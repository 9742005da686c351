"""R60 against openssl: {SM2, RSA} × {P1, P7 attached, detached} × {sign, verify, tamper}, both directions.

openssl 3 has no SM2 messages of GM/T 0010; their cells are P1 here, and our own reader elsewhere.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from server_stub.svs.keys import PURPOSE
from server_stub.svs.models import SvsKey
from signing.pki import Certificate
from tests.server_stub.svs.conftest import KEYS, RSA, SM2, Svs, unb64

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]
DATA = "结算单 第 1 号\n".encode()
DIGESTS = {SM2: ("-sm3", "-sigopt", "distid:1234567812345678"), RSA: ("-sha256",)}


def openssl(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


@pytest.fixture
def files(svs: Svs, tmp_path: Path) -> Path:
    """`data`, `other`, and for each method `<method>.pem`, `.pub` and `.key`."""
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "other").write_bytes(DATA + b"!")
    core = svs.server.core
    for method, index in KEYS.items():
        certificate = Certificate.from_der(svs.certificate(method))
        (tmp_path / f"{method}.pem").write_bytes(certificate.pem)
        public = openssl("x509", "-in", tmp_path / f"{method}.pem", "-noout", "-pubkey").stdout
        (tmp_path / f"{method}.pub").write_bytes(public)
        with core.store.database.read() as session:
            row = session.get_one(SvsKey, (index, "sign"))
            (tmp_path / f"{method}.key").write_bytes(core.vault.get(session, PURPOSE, row.key_id))
    return tmp_path


@pytest.mark.parametrize("method", [SM2, RSA])
def test_ours_verify_there(svs: Svs, files: Path, method: int) -> None:
    signature = unb64(svs.form("SignData", **svs.key(method), inData=DATA)["signature"])
    (files / "signature").write_bytes(signature)
    check = ("dgst", *DIGESTS[method], "-verify", files / f"{method}.pub", "-signature", files / "signature")
    assert openssl(*check, files / "data").returncode == 0
    assert openssl(*check, files / "other").returncode != 0


@pytest.mark.parametrize("method", [SM2, RSA])
def test_theirs_verify_here(svs: Svs, files: Path, method: int) -> None:
    form = ("-keyform", "DER")
    made = openssl("dgst", *DIGESTS[method], *form, "-sign", files / f"{method}.key", files / "data")
    assert made.returncode == 0, made.stderr
    fields = {"type": 1, "cert": svs.certificate(method), "signature": made.stdout, "verifyLevel": 1}
    assert svs.form("VerifySignedData", **fields, inData=DATA)["respValue"] == "0"
    assert svs.form("VerifySignedData", **fields, inData=DATA + b"!")["respValue"] == str(0x0400000C)


@pytest.mark.parametrize("attributes", [False, True])
@pytest.mark.parametrize("original", [False, True])
def test_rsa_messages_both_ways(svs: Svs, files: Path, original: bool, attributes: bool) -> None:
    made = svs.form(
        "SignMessage",
        **svs.key(RSA),
        inData=DATA,
        originalText=original,
        authenticationAttributes=attributes,
    )
    (files / "message").write_bytes(unb64(made["signedMessage"]))
    check = ("cms", "-verify", "-binary", "-noverify", "-inform", "DER", "-in", files / "message")
    detached = () if original else ("-content", files / "data")
    found = openssl(*check, *detached)
    assert found.returncode == 0, found.stderr
    assert found.stdout == DATA
    if not original:
        assert openssl(*check, "-content", files / "other").returncode != 0
    key = openssl("pkey", "-inform", "DER", "-in", files / f"{RSA}.key")
    (files / "rsa.pem").write_bytes(key.stdout)
    theirs = openssl(
        "cms",
        "-sign",
        "-binary",
        *(("-nodetach",) if original else ()),
        *(() if attributes else ("-noattr",)),
        *("-md", "sha256", "-outform", "DER", "-signer", files / f"{RSA}.pem"),
        *("-inkey", files / "rsa.pem", "-in", files / "data"),
    )
    assert theirs.returncode == 0, theirs.stderr
    answer = svs.form("VerifySignedMessage", signedMessage=theirs.stdout, inData=DATA)
    assert answer["respValue"] == "0"
    answer = svs.form("VerifySignedMessage", signedMessage=theirs.stdout, inData=DATA + b"!")
    assert answer["respValue"] == str(0x0400000C)
