"""R60: gmssl (pure Python), gmssl_pyx (GmSSL in C) and our libcrypto backend agree."""

from __future__ import annotations

import gmssl_pyx
import pytest
from gmssl import sm2 as pure_sm2

from signing.sm import (
    SM2PrivateKey,
    SM2PublicKey,
    decode_signature,
    encode_signature,
    hmac_sm3,
    sm3,
    sm4_gcm_decrypt,
    sm4_gcm_encrypt,
)
from signing.sm.curve import N
from signing.sm.gmssl_backend import GmsslBackend

pytestmark = pytest.mark.oracle
MESSAGE = "患者已知情".encode()


def test_gmssl_pyx_verifies_ours_and_we_verify_its() -> None:
    for _ in range(10):
        key = SM2PrivateKey.generate()
        point = key.public_key.point
        assert gmssl_pyx.sm2_verify(point[1:], MESSAGE, key.sign(MESSAGE))
        public, private = gmssl_pyx.sm2_key_generate()
        theirs = gmssl_pyx.sm2_sign(private, public, MESSAGE)
        assert SM2PublicKey(b"\x04" + public).verify(theirs, MESSAGE)


def test_the_pure_python_package_verifies_ours() -> None:
    """It strips leading 0 and 4 digits from keys, so one without them is searched for."""
    while True:
        key = SM2PrivateKey.generate()
        point = key.public_key.point.hex()[2:]
        if point[0] not in "04":
            break
    checker = pure_sm2.CryptSM2(private_key="", public_key=point, mode=1, asn1=True)
    assert checker.verify_with_sm3(key.sign(MESSAGE).hex(), MESSAGE)


def test_both_backends_decrypt_each_other() -> None:
    ours, theirs = SM2PrivateKey.generate(), SM2PrivateKey.generate(backend=GmsslBackend.open())
    for key in (ours, theirs):
        for public in (
            SM2PublicKey(key.public_key.point),
            SM2PublicKey(key.public_key.point, GmsslBackend.open()),
        ):
            assert key.decrypt(public.encrypt(MESSAGE)) == MESSAGE


def test_hashes_and_ciphers_agree() -> None:
    key, nonce = bytes(range(16)), bytes(range(12))
    assert gmssl_pyx.sm3_hash(MESSAGE) == sm3(MESSAGE)
    assert gmssl_pyx.sm3_hmac(key, MESSAGE) == hmac_sm3(key, MESSAGE)
    ciphertext, tag = gmssl_pyx.sm4_gcm_encrypt(key, nonce, b"aad", MESSAGE)
    assert ciphertext + tag == sm4_gcm_encrypt(key, nonce, MESSAGE, b"aad")
    assert sm4_gcm_decrypt(key, nonce, ciphertext + tag, b"aad") == MESSAGE


def test_the_other_s_is_no_signature() -> None:
    """SM2 has no second signature for the same message, as ECDSA has with n − s."""
    key = SM2PrivateKey.generate()
    r, s = decode_signature(key.sign(MESSAGE))
    assert not key.public_key.verify(encode_signature(r, N - s), MESSAGE)
    assert not key.public_key.verify(encode_signature(N - r, s), MESSAGE)
