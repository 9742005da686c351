"""R60: the openssl command and OpenSSL 4 (by pyOpenSSL) accept our certificates, keys and signatures."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from OpenSSL import crypto

from signing.cms import build_signed_data
from signing.pki import Certificate
from signing.sm import SM2PrivateKey, SM2PublicKey
from signing.tsp import build_request, parse_request, token_from_response
from tests.support.certificates import TestPki

pytestmark = pytest.mark.oracle
DEFAULT_ID = "distid:1234567812345678"
MESSAGE = b"message of a hospital"


@pytest.fixture(scope="module", params=("sm2", "rsa", "ec-p256"))
def pki(request: pytest.FixtureRequest) -> TestPki:
    """Valid today: these tools look at the clock."""
    return TestPki(request.param, now=datetime.now(UTC).replace(microsecond=0))


def openssl(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    """Run the command; its diagnostics become the failure's text."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is not installed")
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_each_certificate_verifies_under_its_issuer(tmp_path: Path, pki: TestPki) -> None:
    """`openssl verify` hands the ID to the last certificate alone, so one step at a time."""
    options = ["-vfyopt", DEFAULT_ID] if pki.algorithm == "sm2" else []
    for lower, upper in ((pki.staff, pki.ca), (pki.tsa, pki.ca), (pki.ca, pki.root), (pki.root, pki.root)):
        issuer, subject = tmp_path / "issuer.pem", tmp_path / "subject.pem"
        issuer.write_bytes(upper.pem)
        subject.write_bytes(lower.pem)
        out = openssl("verify", *options, "-x509_strict", "-partial_chain", "-trusted", issuer, subject)
        assert out.strip().endswith(b"OK")


def test_the_purpose_of_the_tsa_is_time_stamping(tmp_path: Path, pki: TestPki) -> None:
    path = tmp_path / "tsa.pem"
    path.write_bytes(pki.tsa.pem)
    assert b"Time Stamp signing : Yes" in openssl("x509", "-in", path, "-noout", "-purpose")


def test_openssl_4_verifies_the_whole_path(pki: TestPki) -> None:
    """Its default ID is ours."""
    store = crypto.X509Store()
    store.add_cert(_x509(pki.root))
    crypto.X509StoreContext(store, _x509(pki.staff), [_x509(pki.ca)]).verify_certificate()
    stranger = TestPki(pki.algorithm, now=pki.now)
    with pytest.raises(crypto.X509StoreContextError):
        crypto.X509StoreContext(store, _x509(stranger.staff), [_x509(stranger.ca)]).verify_certificate()


def _x509(certificate: Certificate) -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_ASN1, certificate.der)


def test_signatures_both_ways(tmp_path: Path) -> None:
    key = SM2PrivateKey.generate()
    private, public = tmp_path / "key.der", tmp_path / "public.der"
    message, value = tmp_path / "message", tmp_path / "value"
    private.write_bytes(key.to_pkcs8())
    public.write_bytes(key.public_key.spki)
    message.write_bytes(MESSAGE)
    value.write_bytes(key.sign(MESSAGE))
    options = ("-sm3", "-sigopt", DEFAULT_ID, "-keyform", "DER")
    assert b"OK" in openssl("dgst", *options, "-verify", public, "-signature", value, message)
    theirs = openssl("dgst", *options, "-sign", private, message)
    assert key.public_key.verify(theirs, MESSAGE)


def test_encryption_both_ways(tmp_path: Path) -> None:
    key = SM2PrivateKey.generate()
    private, public = tmp_path / "key.der", tmp_path / "public.der"
    private.write_bytes(key.to_pkcs8())
    public.write_bytes(key.public_key.spki)
    theirs = openssl("pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", public, stdin=MESSAGE)
    assert key.decrypt(theirs) == MESSAGE
    ours = key.public_key.encrypt(MESSAGE)
    assert openssl("pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", private, stdin=ours) == MESSAGE


def test_keys_that_openssl_wrote(tmp_path: Path) -> None:
    """PKCS#8 plain and encrypted with SM4, SEC 1, PEM and DER."""
    pem, encrypted, sec1 = tmp_path / "key.pem", tmp_path / "encrypted.pem", tmp_path / "key.der"
    openssl("genpkey", "-algorithm", "SM2", "-out", pem)
    openssl(
        "pkcs8",
        "-topk8",
        "-v2",
        "sm4-cbc",
        "-in",
        pem,
        "-out",
        encrypted,
        "-passout",
        "pass:ward",
        "-iter",
        "9",
    )
    openssl("ec", "-in", pem, "-outform", "DER", "-out", sec1)
    public = SM2PublicKey.from_spki(openssl("pkey", "-in", pem, "-pubout", "-outform", "DER"))
    for path, passphrase in ((pem, None), (encrypted, "ward"), (sec1, None)):
        assert SM2PrivateKey.from_pkcs8(path.read_bytes(), passphrase).public_key == public


def test_time_stamps(tmp_path: Path, pki: TestPki) -> None:
    """`openssl ts`: reads our request and makes one that we read; verifies our RSA and P-256 tokens."""
    message = tmp_path / "message"
    message.write_bytes(MESSAGE)
    query = openssl(
        "ts", "-query", "-data", message, "-sm3" if pki.algorithm == "sm2" else "-sha256", "-cert"
    )
    assert parse_request(query).nonce is not None
    response = tmp_path / "response.tsr"
    response.write_bytes(pki.authority().respond(query))
    assert b"Status info:\nStatus: Granted" in openssl("ts", "-reply", "-in", response, "-text")
    assert token_from_response(response.read_bytes())
    if pki.algorithm == "sm2":
        return  # openssl 3 cannot verify an SM2 token, whoever made it
    root, chain = tmp_path / "root.pem", tmp_path / "chain.pem"
    root.write_bytes(pki.root.pem)
    chain.write_bytes(pki.ca.pem + pki.tsa.pem)
    out = openssl("ts", "-verify", "-data", message, "-in", response, "-CAfile", root, "-untrusted", chain)
    assert b"OK" in out


def test_request_is_read_by_openssl(tmp_path: Path) -> None:
    path = tmp_path / "request.tsq"
    path.write_bytes(build_request(bytes(32), nonce=0xABCDEF))
    text = openssl("ts", "-query", "-in", path, "-text")
    assert b"Hash Algorithm: sm3" in text
    assert b"0xABCDEF" in text


@pytest.mark.parametrize("algorithm", ["rsa", "ec-p256"])
def test_cms_of_rsa_and_p256(tmp_path: Path, algorithm: str) -> None:
    """openssl 3 cannot verify SM2 CMS with an ID; the other two it must accept."""
    pki = TestPki(algorithm, now=datetime.now(UTC).replace(microsecond=0))
    path, root = tmp_path / "message.der", tmp_path / "root.pem"
    root.write_bytes(pki.root.pem)
    path.write_bytes(build_signed_data(MESSAGE, signer=pki.staff_key, certificate=pki.staff, chain=[pki.ca]))
    arguments = ("cms", "-verify", "-inform", "DER", "-in", path, "-CAfile", root, "-purpose", "any")
    assert openssl(*arguments, "-binary") == MESSAGE
