"""R82: pkilint finds no error in any certificate, revocation list or OCSP response that we issue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from signing.evidence import EVENT_BINDING_OID
from signing.pki import (
    CertId,
    HealthClass,
    Profile,
    Reason,
    Revoked,
    RsaSigner,
    Scope,
    Signer,
    SingleStatus,
    Status,
    UniqueId,
    authority_information,
    build_crl,
    build_ocsp_response,
    certificate_policies,
    distribution_points,
    event_validity,
    gm_extension,
    issue_certificate,
    issue_double,
    ocsp_refusal,
    oids,
)
from signing.sm import SM2PrivateKey, der
from tests.support.certificates import YEAR, TestPki, new_signer

pki_lint = pytest.importorskip(
    "tests.oracles.pki_lint", reason="pkilint is not installed", exc_type=ImportError
)
pytestmark = pytest.mark.oracle
POINTERS = [
    (oids.CRL_DISTRIBUTION_POINTS, False, distribution_points(["http://pki.hospital.test/ca.crl"])),
    authority_information("http://pki.hospital.test/ocsp", "http://pki.hospital.test/ca.cer"),
    certificate_policies(["1.3.6.1.4.1.32473.1"]),
]
LEAVES = [p for p in Profile if p not in (Profile.ROOT, Profile.ISSUING_CA, Profile.PATIENT_EVENT)]


@pytest.fixture(scope="module", params=["sm2", "rsa", "ec-p256"])
def pki(request: pytest.FixtureRequest) -> TestPki:
    return TestPki(request.param, now=datetime.now(UTC).replace(microsecond=0))


@pytest.fixture(scope="module")
def rsa_3072() -> Iterator[Signer]:
    yield RsaSigner(rsa.generate_private_key(65537, 3072))


def test_the_linter_finds_what_is_wrong(pki: TestPki) -> None:
    """It is awake: a certificate whose serial is negative is found."""
    wrong = issue_certificate(
        profile=Profile.STAFF_SIGN,
        subject=[("C", "CN"), ("CN", "错")],
        spki_der=pki.staff.spki_der,
        issuer=pki.ca,
        issuer_signer=pki.ca_key,
        not_before=pki.now,
        not_after=pki.now + YEAR,
        serial=-5,
    )
    assert pki_lint.certificate_errors(wrong.der)


def test_authorities_and_events(pki: TestPki) -> None:
    not_before, not_after = event_validity(pki.now)
    bound = issue_certificate(
        profile=Profile.PATIENT_EVENT,
        subject=[("C", "CN"), ("CN", "张三")],
        spki_der=new_signer(pki.algorithm).public_key_spki,
        issuer=pki.ca,
        issuer_signer=pki.ca_key,
        not_before=not_before,
        not_after=not_after,
        extensions=[(EVENT_BINDING_OID, False, der.sequence(der.integer(1)))],
    )
    for certificate in (pki.root, pki.ca, pki.event(new_signer(pki.algorithm)), bound):
        assert pki_lint.certificate_errors(certificate.der) == []


@pytest.mark.parametrize("profile", LEAVES, ids=lambda profile: profile.value)
def test_every_profile(pki: TestPki, profile: Profile) -> None:
    enciphers = pki.algorithm == "sm2" and profile in (Profile.ENCRYPTION, Profile.STAFF_ENCRYPT)
    certificate = issue_certificate(
        profile=profile,
        subject=[("C", "CN"), ("O", "测试医院"), ("CN", "pki.hospital.test")],
        spki_der=new_signer(pki.algorithm).public_key_spki,
        issuer=pki.ca,
        issuer_signer=pki.ca_key,
        not_before=pki.now,
        not_after=pki.now + YEAR,
        san=["pki.hospital.test", "10.0.0.1"] if profile is Profile.SERVER else (),
        extensions=() if profile is Profile.OCSP else POINTERS,
    )
    assert pki_lint.certificate_errors(certificate.der, sm2_encryption=enciphers) == []


def test_rsa_3072(rsa_3072: Signer) -> None:
    pki = TestPki("sm2", now=datetime.now(UTC).replace(microsecond=0))
    certificate = pki.issue(Profile.STAFF_SIGN, "三千", rsa_3072)
    assert pki_lint.certificate_errors(certificate.der) == []


@pytest.mark.parametrize("health_class", HealthClass)
def test_health_classes(health_class: HealthClass) -> None:
    """R83: the six classes as double certificates, with unique ID and GM/T 0015 extensions."""
    pki = TestPki("sm2", now=datetime.now(UTC).replace(microsecond=0))
    issued = issue_double(
        health_class=health_class,
        subject=[("C", "CN"), ("ST", "福建"), ("O", "测试医院"), ("OU", "心内科"), ("CN", "李医生")],
        sign_key=SM2PrivateKey.generate().public_key,
        issuer=pki.ca,
        issuer_signer=pki.ca_key,
        not_before=pki.now,
        not_after=pki.now + YEAR,
        extensions=[
            *POINTERS,
            UniqueId(1, "6021", "SF", 0, "TEST00000000000001").extension(),
            gm_extension("organisation", "12345678-9"),
            gm_extension("passport", "E00000000"),
        ],
    )
    assert pki_lint.certificate_errors(issued.sign.der) == []
    assert pki_lint.certificate_errors(issued.encrypt.der, sm2_encryption=True) == []


def test_lists(pki: TestPki) -> None:
    entries = [
        Revoked(5, pki.now, Reason.KEY_COMPROMISE, pki.now - timedelta(days=1)),
        Revoked(6, pki.now, Reason.CERTIFICATE_HOLD),
        Revoked(7, pki.now),
    ]
    partition = Scope(points=frozenset({b"http://pki.hospital.test/1.crl"}), only_user=True)
    for revoked, base, scope, freshest in (
        (entries, None, None, ""),
        ([], None, None, "http://pki.hospital.test/delta.crl"),
        (entries, 1, None, ""),
        (entries, None, partition, ""),
        ([], None, Scope(only_ca=True), ""),
    ):
        data = build_crl(
            issuer=pki.ca,
            issuer_signer=pki.ca_key,
            number=2,
            this_update=pki.now,
            next_update=pki.now + timedelta(days=7),
            revoked=revoked,
            base_number=base,
            scope=scope,
            freshest=freshest,
        )
        assert pki_lint.list_errors(data) == []


def test_ocsp_responses(pki: TestPki) -> None:
    key = new_signer(pki.algorithm)
    delegate = pki.issue(Profile.OCSP, "OCSP", key)
    until = pki.now + timedelta(days=1)
    statuses = [
        SingleStatus(CertId.of(5, pki.ca), Status.GOOD, pki.now, until),
        SingleStatus(CertId.of(6, pki.ca), Status.REVOKED, pki.now, until, pki.now, Reason.SUPERSEDED),
        SingleStatus(CertId.of(7, pki.ca, oids.SHA256), Status.UNKNOWN, pki.now, until),
    ]
    for responder, signer, chain in ((pki.ca, pki.ca_key, []), (delegate, key, [delegate])):
        data = build_ocsp_response(
            responder=responder,
            signer=signer,
            statuses=statuses,
            produced_at=pki.now,
            nonce=b"n" * 32,
            chain=chain,
        )
        assert pki_lint.response_errors(data) == []
    assert pki_lint.response_errors(ocsp_refusal(6)) == []
