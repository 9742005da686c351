"""R29, R36, R47: what the hospital's CA issues, and what it refuses to issue."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from signing.pki import (
    EcSigner,
    PkiError,
    Profile,
    RsaSigner,
    Sm2Signer,
    event_validity,
    issue_certificate,
    load_signer,
    new_serial,
    oids,
    public_key_from_spki,
    verify_signature,
)
from signing.sm import SM2PrivateKey, SmError, check_der, der
from tests.support.certificates import NOON, TestPki, new_signer

DAY = timedelta(days=1)


@pytest.fixture(scope="module", params=["sm2", "rsa", "ec-p256"])
def pki(request: pytest.FixtureRequest) -> TestPki:
    return TestPki(request.param)


@pytest.fixture(scope="module")
def sm2() -> TestPki:
    return TestPki()


def test_every_link_is_signed(pki: TestPki) -> None:
    for lower, upper in pairwise((pki.event(new_signer(pki.algorithm)), pki.ca, pki.root, pki.root)):
        assert upper.public_key.verify(lower.signature, lower.tbs_der)
        check_der(lower.der)


@pytest.mark.parametrize(
    ("profile", "usage", "extended", "critical"),
    [
        (Profile.ISSUING_CA, {"keyCertSign", "cRLSign"}, (), None),
        (Profile.TSA, {"digitalSignature", "nonRepudiation"}, (oids.TIME_STAMPING,), True),
        (Profile.SERVER, {"digitalSignature"}, (oids.SERVER_AUTH,), False),
        (Profile.ENCRYPTION, {"keyEncipherment", "dataEncipherment", "keyAgreement"}, (), None),
        (Profile.SEAL_MAKER, {"digitalSignature", "nonRepudiation"}, (oids.SEAL_MAKING,), False),
        (Profile.STAFF_SIGN, {"digitalSignature", "nonRepudiation"}, (), None),
        (Profile.STATION, {"digitalSignature"}, (oids.CLIENT_AUTH,), False),
    ],
)
def test_profiles(
    sm2: TestPki, profile: Profile, usage: set[str], extended: tuple[str, ...], critical: bool | None
) -> None:
    certificate = sm2.issue(profile, "x", new_signer(), sm2.root, sm2.root_key)
    assert certificate.key_usage == usage
    assert certificate.extensions[oids.KEY_USAGE].critical
    assert certificate.extended_key_usage == extended
    if critical is not None:
        assert certificate.extensions[oids.EXTENDED_KEY_USAGE].critical is critical
    assert certificate.is_ca is (profile is Profile.ISSUING_CA)
    assert oids.NO_REV_AVAIL not in certificate.extensions


def test_event_certificates_are_short_and_say_so(sm2: TestPki) -> None:
    """R29, RFC 9608: now − 60 s, at most 24 h, noRevAvail."""
    event = sm2.event(new_signer())
    assert (event.not_before, event.not_after) == event_validity(NOON)
    assert event.not_before == NOON - timedelta(seconds=60)
    assert event.not_after - event.not_before == timedelta(hours=24)
    extension = event.extensions[oids.NO_REV_AVAIL]
    assert (extension.critical, extension.value) == (False, der.null())


def test_serials_come_from_the_system_and_never_repeat() -> None:
    serials = {new_serial() for _ in range(1000)}
    assert len(serials) == 1000
    assert {len(der.integer(serial)) for serial in serials} == {18}
    assert min(serials) > 0


def test_alternative_names(sm2: TestPki) -> None:
    certificate = issue_certificate(
        profile=Profile.SERVER,
        subject=[("CN", "sign.hospital")],
        spki_der=sm2.staff.spki_der,
        issuer=sm2.ca,
        issuer_signer=sm2.ca_key,
        not_before=NOON,
        not_after=NOON + DAY,
        san=["sign.hospital", "127.0.0.1", "::1"],
    )
    names = certificate.asn1.subject_alt_name_value.native
    assert names == ["sign.hospital", "127.0.0.1", "::1"]
    with pytest.raises(PkiError, match="bad-name"):
        issue_certificate(
            profile=Profile.SERVER,
            subject=[("CN", "x")],
            spki_der=sm2.staff.spki_der,
            issuer=sm2.ca,
            issuer_signer=sm2.ca_key,
            not_before=NOON,
            not_after=NOON + DAY,
            san=["医院 server"],
        )


def refused(sm2: TestPki, **changes: object) -> str:
    """The code of the refusal of an otherwise right event certificate."""
    not_before, not_after = event_validity(NOON)
    right: dict[str, object] = {
        "profile": Profile.PATIENT_EVENT,
        "subject": [("CN", "张三")],
        "spki_der": sm2.staff.spki_der,
        "issuer": sm2.ca,
        "issuer_signer": sm2.ca_key,
        "not_before": not_before,
        "not_after": not_after,
    }
    with pytest.raises(PkiError) as caught:
        issue_certificate(**(right | changes))  # type: ignore[arg-type]
    return caught.value.code


def test_what_is_refused_before_a_key_signs(sm2: TestPki) -> None:
    """Boulder's rule: a certificate is linted before it is signed."""
    start, end = event_validity(NOON)
    assert refused(sm2, not_after=end + timedelta(seconds=1)) == "pki.event-too-long"
    assert refused(sm2, not_before=end, not_after=start) == "pki.bad-validity"
    assert refused(sm2, not_before=start.replace(tzinfo=None)) == "pki.bad-validity"
    assert refused(sm2, subject=[("CN", "11010519491231002X")]) == "pki.identity-number"
    assert refused(sm2, subject=[("CN", "张三(110105194912310021)")]) == "pki.identity-number"
    assert refused(sm2, issuer=None) == "pki.not-a-ca"
    assert refused(sm2, issuer=sm2.staff, issuer_signer=sm2.staff_key) == "pki.not-a-ca"
    assert refused(sm2, extensions=[(oids.KEY_USAGE, True, der.null())]) == "pki.extension-twice"
    assert refused(sm2, subject=[]) == "pki.bad-name"
    assert refused(sm2, spki_der=der.sequence(der.null())) == "pki.bad-key"
    late = sm2.ca.not_after - timedelta(hours=1)
    assert refused(sm2, not_before=late, not_after=late + timedelta(hours=2)) == "pki.outside-issuer"


def test_a_signer_that_is_not_the_issuer_is_noticed(sm2: TestPki) -> None:
    assert refused(sm2, issuer_signer=sm2.root_key) == "pki.signer-mismatch"
    assert refused(sm2, issuer_signer=TestPki("rsa").ca_key) == "pki.signer-mismatch"


def test_signers_from_key_files() -> None:
    sm2 = SM2PrivateKey.generate()
    assert isinstance(load_signer(sm2.to_pkcs8("pw"), "pw"), Sm2Signer)
    with pytest.raises(SmError, match="passphrase"):
        load_signer(sm2.to_pkcs8("pw"), "no")
    for key, kind in (
        (ec.generate_private_key(ec.SECP256R1()), EcSigner),
        (rsa.generate_private_key(65537, 2048), RsaSigner),
    ):
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
            for protection in (
                serialization.NoEncryption(),
                serialization.BestAvailableEncryption(b"pw"),
            ):
                data = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, protection)
                secret = "pw" if isinstance(protection, serialization.BestAvailableEncryption) else None
                signer = load_signer(data, secret)
                assert isinstance(signer, kind)
                assert public_key_from_spki(signer.public_key_spki).verify(signer.sign(b"x"), b"x")


def test_keys_that_do_not_sign_here() -> None:
    def encoded(key: object) -> bytes:
        return key.private_bytes(  # type: ignore[attr-defined, no-any-return]
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    for key in (ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())):
        with pytest.raises(PkiError) as caught:
            load_signer(encoded(key))
        assert caught.value.code == "pki.unsupported-key"
    with pytest.raises(SmError):
        load_signer(encoded(ec.generate_private_key(ec.SECP256R1()))[:-4])


@given(st.binary(max_size=200), st.booleans())
def test_key_files_raise_only_documented_errors(data: bytes, wrapped: bool) -> None:
    with pytest.raises((PkiError, SmError)):
        load_signer(der.sequence(der.integer(0), data) if wrapped else data, "x")


@given(
    st.binary(max_size=200),
    st.sampled_from([oids.RSA_ENCRYPTION, oids.EC_PUBLIC_KEY, oids.SM2_CURVE, "1.2.3"]),
)
def test_public_keys_raise_only_the_documented_error(data: bytes, algorithm: str) -> None:
    curve = der.oid("1.2.840.10045.3.1.7")
    for body in (data, der.bit_string(data), der.sequence(der.integer(5), der.integer(3))):
        with pytest.raises(PkiError):
            public_key_from_spki(der.sequence(der.sequence(der.oid(algorithm), curve), body))


def test_weak_keys_and_algorithms_are_not_accepted() -> None:
    weak = RsaSigner(rsa.generate_private_key(65537, 1024))  # noqa: S505
    with pytest.raises(PkiError) as caught:
        public_key_from_spki(weak.public_key_spki)
    assert caught.value.code == "pki.unsupported-key"
    for algorithm, name in (("rsa", "1.2.840.113549.1.1.5"), ("sm2", oids.ECDSA_WITH_SHA256)):
        signer = new_signer(algorithm)
        key = public_key_from_spki(signer.public_key_spki)
        with pytest.raises(PkiError) as caught:
            verify_signature(key, name, signer.sign(b"x"), b"x")
        assert caught.value.code == "pki.unsupported-algorithm"


def test_the_hash_comes_from_the_message_where_the_algorithm_names_only_the_key() -> None:
    signer = new_signer("rsa")
    key = public_key_from_spki(signer.public_key_spki)
    value = signer.sign(b"x")
    assert verify_signature(key, oids.RSA_ENCRYPTION, value, b"x", digest_algorithm=oids.SHA256)
    assert not verify_signature(key, oids.RSA_ENCRYPTION, value, b"x", digest_algorithm=oids.SHA512)
    with pytest.raises(PkiError):
        verify_signature(key, oids.RSA_WITH_SHA256, value, b"x", digest_algorithm=oids.SHA512)
