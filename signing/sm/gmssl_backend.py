"""SM2 by `gmssl_pyx`, the second choice where libcrypto is missing or was built without SM2.

Its keys are Python bytes: `destroy` overwrites our copy, but cannot promise that no other is left.
"""

from __future__ import annotations

import secrets

from signing.sm.errors import SmError

MAX_PLAINTEXT = 255


class GmsslBackend:
    """`signing.sm.backend.Backend` over gmssl_pyx 2.1."""

    def __init__(self) -> None:
        import gmssl_pyx

        self.module = gmssl_pyx
        self.name = f"gmssl_pyx {gmssl_pyx.__version__}"

    @classmethod
    def open(cls) -> GmsslBackend:
        """Import the package.

        Raises:
            SmError: `sm.backend-unavailable`.
        """
        try:
            return cls()
        except ImportError as error:
            raise SmError("sm.backend-unavailable", name="gmssl_pyx", problem=str(error)) from None

    def generate(self) -> GmsslPrivateKey:
        public, scalar = self.module.sm2_key_generate()
        return GmsslPrivateKey(self, scalar, b"\x04" + public)

    def load_private(self, scalar: bytes, point: bytes | None) -> GmsslPrivateKey:
        """The package cannot derive a public key, so the file must hold it, and it must belong to d."""
        if point is None:
            raise SmError("sm.public-key-missing")
        key = GmsslPrivateKey(self, scalar, point)
        digest = secrets.token_bytes(32)
        if not self.load_public(point).verify_digest(key.sign_digest(digest), digest):
            raise SmError("sm.bad-private-key")
        return key

    def load_public(self, point: bytes) -> GmsslPublicKey:
        return GmsslPublicKey(self, point)


class GmsslPrivateKey:
    """`PrivateHandle` over 32 bytes."""

    def __init__(self, backend: GmsslBackend, scalar: bytes, point: bytes) -> None:
        self._backend = backend
        self._scalar: bytearray | None = bytearray(scalar)
        self.public_point = point

    def sign_digest(self, digest: bytes) -> bytes:
        scalar = self.export_scalar()
        try:
            return bytes(self._backend.module.sm2_sign_sm3_digest(scalar, digest))
        except self._backend.module.GmsslInnerError:
            raise SmError("sm.operation-failed") from None

    def decrypt(self, ciphertext: bytes) -> bytes:
        scalar = self.export_scalar()
        try:
            return bytes(self._backend.module.sm2_decrypt(scalar, ciphertext))
        except self._backend.module.GmsslInnerError:
            raise SmError("sm.not-authentic") from None

    def export_scalar(self) -> bytes:
        if self._scalar is None:
            raise SmError("sm.key-destroyed")
        return bytes(self._scalar)

    def destroy(self) -> None:
        if self._scalar is not None:
            self._scalar[:] = bytes(len(self._scalar))
            self._scalar = None


class GmsslPublicKey:
    """`PublicHandle` over 64 bytes."""

    def __init__(self, backend: GmsslBackend, point: bytes) -> None:
        self._backend = backend
        self._point = point[1:]

    def verify_digest(self, signature: bytes, digest: bytes) -> bool:
        try:
            return bool(self._backend.module.sm2_verify_sm3_digest(self._point, digest, signature))
        except self._backend.module.GmsslInnerError:
            return False

    def encrypt(self, plaintext: bytes) -> bytes:
        if len(plaintext) > MAX_PLAINTEXT:
            raise SmError("sm.plaintext-size", size=len(plaintext), limit=MAX_PLAINTEXT)
        try:
            return bytes(self._backend.module.sm2_encrypt(self._point, plaintext))
        except self._backend.module.GmsslInnerError:
            raise SmError("sm.operation-failed") from None
