"""What a backend must offer, and the choice between those that are installed.

A backend works on 32-byte digests (e = SM3(ZA‖M)) so that hashing, streaming and the signer's ID stay
in one place (`keys`). It never sees a certificate. A native module with batch entry points can be put
in as another backend behind the same known-answer tests.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Protocol

from signing.sm.errors import SmError

logger = logging.getLogger("penward.sm")


class PrivateHandle(Protocol):
    """One loaded private key. Usable from several threads; every call after `destroy` raises `SmError`."""

    @property
    def public_point(self) -> bytes:
        """04‖X‖Y, 65 bytes."""

    def sign_digest(self, digest: bytes) -> bytes:
        """DER signature over the 32-byte e."""

    def decrypt(self, ciphertext: bytes) -> bytes:
        """The plaintext of a DER `SM2Cipher`; C3 is compared."""

    def export_scalar(self) -> bytes:
        """The 32-byte d, for writing a key file."""

    def destroy(self) -> None:
        """Free the key; idempotent."""


class PublicHandle(Protocol):
    """One loaded public key."""

    def verify_digest(self, signature: bytes, digest: bytes) -> bool:
        """Whether the DER `signature` (already strict and in range) is one over the 32-byte e."""

    def encrypt(self, plaintext: bytes) -> bytes:
        """DER `SM2Cipher` (GM/T 0009 §7.2)."""


class Backend(Protocol):
    """One implementation of SM2."""

    @property
    def name(self) -> str:
        """For logs and reports: library and version."""

    def generate(self) -> PrivateHandle:
        """A new key from the library's own random generator."""

    def load_private(self, scalar: bytes, point: bytes | None) -> PrivateHandle:
        """A key from its 32-byte d, already checked for range; `point` is the public key its file names.

        Raises `SmError` `sm.bad-private-key` when the two do not belong together.
        """

    def load_public(self, point: bytes) -> PublicHandle:
        """A key from 04‖X‖Y, already checked to lie on the curve."""


def choose(openers: tuple[Callable[[], Backend], ...], accept: Callable[[Backend], None]) -> Backend:
    """The first backend that opens and that `accept` (the known-answer tests) does not refuse.

    Raises:
        SmError: `sm.no-backend` when none is left.
    """
    for opener in openers:
        try:
            candidate = opener()
            accept(candidate)
        except SmError as error:
            logger.info("SM2 backend refused: %s", error)
            continue
        logger.info("SM2 backend: %s", candidate.name)
        return candidate
    raise SmError("sm.no-backend")


@cache
def default_backend() -> Backend:
    """The backend of this process, chosen at first use: libcrypto, then gmssl_pyx.

    Raises:
        SmError: `sm.no-backend`.
    """
    from signing.sm.gmssl_backend import GmsslBackend
    from signing.sm.known_answers import check_backend
    from signing.sm.libcrypto import LibcryptoBackend

    return choose((LibcryptoBackend.open, GmsslBackend.open), check_backend)
