"""R60, R85: envelopes in both dialects, for SM2 and RSA, and those of others."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.cms import (
    CmsError,
    Dialect,
    RsaOpener,
    Sm2Opener,
    build_enveloped_data,
    build_signed_data,
    oids,
    open_envelope,
    parse_envelope,
    verify_signed_data,
)
from signing.pki import Certificate, Profile, RsaSigner, Sm2Signer
from signing.sm import CiphertextForm, SM2PrivateKey, check_der, der, read_ciphertext
from signing.sm.encoding import pem_body, private_key_info
from signing.verdict import Outcome
from tests.support.certificates import TestPki

CONTENT = "检验报告".encode() * 100


@pytest.fixture(scope="module")
def pki() -> TestPki:
    return TestPki()


@pytest.fixture(scope="module")
def key() -> SM2PrivateKey:
    return SM2PrivateKey.generate()


@pytest.fixture(scope="module")
def holder(pki: TestPki, key: SM2PrivateKey) -> Certificate:
    return pki.issue(Profile.STAFF_ENCRYPT, "收件人", Sm2Signer(key))


@pytest.mark.parametrize("dialect", ["rfc5652", "gbt35275"])
@pytest.mark.parametrize("by_key_id", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_round_trip(
    pki: TestPki, key: SM2PrivateKey, holder: Certificate, dialect: Dialect, by_key_id: bool, plain: bool
) -> None:
    data = build_enveloped_data(
        CONTENT, [pki.tsa, holder], dialect=dialect, name_by_key_id=by_key_id, plain_algorithms=plain
    )
    check_der(data)
    envelope = parse_envelope(data)
    assert (envelope.dialect, len(envelope.recipients)) == (dialect, 2)
    opened = open_envelope(envelope, Sm2Opener(key), holder)
    assert (opened.content, opened.signed_data) == (CONTENT, b"")
    assert opened.tolerated == (("bare-sm4", "key-algorithm") if plain else ())
    assert open_envelope(envelope, Sm2Opener(key)).content == CONTENT


def test_rsa(pki: TestPki) -> None:
    secret = rsa.generate_private_key(65537, 2048)
    holder = pki.issue(Profile.STAFF_ENCRYPT, "RSA 收件人", RsaSigner(secret))
    envelope = parse_envelope(build_enveloped_data(CONTENT, [holder]))
    assert open_envelope(envelope, RsaOpener(secret), holder).content == CONTENT
    with pytest.raises(CmsError, match="not-decrypted"):
        open_envelope(envelope, RsaOpener(rsa.generate_private_key(65537, 2048)))
    with pytest.raises(CmsError, match="wrong-dialect"):
        build_enveloped_data(CONTENT, [holder], dialect="gbt35275")
    with pytest.raises(CmsError, match="unsupported-recipient"):
        open_envelope(envelope, Sm2Opener(SM2PrivateKey.generate()))


def test_who_cannot_open(pki: TestPki, key: SM2PrivateKey, holder: Certificate) -> None:
    envelope = parse_envelope(build_enveloped_data(CONTENT, [holder]))
    with pytest.raises(CmsError, match="not-decrypted"):
        open_envelope(envelope, Sm2Opener(SM2PrivateKey.generate()), holder)
    with pytest.raises(CmsError, match="not-a-recipient"):
        open_envelope(envelope, Sm2Opener(key), pki.staff)
    with pytest.raises(CmsError, match="recipients"):
        build_enveloped_data(CONTENT, [])
    curve = TestPki("ec-p256")
    with pytest.raises(CmsError, match="unsupported-recipient"):
        build_enveloped_data(CONTENT, [curve.staff])


@pytest.mark.parametrize("form", CiphertextForm)
def test_content_keys_in_every_form(pki: TestPki, key: SM2PrivateKey, form: CiphertextForm) -> None:
    content_key = b"k" * 16
    wrapped = read_ciphertext(key.public_key.encrypt(content_key))[0].to_form(form)
    plain, tolerated = Sm2Opener(key).unwrap(oids.SM2_ENCRYPT, wrapped)
    assert plain == content_key
    assert tolerated == (() if form is CiphertextForm.ASN1 else (f"ciphertext-{form.value}",))


def test_an_envelope_of_a_ca_toolkit(shared_testdata: Path) -> None:
    """CFCA SADK by way of gmsm: subject key identifier, bare SM4, GB/T 35275."""
    folder = shared_testdata / "gm" / "gmsm"
    data = pem_body((folder / "pkcs7_envelope_test__01_PKCS7.pem").read_bytes(), (b"PKCS7",))
    certificate = Certificate.load((folder / "pkcs7_envelope_test__00_CERTIFICATE.pem").read_bytes())
    scalar = bytes.fromhex("f043481ce3ba1332cc266ae795f2a41f100e52e47ee560de15d9e014acab35c9")
    secret = SM2PrivateKey.from_pkcs8(private_key_info(scalar))
    assert data is not None
    envelope = parse_envelope(data)
    opened = open_envelope(envelope, Sm2Opener(secret), certificate)
    assert (opened.content, opened.tolerated) == (b"Hello World!", ("bare-sm4",))
    assert secret.public_key.spki == certificate.spki_der


@pytest.mark.parametrize("dialect", ["rfc5652", "gbt35275"])
def test_signed_and_enveloped_is_read(
    pki: TestPki, key: SM2PrivateKey, holder: Certificate, dialect: Dialect
) -> None:
    """GB/T 35275 §10: inside is a SignedData that is verified like any other."""
    signed = build_signed_data(
        CONTENT, signer=pki.staff_key, certificate=pki.staff, chain=[pki.ca], dialect=dialect
    )
    enveloped = build_enveloped_data(CONTENT, [holder], dialect=dialect)
    parts = list(_body(signed).rest())
    envelope_parts = list(_body(enveloped).rest())
    outer = oids.GM_SIGNED_AND_ENVELOPED if dialect == "gbt35275" else oids.SIGNED_AND_ENVELOPED
    body = der.sequence(
        der.integer(1), envelope_parts[1].raw, parts[1].raw, envelope_parts[2].raw, parts[3].raw, parts[4].raw
    )
    data = der.sequence(der.oid(outer), der.explicit(0, body))
    opened = open_envelope(parse_envelope(data), Sm2Opener(key), holder)
    assert opened.content == CONTENT
    (result,) = verify_signed_data(opened.signed_data, anchors=[pki.root], at=pki.now)
    assert result.outcome < Outcome.WARNING, [check.text("en") for check in result.checks]


def _body(message: bytes) -> der.Reader:
    outer = der.read_sequence(message)
    outer.take(der.OID)
    return der.read_sequence(outer.take(0xA0).content)


def test_ber_in_pieces(key: SM2PrivateKey, holder: Certificate) -> None:
    data = build_enveloped_data(CONTENT, [holder])
    version, infos, encrypted = _body(data).rest()
    kind, cipher, field = encrypted.reader().rest()
    pieces = der.tlv(0xA0, der.octet_string(field.content[:100]) + der.octet_string(field.content[100:]))
    inner = b"\x30\x80" + kind.raw + cipher.raw + pieces + b"\0\0"
    body = b"\x30\x80" + version.raw + infos.raw + inner + b"\0\0"
    ber = b"\x30\x80" + der.oid(oids.ENVELOPED_DATA) + b"\xa0\x80" + body + b"\0\0" + b"\0\0"
    opened = open_envelope(parse_envelope(ber), Sm2Opener(key), holder)
    assert (opened.content, opened.tolerated) == (CONTENT, ("not-der",))


@given(at=st.integers(0), value=st.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_a_changed_octet_ends_in_an_error_or_in_the_open(at: int, value: int) -> None:
    """CBC is not authenticated: other content may come out, another exception may not."""
    data = bytearray(ENVELOPE)
    data[at % len(data)] ^= value
    try:
        open_envelope(parse_envelope(bytes(data)), Sm2Opener(SECRET))
    except CmsError as error:
        assert error.message("zh_CN") != error.code


SECRET = SM2PrivateKey.generate()
_PKI = TestPki()
ENVELOPE = build_enveloped_data(b"x" * 40, [_PKI.issue(Profile.STAFF_ENCRYPT, "A", Sm2Signer(SECRET))])


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\x30\x80", bytes(100)])
def test_what_is_no_envelope(data: bytes, pki: TestPki) -> None:
    with pytest.raises(CmsError, match=r"malformed|not-enveloped"):
        parse_envelope(data)
    with pytest.raises(CmsError, match="not-enveloped"):
        parse_envelope(build_signed_data(b"x", signer=pki.staff_key, certificate=pki.staff))
