"""R60, R87: every artefact of ours before every implementation that can judge it, printed as a matrix.

A cell that is not here is one that the tool cannot do (knowledge of it stands in docs/certificates.md).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import gmssl_pyx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509 import ocsp
from OpenSSL import crypto

from signing.cms import build_signed_data
from signing.pki import (
    CertId,
    Revoked,
    SingleStatus,
    Sm2Signer,
    Status,
    build_crl,
    build_ocsp_response,
    build_request,
)
from signing.tsp import build_request as stamp_request
from tests.oracles.bouncy_castle import BouncyCastle
from tests.oracles.matrix import PROPERTY
from tests.oracles.test_openssl import DEFAULT_ID, openssl
from tests.support.certificates import TestPki

pytestmark = pytest.mark.oracle
MESSAGE = b"message of a hospital"
DAY = timedelta(days=1)
ALL, CURVE_AND_RSA, SM2 = ("sm2", "rsa", "ec-p256"), ("rsa", "ec-p256"), ("sm2",)
Judge = Callable[[TestPki, BouncyCastle, Path], object]


@cache
def pki(algorithm: str) -> TestPki:
    """Valid today: most tools look at the clock."""
    return TestPki(algorithm, now=datetime.now(UTC).replace(microsecond=0))


def a_list(made: TestPki) -> bytes:
    return build_crl(
        issuer=made.ca,
        issuer_signer=made.ca_key,
        number=1,
        this_update=made.now - DAY,
        next_update=made.now + DAY,
        revoked=[Revoked(7, made.now - DAY)],
    )


def an_answer(made: TestPki) -> bytes:
    single = SingleStatus(CertId.of(made.staff.serial, made.ca), Status.GOOD, made.now - DAY, made.now + DAY)
    return build_ocsp_response(
        responder=made.ca, signer=made.ca_key, statuses=[single], produced_at=made.now - DAY
    )


def a_request(made: TestPki) -> bytes:
    return build_request([("C", "CN"), ("CN", "device")], made.staff_key, san=["a.test"])


def a_message(made: TestPki, dialect: str = "rfc5652") -> bytes:
    return build_signed_data(
        MESSAGE,
        signer=made.staff_key,
        certificate=made.staff,
        chain=[made.ca],
        dialect=dialect,  # type: ignore[arg-type]
    )


def path_of(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def says_ok(*arguments: str | Path) -> None:
    """For commands that tell a failure in words, not by their exit status."""
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False)
    words = (done.stdout + done.stderr).lower()
    assert done.returncode == 0 and b"verify ok" in words, words.decode()


def chain_by_openssl(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    options = ["-vfyopt", DEFAULT_ID] if made.algorithm == "sm2" else []
    for lower, upper in ((made.staff, made.ca), (made.ca, made.root)):
        issuer, subject = path_of(folder, "i.pem", upper.pem), path_of(folder, "s.pem", lower.pem)
        assert b"OK" in openssl(
            "verify", *options, "-x509_strict", "-partial_chain", "-trusted", issuer, subject
        )


def chain_by_openssl_4(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    root, ca, staff = (
        crypto.load_certificate(crypto.FILETYPE_ASN1, each.der) for each in (made.root, made.ca, made.staff)
    )
    store = crypto.X509Store()
    store.add_cert(root)
    crypto.X509StoreContext(store, staff, [ca]).verify_certificate()


def chain_by_cryptography(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    root, ca, staff = (x509.load_der_x509_certificate(e.der) for e in (made.root, made.ca, made.staff))
    staff.verify_directly_issued_by(ca)
    ca.verify_directly_issued_by(root)


def value_by_cryptography(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    key = serialization.load_der_public_key(made.staff.spki_der)
    value = made.staff_key.sign(MESSAGE)
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(value, MESSAGE, ec.ECDSA(hashes.SHA256()))
    else:
        key.verify(value, MESSAGE, padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr,call-arg]


def value_by_openssl(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    options = ["-sm3", "-sigopt", DEFAULT_ID] if made.algorithm == "sm2" else ["-sha256"]
    key = path_of(folder, "key.der", made.staff.spki_der)
    value = path_of(folder, "value", made.staff_key.sign(MESSAGE))
    message = path_of(folder, "message", MESSAGE)
    assert b"OK" in openssl("dgst", *options, "-keyform", "DER", "-verify", key, "-signature", value, message)


def value_by_gmssl(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    assert isinstance(made.staff_key, Sm2Signer)
    point = made.staff_key.key.public_key.point
    assert gmssl_pyx.sm2_verify(point[1:], MESSAGE, made.staff_key.sign(MESSAGE))


def message_by_openssl(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    message, root = path_of(folder, "m.der", a_message(made)), path_of(folder, "root.pem", made.root.pem)
    arguments = ("cms", "-verify", "-inform", "DER", "-in", message, "-CAfile", root, "-purpose", "any")
    assert openssl(*arguments, "-binary") == MESSAGE


def stamp_by_openssl(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    message = path_of(folder, "message", MESSAGE)
    query = openssl("ts", "-query", "-data", message, "-sha256", "-cert")
    response = path_of(folder, "response.tsr", made.authority().respond(query))
    root = path_of(folder, "root.pem", made.root.pem)
    chain = path_of(folder, "chain.pem", made.ca.pem + made.tsa.pem)
    out = openssl("ts", "-verify", "-data", message, "-in", response, "-CAfile", root, "-untrusted", chain)
    assert b"OK" in out


def stamp_response_by_bouncy_castle(made: TestPki, castle: BouncyCastle, folder: Path) -> None:
    request = stamp_request(bytes(32), nonce=77)
    castle.verify_tsp_response(request, made.authority().respond(request), made.tsa.der)


def list_by_openssl(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    crl = path_of(folder, "ca.crl", a_list(made))
    ca = path_of(folder, "ca.pem", made.ca.pem + made.root.pem)
    says_ok("crl", "-inform", "DER", "-in", crl, "-CAfile", ca, "-noout")


def list_by_cryptography(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    key = serialization.load_der_public_key(made.ca.spki_der)
    crl = x509.load_der_x509_crl(a_list(made))
    assert crl.is_signature_valid(key)  # type: ignore[arg-type]
    assert crl.get_revoked_certificate_by_serial_number(7) is not None


def answer_by_openssl(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    response = path_of(folder, "r.der", an_answer(made))
    ca, staff = path_of(folder, "ca.pem", made.ca.pem), path_of(folder, "s.pem", made.staff.pem)
    root = path_of(folder, "root.pem", made.root.pem)
    common = (
        "ocsp",
        "-respin",
        response,
        "-issuer",
        ca,
        "-cert",
        staff,
        "-no_nonce",
        "-validity_period",
        "90000",
    )
    assert b": good" in openssl(*common, "-CAfile", root, "-verify_other", ca, "-partial_chain")


def answer_by_cryptography(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    response = ocsp.load_der_ocsp_response(an_answer(made))
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert response.serial_number == made.staff.serial


def request_by_openssl(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    options = ["-vfyopt", DEFAULT_ID] if made.algorithm == "sm2" else []
    path = path_of(folder, "r.der", a_request(made))
    says_ok("req", "-inform", "DER", "-in", path, "-verify", "-noout", *options)


def request_by_cryptography(made: TestPki, _: BouncyCastle, folder: Path) -> None:
    assert x509.load_der_x509_csr(a_request(made)).is_signature_valid


CELLS: tuple[tuple[str, str, tuple[str, ...], Judge], ...] = (
    (
        "certificates",
        "BouncyCastle",
        ALL,
        lambda p, b, _: b.verify_chain([p.staff.der, p.ca.der, p.root.der]),
    ),
    ("certificates", "openssl3", ALL, chain_by_openssl),
    ("certificates", "OpenSSL4", ALL, chain_by_openssl_4),
    ("certificates", "cryptography", CURVE_AND_RSA, chain_by_cryptography),
    (
        "signature",
        "BouncyCastle",
        ALL,
        lambda p, b, _: b.verify_raw(p.staff.der, MESSAGE, p.staff_key.sign(MESSAGE)),
    ),
    ("signature", "openssl3", ALL, value_by_openssl),
    ("signature", "cryptography", CURVE_AND_RSA, value_by_cryptography),
    ("signature", "GmSSL", SM2, value_by_gmssl),
    ("CMS rfc5652", "BouncyCastle", ALL, lambda p, b, _: b.verify_cms(a_message(p))),
    ("CMS rfc5652", "openssl3", CURVE_AND_RSA, message_by_openssl),
    ("CMS gbt35275", "BouncyCastle", SM2, lambda p, b, _: b.verify_cms(a_message(p, "gbt35275"))),
    ("time stamp", "BouncyCastle", ALL, stamp_response_by_bouncy_castle),
    ("time stamp", "openssl3", CURVE_AND_RSA, stamp_by_openssl),
    ("CRL", "BouncyCastle", ALL, lambda p, b, _: b.verify_crl(a_list(p), p.ca.der)),
    ("CRL", "openssl3", CURVE_AND_RSA, list_by_openssl),
    ("CRL", "cryptography", CURVE_AND_RSA, list_by_cryptography),
    ("OCSP", "BouncyCastle", ALL, lambda p, b, _: b.verify_ocsp(an_answer(p), p.ca.der)),
    ("OCSP", "openssl3", CURVE_AND_RSA, answer_by_openssl),
    ("OCSP", "cryptography", CURVE_AND_RSA, answer_by_cryptography),
    ("request", "BouncyCastle", ALL, lambda p, b, _: b.verify_request(a_request(p))),
    ("request", "openssl3", ALL, request_by_openssl),
    ("request", "cryptography", CURVE_AND_RSA, request_by_cryptography),
)
ROWS = [
    (artefact, algorithm, tool, judge)
    for artefact, tool, algorithms, judge in CELLS
    for algorithm in algorithms
]


@pytest.mark.parametrize(
    ("artefact", "algorithm", "tool", "judge"), ROWS, ids=[f"{a}-{b}-{c}" for a, b, c, _ in ROWS]
)
def test_cell(
    artefact: str,
    algorithm: str,
    tool: str,
    judge: Judge,
    bouncy_castle: BouncyCastle,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    record_property(PROPERTY, (artefact, algorithm, tool))
    judge(pki(algorithm), bouncy_castle, tmp_path)
