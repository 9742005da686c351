"""R60, R80: ciphertexts, keys and signatures in the forms that other products write."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.sm import (
    CiphertextForm,
    SM2PrivateKey,
    SmError,
    decode_signature,
    der,
    der_to_raw,
    kdf,
    read_ciphertext,
    read_signature,
    sm3,
    sm4_cbc_decrypt,
    sm4_cbc_encrypt,
    sm4_ctr,
    sm4_ecb_decrypt,
    sm4_ecb_encrypt,
)
from signing.sm.known_answers import CIPHERTEXT, PLAINTEXT, POINT, D
from signing.sm.libcrypto import LibcryptoBackend

KEY = SM2PrivateKey(LibcryptoBackend.open(), D, POINT)


@pytest.mark.parametrize("form", CiphertextForm)
def test_the_standard_s_ciphertext_in_every_form(form: CiphertextForm) -> None:
    """GM/T 0003.5 annex C; the form need not be told."""
    data = read_ciphertext(CIPHERTEXT)[0].to_form(form)
    plain, found, tolerated = KEY.decrypt_any(data)
    assert (plain, found) == (PLAINTEXT, form)
    assert tolerated == (() if form is CiphertextForm.ASN1 else ("raw",))
    assert KEY.decrypt_any(data, form)[0] == PLAINTEXT
    assert read_ciphertext(data, form)[0].to_der() == CIPHERTEXT


@given(plain=st.binary(min_size=1, max_size=200), form=st.sampled_from(CiphertextForm), at=st.integers(0))
@settings(max_examples=60, deadline=None)
def test_a_changed_octet_is_noticed(plain: bytes, form: CiphertextForm, at: int) -> None:
    data = bytearray(read_ciphertext(KEY.public_key.encrypt(plain))[0].to_form(form))
    assert KEY.decrypt_any(bytes(data))[0] == plain
    data[at % len(data)] ^= 0x01
    try:
        changed = KEY.decrypt_any(bytes(data))[0]
    except SmError as error:
        assert error.code in ("sm.bad-ciphertext", "sm.not-authentic")
    else:
        raise AssertionError(changed)


def test_integers_without_their_zero_are_read_and_reported() -> None:
    """The quirk of tokens: coordinates as 32 octets whatever their first bit."""
    reading = read_ciphertext(CIPHERTEXT)[0]
    x, y = (der.tlv(der.INTEGER, reading.point[at : at + 32]) for at in (1, 33))
    data = der.sequence(x, y, der.octet_string(reading.check), der.octet_string(reading.masked))
    assert data != CIPHERTEXT
    assert KEY.decrypt_any(data) == (PLAINTEXT, CiphertextForm.ASN1, ("non-minimal-integer",))
    with pytest.raises(SmError, match="bad-ciphertext"):
        KEY.decrypt(data)


def test_ber_is_read_and_reported() -> None:
    body = der.read_one(CIPHERTEXT).content
    assert KEY.decrypt_any(b"\x30\x80" + body + b"\0\0") == (PLAINTEXT, CiphertextForm.ASN1, ("not-der",))


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\x04" * 97, bytes(200), b"\x30" * 66000])
def test_what_is_no_ciphertext(data: bytes) -> None:
    with pytest.raises(SmError, match="bad-ciphertext"):
        KEY.decrypt_any(data)


def test_signatures_as_others_write_them() -> None:
    for _ in range(20):
        signature = KEY.sign(b"m")
        raw = der_to_raw(signature)
        bare = der.sequence(der.tlv(2, raw[:32]), der.tlv(2, raw[32:]))
        assert read_signature(signature) == (signature, ())
        assert read_signature(raw) == (signature, ("raw",))
        assert read_signature(bare)[0] == signature
        assert read_signature(b"\x30\x81" + signature[1:]) == (signature, ("not-der",))
        assert decode_signature(signature)


@pytest.mark.parametrize(
    "data", [b"", b"\x30\x00", bytes(64), b"\xff" * 64, b"\x30\x06\x02\x01\x00\x02\x01\x01"]
)
def test_what_is_no_signature(data: bytes) -> None:
    with pytest.raises(SmError, match="bad-signature"):
        read_signature(data)


def test_the_toolkit_s_sm2_file(shared_testdata: Path) -> None:
    """CFCA SADK by way of gmsm; the passphrase is gmsm's."""
    data = (shared_testdata / "gm" / "gmsm" / "cfca_pkcs12_sm2_test__00_CFCA_KEY.pem").read_bytes()
    key, certificate = SM2PrivateKey.from_sm2_file(data, "123456")
    assert key.public_key.point in certificate
    body = b"".join(data.splitlines()[1:-1])
    for form in (body, base64.b64decode(body)):
        assert SM2PrivateKey.from_sm2_file(form, b"123456")[0].public_key == key.public_key
    with pytest.raises(SmError, match="wrong-passphrase"):
        SM2PrivateKey.from_sm2_file(data, "1234567")
    with pytest.raises(SmError):
        SM2PrivateKey.from_sm2_file(data[:-200], "123456")


def test_enveloped_key_round_trip() -> None:
    """GM/T 0009 §7.4: the encryption key that the CA makes reaches only its holder."""
    holder, encryption, stranger = (SM2PrivateKey.generate() for _ in range(3))
    data = encryption.to_enveloped_key(holder.public_key)
    assert SM2PrivateKey.from_enveloped_key(data, holder).public_key == encryption.public_key
    with pytest.raises(SmError, match="not-authentic"):
        SM2PrivateKey.from_enveloped_key(data, stranger)
    changed = data[:-1] + bytes([data[-1] ^ 1])
    with pytest.raises(SmError, match="bad-private-key"):
        SM2PrivateKey.from_enveloped_key(changed, holder)
    for cut in (data[:-3], b"", data + b"\0"):
        with pytest.raises(SmError, match="bad-enveloped-key"):
            SM2PrivateKey.from_enveloped_key(cut, holder)


def test_enveloped_key_as_tokens_pad_it() -> None:
    holder = SM2PrivateKey.generate()
    key = b"k" * 16
    data = der.sequence(
        der.sequence(der.oid("1.2.156.10197.1.104")),
        holder.public_key.encrypt(key),
        der.bit_string(POINT),
        der.bit_string(sm4_ecb_encrypt(key, bytes(32) + D)),
    )
    assert SM2PrivateKey.from_enveloped_key(data, holder).public_key.point == POINT


def test_kdf() -> None:
    """GM/T 0003.4 §5.4.3, by its definition; the standard's ciphertext above depends on it as well."""
    assert kdf(b"z", 64) == sm3(b"z\0\0\0\x01") + sm3(b"z\0\0\0\x02")
    assert kdf(b"z", 33) == kdf(b"z", 64)[:33]
    for size in (0, -1, 2**21):
        with pytest.raises(SmError, match="bad-kdf-size"):
            kdf(b"z", size)


def test_sm4_modes() -> None:
    """GM/T 0002 annex A for the block; the modes against one another."""
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    block = bytes.fromhex("681edf34d206965e86b3e94f536e4246")
    assert sm4_ecb_encrypt(key, key) == block
    assert sm4_ecb_decrypt(key, block) == key
    assert sm4_cbc_encrypt(key, bytes(16), key, padded=False) == block
    assert sm4_cbc_decrypt(key, bytes(16), block, padded=False) == key
    assert sm4_ctr(key, key, bytes(16)) == block
    assert sm4_ctr(key, key, sm4_ctr(key, key, b"abc")) == b"abc"
    for call in (
        lambda: sm4_ecb_encrypt(key[:-1], key),
        lambda: sm4_ecb_encrypt(key, b"x"),
        lambda: sm4_cbc_decrypt(key, b"", block),
        lambda: sm4_cbc_decrypt(key, key, block),
        lambda: sm4_ctr(key, b"", b""),
    ):
        with pytest.raises(SmError):
            call()
