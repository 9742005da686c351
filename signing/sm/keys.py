"""SM2 keys as the rest of the house uses them: sign, verify, encrypt, decrypt (GM/T 0003, GM/T 0009)."""

from __future__ import annotations

from signing.sm.backend import Backend, PublicHandle, default_backend
from signing.sm.ciphertext import MAX_PLAINTEXT, CiphertextForm, read_ciphertext, read_strict
from signing.sm.curve import GX, GY, SCALAR_SIZE, A, B, check_point
from signing.sm.encoding import (
    encrypt_private_key_info,
    point_of_public_key_info,
    private_key_info,
    read_private_key,
    subject_public_key_info,
)
from signing.sm.errors import SmError
from signing.sm.exchange import enveloped_key, open_enveloped_key, read_sm2_file
from signing.sm.hashes import SM3_SIZE, new_sm3, sm3
from signing.sm.signature import decode_signature, encode_signature

DEFAULT_ID = b"1234567812345678"
MAX_ID = 8191
_CURVE_BYTES = b"".join(value.to_bytes(SCALAR_SIZE, "big") for value in (A, B, GX, GY))


def za(point: bytes, signer_id: bytes = DEFAULT_ID) -> bytes:
    """ZA = SM3(ENTL ‖ ID ‖ a ‖ b ‖ G ‖ P) of GM/T 0003.2 §5.5, 32 bytes; `point` is 04‖X‖Y.

    Raises:
        SmError: `sm.bad-id` when the ID is longer than 8191 bytes.
    """
    if len(signer_id) > MAX_ID:
        raise SmError("sm.bad-id", limit=MAX_ID)
    return sm3((len(signer_id) * 8).to_bytes(2, "big") + signer_id + _CURVE_BYTES + point[1:])


def message_digest(point: bytes, message: bytes, signer_id: bytes = DEFAULT_ID) -> bytes:
    """e = SM3(ZA ‖ M), the 32 bytes that are signed."""
    state = new_sm3(za(point, signer_id))
    state.update(message)
    return state.digest()


class SM2PublicKey:
    """A public key. Satisfies `signing.pki.PublicKey`."""

    algorithm = "sm2"

    def __init__(self, point: bytes, backend: Backend | None = None) -> None:
        self._point = check_point(point)
        self._backend = backend
        self._handle: PublicHandle | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SM2PublicKey) and other._point == self._point

    def __hash__(self) -> int:
        return hash(self._point)

    def __repr__(self) -> str:
        return f"SM2PublicKey({self._point.hex()})"

    @classmethod
    def from_point(cls, point: bytes, *, backend: Backend | None = None) -> SM2PublicKey:
        """The key of 04‖X‖Y, 65 bytes.

        Raises:
            SmError: `sm.bad-point` when the point is not on the curve.
        """
        return cls(point, backend)

    @classmethod
    def from_spki(cls, spki: bytes, *, backend: Backend | None = None) -> SM2PublicKey:
        """The key of a DER SubjectPublicKeyInfo.

        Raises:
            SmError: `sm.not-sm2-key`, `sm.bad-point`, `sm.not-der`.
        """
        return cls(point_of_public_key_info(spki), backend)

    @property
    def point(self) -> bytes:
        """04‖X‖Y, 65 bytes."""
        return self._point

    @property
    def spki(self) -> bytes:
        """DER SubjectPublicKeyInfo {id-ecPublicKey, sm2}."""
        return subject_public_key_info(self._point)

    def verify(self, signature: bytes, message: bytes, *, signer_id: bytes = DEFAULT_ID) -> bool:
        """Whether `signature` (the one DER form of r, s) is this key's over `message`."""
        return self.verify_digest(signature, message_digest(self._point, message, signer_id))

    def verify_digest(self, signature: bytes, digest: bytes) -> bool:
        """Whether `signature` is this key's over e = `digest`, 32 bytes. Malformed values are not.

        Raises:
            SmError: `sm.bad-digest-size`.
        """
        _check_digest(digest)
        try:
            canonical = encode_signature(*decode_signature(signature))
        except SmError:
            return False
        return self._loaded().verify_digest(canonical, digest)

    def encrypt(self, plaintext: bytes) -> bytes:
        """DER `SM2Cipher` (GM/T 0009 §7.2) of 1 to 65,536 bytes; the gmssl_pyx backend takes 255.

        Raises:
            SmError: `sm.plaintext-size`.
        """
        if not 1 <= len(plaintext) <= MAX_PLAINTEXT:
            raise SmError("sm.plaintext-size", size=len(plaintext), limit=MAX_PLAINTEXT)
        return self._loaded().encrypt(plaintext)

    def _loaded(self) -> PublicHandle:
        if self._handle is None:
            self._handle = (self._backend or default_backend()).load_public(self._point)
        return self._handle


class SM2PrivateKey:
    """A private key, held by the backend. `destroy` it, or leave a `with` block, when its work is done."""

    def __init__(self, backend: Backend, scalar: bytes | None = None, point: bytes | None = None) -> None:
        self._backend = backend
        self._handle = backend.generate() if scalar is None else backend.load_private(scalar, point)
        self._public_key = SM2PublicKey(self._handle.public_point, backend)

    def __enter__(self) -> SM2PrivateKey:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def __repr__(self) -> str:
        return f"SM2PrivateKey(of {self._public_key.point.hex()[:16]}…)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a private key is not pickled")

    @classmethod
    def generate(cls, *, backend: Backend | None = None) -> SM2PrivateKey:
        """A new key made inside the backend; d is in no Python object unless `to_pkcs8` is called."""
        return cls(backend or default_backend())

    @classmethod
    def from_pkcs8(
        cls, data: bytes, passphrase: bytes | str | None = None, *, backend: Backend | None = None
    ) -> SM2PrivateKey:
        """The key of a PKCS#8 (plain, or PBES2 with SM4-CBC) or SEC 1 file, DER or PEM, at most 64 KiB.

        Raises:
            SmError: see `signing.sm.encoding.read_private_key`.
        """
        secret = passphrase.encode() if isinstance(passphrase, str) else passphrase
        scalar, point = read_private_key(data, secret)
        return cls(backend or default_backend(), scalar, point)

    @classmethod
    def from_sm2_file(
        cls, data: bytes, passphrase: bytes | str, *, backend: Backend | None = None
    ) -> tuple[SM2PrivateKey, bytes]:
        """(key, DER certificate) of the CA toolkit's `.sm2` file: DER, base64 or PEM, at most 64 KiB.

        Raises:
            SmError: `sm.wrong-passphrase`, `sm.unsupported-key-file`, `sm.key-file-too-large`,
                `sm.bad-private-key` when key and certificate do not belong together, `sm.not-der`.
        """
        secret = passphrase.encode() if isinstance(passphrase, str) else passphrase
        scalar, point, certificate = read_sm2_file(data, secret)
        return cls(backend or default_backend(), scalar, point), certificate

    @classmethod
    def from_enveloped_key(cls, data: bytes, recipient: SM2PrivateKey) -> SM2PrivateKey:
        """The key inside a DER `SM2EnvelopedKey` (GM/T 0009 §7.4) made for `recipient`.

        Raises:
            SmError: `sm.bad-enveloped-key`, `sm.not-authentic`, `sm.bad-private-key`, `sm.bad-point`.
        """
        scalar, point = open_enveloped_key(data, lambda sealed: recipient.decrypt_any(sealed)[0])
        return cls(recipient._backend, scalar, point)

    def to_enveloped_key(self, recipient: SM2PublicKey) -> bytes:
        """DER `SM2EnvelopedKey`: this key under a fresh SM4 key that only `recipient` can open.

        It is how the encryption key that a CA made reaches its holder's token.

        Raises:
            SmError: `sm.key-destroyed`.
        """
        return enveloped_key(self._handle.export_scalar(), self._public_key.point, recipient.encrypt)

    def to_pkcs8(self, passphrase: bytes | str | None = None) -> bytes:
        """DER PKCS#8 with the public key; encrypted (PBKDF2-HMAC-SM3, SM4-CBC) when a passphrase is given.

        Raises:
            SmError: `sm.key-destroyed`.
        """
        info = private_key_info(self._handle.export_scalar(), self._public_key.point)
        if passphrase is None:
            return info
        secret = passphrase.encode() if isinstance(passphrase, str) else passphrase
        return encrypt_private_key_info(info, secret)

    @property
    def public_key(self) -> SM2PublicKey:
        """Its public half; still readable after `destroy`."""
        return self._public_key

    def sign(self, message: bytes, *, signer_id: bytes = DEFAULT_ID) -> bytes:
        """DER signature over SM3(ZA ‖ `message`).

        Raises:
            SmError: `sm.key-destroyed`, `sm.operation-failed`.
        """
        return self.sign_digest(message_digest(self._public_key.point, message, signer_id))

    def sign_digest(self, digest: bytes) -> bytes:
        """DER signature over e = `digest`, 32 bytes.

        Raises:
            SmError: `sm.bad-digest-size`, `sm.key-destroyed`, `sm.operation-failed`.
        """
        _check_digest(digest)
        return encode_signature(*decode_signature(self._handle.sign_digest(digest)))

    def decrypt(self, ciphertext: bytes) -> bytes:
        """The plaintext of a DER `SM2Cipher`; C1 must be on the curve and C3 must match.

        Raises:
            SmError: `sm.bad-ciphertext`, `sm.not-authentic`, `sm.key-destroyed`.
        """
        return self._handle.decrypt(read_strict(ciphertext).to_der())

    def decrypt_any(
        self, ciphertext: bytes, form: CiphertextForm | None = None
    ) -> tuple[bytes, CiphertextForm, tuple[str, ...]]:
        """(plaintext, the form it was in, what was tolerated) of a ciphertext in any form, or in `form`.

        C1 must be on the curve and C3 must match, which also tells the two raw orders apart.

        Raises:
            SmError: `sm.bad-ciphertext`, `sm.not-authentic`, `sm.key-destroyed`.
        """
        for reading in read_ciphertext(ciphertext, form):
            try:
                return self._handle.decrypt(reading.to_der()), reading.form, reading.tolerated
            except SmError as error:
                if error.code != "sm.not-authentic":
                    raise
        raise SmError("sm.not-authentic")

    def destroy(self) -> None:
        """Free the key. Any later use raises `sm.key-destroyed`; idempotent."""
        self._handle.destroy()


def _check_digest(digest: bytes) -> None:
    if len(digest) != SM3_SIZE:
        raise SmError("sm.bad-digest-size", size=len(digest))
