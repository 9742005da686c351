"""SM4 (GM/T 0002-2012, GB/T 32907): GCM for data, CBC only for key files that others also read."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from signing.sm.errors import SmError

KEY_SIZE = 16
BLOCK_SIZE = 16
NONCE_SIZE = 12
TAG_SIZE = 16


def sm4_gcm_encrypt(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
    """SM4-GCM (RFC 8998 sizes): 16-byte key, 12-byte nonce used once; returns ciphertext ‖ 16-byte tag.

    Raises:
        SmError: `sm.bad-key-size` or `sm.bad-nonce-size`.
    """
    _check_sizes(key, nonce)
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(aad)
    return encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def sm4_gcm_decrypt(key: bytes, nonce: bytes, sealed: bytes, aad: bytes = b"") -> bytes:
    """The plaintext of `sealed` = ciphertext ‖ 16-byte tag.

    Raises:
        SmError: `sm.bad-key-size`, `sm.bad-nonce-size`, or `sm.not-authentic` when key, nonce,
            ciphertext, tag or additional data do not belong together.
    """
    _check_sizes(key, nonce)
    if len(sealed) < TAG_SIZE:
        raise SmError("sm.not-authentic")
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, sealed[-TAG_SIZE:])).decryptor()
    decryptor.authenticate_additional_data(aad)
    try:
        return decryptor.update(sealed[:-TAG_SIZE]) + decryptor.finalize()
    except InvalidTag:
        raise SmError("sm.not-authentic") from None


def sm4_cbc_encrypt(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """SM4-CBC with PKCS#7 padding; unauthenticated, for PBES2 key files only."""
    padder = padding.PKCS7(BLOCK_SIZE * 8).padder()
    encryptor = Cipher(algorithms.SM4(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()


def sm4_cbc_decrypt(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """The plaintext of SM4-CBC with PKCS#7 padding.

    Raises:
        SmError: `sm.wrong-passphrase` when the padding is wrong.
    """
    if not ciphertext or len(ciphertext) % BLOCK_SIZE:
        raise SmError("sm.wrong-passphrase")
    decryptor = Cipher(algorithms.SM4(key), modes.CBC(iv)).decryptor()
    unpadder = padding.PKCS7(BLOCK_SIZE * 8).unpadder()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise SmError("sm.wrong-passphrase") from None


def _check_sizes(key: bytes, nonce: bytes) -> None:
    if len(key) != KEY_SIZE:
        raise SmError("sm.bad-key-size", size=len(key))
    if len(nonce) != NONCE_SIZE:
        raise SmError("sm.bad-nonce-size", size=len(nonce))
