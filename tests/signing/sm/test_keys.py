"""R60: keys live inside the backend, can be destroyed, and refuse what is malformed."""

from __future__ import annotations

import copy
import pickle
import ssl
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.sm import (
    DEFAULT_ID,
    SM2PrivateKey,
    SM2PublicKey,
    SmError,
    decode_signature,
    der,
    message_digest,
    sm3,
)
from signing.sm.backend import Backend, choose, default_backend
from signing.sm.curve import GX, GY, N, P, decompress
from signing.sm.encoding import private_key_info
from signing.sm.gmssl_backend import GmsslBackend
from signing.sm.known_answers import CIPHERTEXT, POINT, D, check_backend
from signing.sm.libcrypto import LibcryptoBackend

MESSAGE = "同意手术".encode()


@pytest.fixture(params=[LibcryptoBackend, GmsslBackend])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each backend that the product can choose."""
    opened: Backend = request.param.open()
    return opened


def test_the_default_is_libcrypto() -> None:
    assert isinstance(default_backend(), LibcryptoBackend)
    assert default_backend().name == ssl.OPENSSL_VERSION


def test_known_answers_hold(backend: Backend) -> None:
    """GM/T 0003.5."""
    check_backend(backend)


def test_a_backend_that_verifies_everything_is_refused() -> None:
    class Credulous(LibcryptoBackend):
        def load_public(self, point: bytes):  # type: ignore[no-untyped-def]
            key = super().load_public(point)
            key.verify_digest = lambda signature, digest: True  # type: ignore[method-assign]
            return key

    with pytest.raises(SmError) as caught:
        check_backend(Credulous.open())
    assert caught.value.params == {"test": "verify another digest"}
    with pytest.raises(SmError) as none_left:
        choose((Credulous.open,), check_backend)
    assert none_left.value.code == "sm.no-backend"
    assert choose((Credulous.open, GmsslBackend.open), check_backend).name.startswith("gmssl_pyx")


def test_sign_and_verify(backend: Backend) -> None:
    key = SM2PrivateKey.generate(backend=backend)
    signature = key.sign(MESSAGE)
    assert key.public_key.verify(signature, MESSAGE)
    assert not key.public_key.verify(signature, MESSAGE + b"!")
    assert not key.public_key.verify(key.sign(MESSAGE, signer_id=b"other"), MESSAGE)
    assert key.public_key.verify(key.sign(MESSAGE, signer_id=b""), MESSAGE, signer_id=b"")
    assert key.public_key.verify_digest(signature, message_digest(key.public_key.point, MESSAGE, DEFAULT_ID))
    assert not SM2PrivateKey.generate(backend=backend).public_key.verify(signature, MESSAGE)


def test_nonces_are_fresh(backend: Backend) -> None:
    key = SM2PrivateKey.generate(backend=backend)
    assert len({decode_signature(key.sign(MESSAGE))[0] for _ in range(20)}) == 20


def test_a_destroyed_key_refuses(backend: Backend) -> None:
    """R29: one key for each signing, destroyed after."""
    with SM2PrivateKey.generate(backend=backend) as key:
        public = key.public_key
        signature = key.sign(MESSAGE)
    for use in (key.to_pkcs8, lambda: key.sign(MESSAGE), lambda: key.decrypt(CIPHERTEXT)):
        with pytest.raises(SmError) as caught:
            use()
        assert caught.value.code == "sm.key-destroyed"
    key.destroy()
    assert key.public_key is public
    assert public.verify(signature, MESSAGE)


def test_a_key_may_be_destroyed_while_others_sign() -> None:
    key = SM2PrivateKey.generate()
    failures: list[str] = []

    def work() -> None:
        try:
            while True:
                assert key.public_key.verify(key.sign(MESSAGE), MESSAGE)
        except SmError as error:
            failures.append(error.code)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    key.destroy()
    for thread in threads:
        thread.join()
    assert failures == ["sm.key-destroyed"] * 4


def test_a_key_leaves_no_copy_by_accident() -> None:
    key = SM2PrivateKey.generate()
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(key)
    assert D.hex() not in repr(SM2PrivateKey.from_pkcs8(private_key_info(D)))


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=1, max_size=255))
def test_encryption_round_trips(plaintext: bytes) -> None:
    key = SM2PrivateKey.from_pkcs8(private_key_info(D))
    assert key.decrypt(key.public_key.encrypt(plaintext)) == plaintext


@pytest.mark.parametrize("size", [0, 64 * 1024 + 1])
def test_plaintext_sizes(size: int) -> None:
    with pytest.raises(SmError) as caught:
        SM2PublicKey(POINT).encrypt(bytes(size))
    assert caught.value.code == "sm.plaintext-size"


def test_the_second_backend_says_its_own_limit() -> None:
    with pytest.raises(SmError) as caught:
        SM2PublicKey(POINT, GmsslBackend.open()).encrypt(bytes(256))
    assert caught.value.params == {"size": 256, "limit": 255}


def test_every_changed_bit_of_a_ciphertext_is_noticed() -> None:
    """gmssl 3.2.2 computes C3 and never compares it."""
    key = SM2PrivateKey.from_pkcs8(private_key_info(D))
    for index in range(len(CIPHERTEXT) * 8):
        changed = bytearray(CIPHERTEXT)
        changed[index // 8] ^= 1 << index % 8
        with pytest.raises(SmError) as caught:
            key.decrypt(bytes(changed))
        assert caught.value.code in ("sm.bad-ciphertext", "sm.not-authentic")


@given(st.binary(max_size=200))
def test_ciphertexts_raise_only_the_documented_error(data: bytes) -> None:
    with pytest.raises(SmError) as caught:
        SM2PrivateKey.from_pkcs8(private_key_info(D)).decrypt(data)
    assert caught.value.code == "sm.bad-ciphertext"


def test_points_off_the_curve_are_refused() -> None:
    flipped = POINT[:-1] + bytes([POINT[-1] ^ 1])
    beyond = b"\x04" + (P + 1).to_bytes(32, "big") + POINT[33:]
    for point in (b"", POINT[1:], b"\x00", flipped, beyond, b"\x02" + POINT[1:33]):
        with pytest.raises(SmError) as caught:
            SM2PublicKey.from_point(point)
        assert caught.value.code == "sm.bad-point"


@given(st.binary(min_size=32, max_size=32))
def test_compressed_points(x: bytes) -> None:
    for head in (b"\x02", b"\x03"):
        try:
            point = decompress(head + x)
        except SmError as error:
            assert error.code == "sm.bad-point"
        else:
            assert point[-1] & 1 == head[0] & 1
            SM2PublicKey(point)


@pytest.mark.parametrize("scalar", [0, N - 1, N, (1 << 256) - 1])
def test_private_keys_out_of_range_are_refused(scalar: int) -> None:
    with pytest.raises(SmError) as caught:
        SM2PrivateKey.from_pkcs8(private_key_info(scalar.to_bytes(32, "big")))
    assert caught.value.code == "sm.bad-private-key"


def test_the_smallest_key_is_the_base_point() -> None:
    key = SM2PrivateKey.from_pkcs8(private_key_info((1).to_bytes(32, "big")))
    assert key.public_key.point == b"\x04" + GX.to_bytes(32, "big") + GY.to_bytes(32, "big")


def test_a_public_key_of_another_private_key_is_refused(backend: Backend) -> None:
    other = SM2PrivateKey.generate().public_key.point
    with pytest.raises(SmError) as caught:
        SM2PrivateKey.from_pkcs8(private_key_info(D, other), backend=backend)
    assert caught.value.code == "sm.bad-private-key"


@pytest.mark.parametrize("size", [0, 20, 31, 33, 64])
def test_a_digest_has_32_bytes(size: int) -> None:
    key = SM2PrivateKey.generate()
    for use in (lambda: key.sign_digest(bytes(size)), lambda: key.public_key.verify_digest(b"", bytes(size))):
        with pytest.raises(SmError) as caught:
            use()
        assert caught.value.code == "sm.bad-digest-size"


@given(st.binary(max_size=100))
def test_malformed_signatures_are_no_signatures(signature: bytes) -> None:
    assert not SM2PublicKey(POINT).verify(signature, MESSAGE)


@pytest.mark.parametrize(
    ("r", "s"), [(0, 1), (1, 0), (N, 1), (1, N), (-1, 1), (1, -1), (1 << 256, 1), (1, N - 1)]
)
def test_values_out_of_range_are_no_signatures(r: int, s: int) -> None:
    """(1, n − 1) is in range, but r + s = n."""
    assert not SM2PublicKey(POINT).verify_digest(der.sequence(der.integer(r), der.integer(s)), sm3(b""))


def test_a_long_id_is_refused() -> None:
    with pytest.raises(SmError) as caught:
        SM2PrivateKey.generate().sign(b"", signer_id=bytes(8192))
    assert caught.value.code == "sm.bad-id"
