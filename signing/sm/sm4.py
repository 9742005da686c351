"""SM4 (GM/T 0002-2012, GB/T 32907): GCM for our own data; ECB, CBC and CTR for formats that name them."""

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


def sm4_ecb_encrypt(key: bytes, plaintext: bytes) -> bytes:
    """SM4-ECB of whole blocks, no padding: for keys inside SM2EnvelopedKey (GM/T 0009 §7.4), not for data.

    Raises:
        SmError: `sm.bad-key-size`, `sm.bad-block-size`.
    """
    return _whole_blocks(key, modes.ECB(), plaintext, encrypt=True)  # noqa: S305 asked for by GM/T 0009


def sm4_ecb_decrypt(key: bytes, ciphertext: bytes) -> bytes:
    """The plaintext of SM4-ECB, no padding.

    Raises:
        SmError: `sm.bad-key-size`, `sm.bad-block-size`.
    """
    return _whole_blocks(key, modes.ECB(), ciphertext, encrypt=False)  # noqa: S305 asked for by GM/T 0009


def sm4_cbc_encrypt(key: bytes, iv: bytes, plaintext: bytes, *, padded: bool = True) -> bytes:
    """SM4-CBC, with PKCS#7 padding unless `padded` is False; unauthenticated: for formats that ask for it.

    Raises:
        SmError: `sm.bad-key-size`, `sm.bad-iv-size`, `sm.bad-block-size`.
    """
    if padded:
        padder = padding.PKCS7(BLOCK_SIZE * 8).padder()
        plaintext = padder.update(plaintext) + padder.finalize()
    return _whole_blocks(key, modes.CBC(_iv(iv)), plaintext, encrypt=True)


def sm4_cbc_decrypt(key: bytes, iv: bytes, ciphertext: bytes, *, padded: bool = True) -> bytes:
    """The plaintext of SM4-CBC.

    Raises:
        SmError: `sm.bad-key-size`, `sm.bad-iv-size`, `sm.bad-block-size`, `sm.bad-padding`: say no more
            than that to whoever sent the ciphertext.
    """
    if padded and not ciphertext:
        raise SmError("sm.bad-block-size")
    plain = _whole_blocks(key, modes.CBC(_iv(iv)), ciphertext, encrypt=False)
    if not padded:
        return plain
    unpadder = padding.PKCS7(BLOCK_SIZE * 8).unpadder()
    try:
        return unpadder.update(plain) + unpadder.finalize()
    except ValueError:
        raise SmError("sm.bad-padding") from None


def sm4_ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    """SM4-CTR from the 16-byte initial `counter` block, used once for a key; encrypts and decrypts.

    Raises:
        SmError: `sm.bad-key-size`, `sm.bad-iv-size`.
    """
    _key(key)
    state = Cipher(algorithms.SM4(key), modes.CTR(_iv(counter))).encryptor()
    return state.update(data) + state.finalize()


def _whole_blocks(key: bytes, mode: modes.ECB | modes.CBC, data: bytes, *, encrypt: bool) -> bytes:
    _key(key)
    if len(data) % BLOCK_SIZE:
        raise SmError("sm.bad-block-size")
    cipher = Cipher(algorithms.SM4(key), mode)
    state = cipher.encryptor() if encrypt else cipher.decryptor()
    return state.update(data) + state.finalize()


def _key(key: bytes) -> None:
    if len(key) != KEY_SIZE:
        raise SmError("sm.bad-key-size", size=len(key))


def _iv(iv: bytes) -> bytes:
    if len(iv) != BLOCK_SIZE:
        raise SmError("sm.bad-iv-size", size=len(iv))
    return iv


def _check_sizes(key: bytes, nonce: bytes) -> None:
    _key(key)
    if len(nonce) != NONCE_SIZE:
        raise SmError("sm.bad-nonce-size", size=len(nonce))
