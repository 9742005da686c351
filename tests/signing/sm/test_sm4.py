"""R45, R60: SM4-GCM is authenticated, with fixed sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.sm import SmError, hmac_sm3, new_sm3, sm3, sm4_gcm_decrypt, sm4_gcm_encrypt
from signing.sm.sm4 import sm4_cbc_decrypt, sm4_cbc_encrypt

KEY, NONCE = bytes(range(16)), bytes(range(12))


@given(st.binary(max_size=500), st.binary(max_size=50))
def test_gcm_round_trips(plaintext: bytes, aad: bytes) -> None:
    sealed = sm4_gcm_encrypt(KEY, NONCE, plaintext, aad)
    assert len(sealed) == len(plaintext) + 16
    assert sm4_gcm_decrypt(KEY, NONCE, sealed, aad) == plaintext
    with pytest.raises(SmError):
        sm4_gcm_decrypt(KEY, NONCE, sealed, aad + b"!")


def test_every_changed_bit_is_noticed() -> None:
    sealed = sm4_gcm_encrypt(KEY, NONCE, b"ink", b"header")
    for index in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[index // 8] ^= 1 << index % 8
        with pytest.raises(SmError) as caught:
            sm4_gcm_decrypt(KEY, NONCE, bytes(changed), b"header")
        assert caught.value.code == "sm.not-authentic"
    for cut in range(16):
        with pytest.raises(SmError):
            sm4_gcm_decrypt(KEY, NONCE, sealed[:cut], b"header")


@pytest.mark.parametrize(
    ("key", "nonce", "code"),
    [(15, 12, "sm.bad-key-size"), (32, 12, "sm.bad-key-size"), (16, 8, "sm.bad-nonce-size")],
)
def test_sizes(key: int, nonce: int, code: str) -> None:
    for call in (sm4_gcm_encrypt, sm4_gcm_decrypt):
        with pytest.raises(SmError) as caught:
            call(bytes(key), bytes(nonce), bytes(32))
        assert caught.value.code == code


@given(st.binary(max_size=100))
def test_cbc_round_trips(plaintext: bytes) -> None:
    assert sm4_cbc_decrypt(KEY, KEY, sm4_cbc_encrypt(KEY, KEY, plaintext)) == plaintext


@given(st.binary(max_size=64))
def test_cbc_raises_only_the_documented_error(ciphertext: bytes) -> None:
    try:
        sm4_cbc_decrypt(KEY, KEY, ciphertext)
    except SmError as error:
        assert error.code in ("sm.bad-padding", "sm.bad-block-size")


@given(st.lists(st.binary(max_size=100), max_size=10))
def test_sm3_in_pieces(pieces: list[bytes]) -> None:
    state = new_sm3()
    for piece in pieces:
        state.update(piece)
        state.digest()
    fork = state.copy()
    fork.update(b"more")
    assert state.digest() == sm3(b"".join(pieces)) == bytes.fromhex(state.hexdigest())
    assert fork.digest() == sm3(b"".join(pieces) + b"more")


def test_hmac_takes_any_key() -> None:
    assert hmac_sm3(b"", b"") != hmac_sm3(b"k" * 200, b"")
