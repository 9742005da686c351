"""R60: key files are written encrypted with SM4, read in the forms others write, refused by name."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.sm import SM2PrivateKey, SM2PublicKey, SmError, der
from signing.sm.encoding import MAX_KEY_FILE, private_key_info, read_private_key, subject_public_key_info
from signing.sm.known_answers import POINT, D

PASSPHRASE = "病房-1234"


def code(data: bytes, passphrase: str | None = None) -> str:
    """The code of the error that reading raises."""
    with pytest.raises(SmError) as caught:
        SM2PrivateKey.from_pkcs8(data, passphrase)
    return caught.value.code


def test_round_trips_plain_and_encrypted() -> None:
    key = SM2PrivateKey.generate()
    plain, sealed = key.to_pkcs8(), key.to_pkcs8(PASSPHRASE)
    assert SM2PrivateKey.from_pkcs8(plain).public_key == key.public_key
    assert SM2PrivateKey.from_pkcs8(sealed, PASSPHRASE).public_key == key.public_key
    assert SM2PrivateKey.from_pkcs8(sealed, PASSPHRASE.encode()).to_pkcs8() == plain
    assert key.to_pkcs8(PASSPHRASE) != sealed


def test_pem() -> None:
    body = base64.encodebytes(private_key_info(D))
    pem = b"a note\n-----BEGIN PRIVATE KEY-----\n" + body + b"-----END PRIVATE KEY-----\n"
    assert SM2PrivateKey.from_pkcs8(pem).public_key.point == POINT
    assert code(pem.replace(b"MEE", b"M*E")) == "sm.bad-pem"


def test_passphrases() -> None:
    sealed = SM2PrivateKey.generate().to_pkcs8(PASSPHRASE)
    assert code(sealed) == "sm.passphrase-needed"
    assert code(sealed, "wrong") == "sm.wrong-passphrase"
    assert code(sealed, "") == "sm.wrong-passphrase"


def test_a_cut_ciphertext_is_a_damaged_file() -> None:
    sealed = SM2PrivateKey.generate().to_pkcs8(PASSPHRASE)
    reader = der.read_sequence(sealed)
    algorithm, ciphertext = reader.take().raw, reader.take().content
    assert (
        code(der.sequence(algorithm, der.octet_string(ciphertext[:-1])), PASSPHRASE) == "sm.wrong-passphrase"
    )


def test_unlimited_iterations_are_refused() -> None:
    """A file must not be able to occupy the program."""
    sealed = SM2PrivateKey.generate().to_pkcs8(PASSPHRASE)
    slow = sealed.replace(der.integer(100_000), b"\x02\x03\x7f\xff\xff")
    assert slow != sealed
    assert code(slow, PASSPHRASE) == "sm.wrong-passphrase"
    assert code(_with_iterations(1 << 40), PASSPHRASE) == "sm.unsupported-key-file"


def _with_iterations(iterations: int) -> bytes:
    salt = der.octet_string(bytes(16))
    derivation = der.sequence(
        der.oid("1.2.840.113549.1.5.12"),
        der.sequence(salt, der.integer(iterations), der.sequence(der.oid("1.2.156.10197.1.401.2"))),
    )
    cipher = der.sequence(der.oid("1.2.156.10197.1.104.2"), salt)
    scheme = der.sequence(der.oid("1.2.840.113549.1.5.13"), der.sequence(derivation, cipher))
    return der.sequence(scheme, der.octet_string(bytes(16)))


def test_other_keys_are_named() -> None:
    p256 = "1.2.840.10045.3.1.7"
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid(p256))
    ec_key = der.sequence(der.integer(1), der.octet_string(D))
    assert code(der.sequence(der.integer(0), algorithm, der.octet_string(ec_key))) == "sm.not-sm2-key"
    sec1 = der.sequence(der.integer(1), der.octet_string(D), der.explicit(0, der.oid(p256)))
    assert code(sec1) == "sm.not-sm2-key"
    assert code(ec_key) == "sm.not-sm2-key"
    assert code(der.sequence(der.integer(9), algorithm)) == "sm.unsupported-key-file"
    assert code(bytes(MAX_KEY_FILE + 1)) == "sm.key-file-too-large"
    with pytest.raises(SmError) as caught:
        SM2PublicKey.from_spki(der.sequence(algorithm, der.bit_string(POINT)))
    assert caught.value.code == "sm.not-sm2-key"


def test_the_curve_as_algorithm_is_accepted() -> None:
    """Some CAs write 1.2.156.10197.1.301 where id-ecPublicKey belongs."""
    spki = der.sequence(der.sequence(der.oid("1.2.156.10197.1.301")), der.bit_string(POINT))
    assert SM2PublicKey.from_spki(spki).spki == subject_public_key_info(POINT)


def test_the_second_backend_asks_for_the_public_key() -> None:
    from signing.sm.gmssl_backend import GmsslBackend

    with pytest.raises(SmError) as caught:
        SM2PrivateKey.from_pkcs8(private_key_info(D), backend=GmsslBackend.open())
    assert caught.value.code == "sm.public-key-missing"
    assert SM2PrivateKey.from_pkcs8(private_key_info(D, POINT), backend=GmsslBackend.open())


@given(st.binary(max_size=120), st.booleans())
def test_only_the_documented_error_escapes(data: bytes, wrapped: bool) -> None:
    try:
        read_private_key(der.sequence(data) if wrapped else data, b"x")
    except SmError as error:
        assert error.code.startswith("sm.")


@given(st.integers(0, 8 * len(private_key_info(D, POINT)) - 1))
def test_a_changed_bit_is_refused_or_changes_nothing(index: int) -> None:
    """Only the version of PrivateKeyInfo (0 or 1) may change without harm."""
    changed = bytearray(private_key_info(D, POINT))
    changed[index // 8] ^= 1 << index % 8
    try:
        assert SM2PrivateKey.from_pkcs8(bytes(changed)).public_key.point == POINT
    except SmError as error:
        assert error.code.startswith("sm.")
