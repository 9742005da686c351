"""Signing methods by number, and signatures over digests that were computed piece by piece."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault
from server_stub.svs.keys import ServiceKey
from signing.pki import PublicKey, RsaSigner, Sm2Signer
from signing.sm import DEFAULT_ID, SM2PublicKey, SmError, decode_signature, raw_to_der
from signing.sm.keys import za

SGD_SM3_SM2 = 0x00020201
SGD_SHA256_RSA = 0x00010004
METHODS = {SGD_SM3_SM2: "sm2", SGD_SHA256_RSA: "rsa"}
METHOD_OF = {algorithm: method for method, algorithm in METHODS.items()}
SGD_SM3, SGD_SHA256 = 0x00000001, 0x00000004
HASH_SIZE = 32

_SM2_REF_KEY = 4 + 64 + 64  # ECCrefPublicKey of GM/T 0018: bits, x, y
_RSA_DIGEST = Prehashed(hashes.SHA256())


def require_method(method: int) -> str:
    """`sm2` or `rsa`. Raises SvsFault `SIGN_METHOD`."""
    if method not in METHODS:
        raise SvsFault(Reply.SIGN_METHOD, method=f"0x{method:08x}")
    return METHODS[method]


def match_method(method: int, algorithm: str) -> None:
    """Refuse a method that is not for a key of this algorithm. Raises SvsFault `SIGN_METHOD`."""
    if require_method(method) != algorithm:
        raise SvsFault(Reply.SIGN_METHOD, method=f"0x{method:08x}")


def signature_bytes(key: PublicKey, signature: bytes) -> bytes:
    """A signature as our keys check it: SM2 also comes as r‖s of 64 bytes."""
    if isinstance(key, SM2PublicKey) and len(signature) == 64 and not _is_der(signature):
        try:
            return raw_to_der(signature)
        except SmError:
            raise SvsFault(Reply.INVALID_SIGNATURE) from None
    return signature


def _is_der(signature: bytes) -> bool:
    try:
        decode_signature(signature)
    except SmError:
        return False
    return True


def sm2_point(data: bytes) -> bytes:
    """04‖X‖Y of a public key as clients send it: point with or without 04, SPKI, ECCrefPublicKey.

    Raises:
        SvsFault: `PARAMETERS`.
    """
    try:
        if len(data) == 64:
            data = b"\x04" + data
        elif len(data) == _SM2_REF_KEY:
            data = b"\x04" + data[36:68] + data[100:132]
        elif data[:1] == b"\x30":
            return SM2PublicKey.from_spki(data).point
        return SM2PublicKey.from_point(data).point
    except SmError:
        raise SvsFault(Reply.PARAMETERS, field="signerPublicKey") from None


class Running:
    """A message digested piece by piece: with ZA before it when an SM2 key is named, and plain.

    The plain digest is what signed attributes hold; of RSA it is the only one.
    """

    def __init__(self, algorithm: str, point: bytes | None, signer_id: bytes = DEFAULT_ID) -> None:
        self.algorithm = algorithm
        self.point = point
        self.plain = hashes.Hash(hashes.SM3() if algorithm == "sm2" else hashes.SHA256())
        self.seeded: hashes.Hash | None = None
        if algorithm == "sm2" and point is not None:
            self.seeded = hashes.Hash(hashes.SM3())
            self.seeded.update(za(point, signer_id))

    def update(self, data: bytes) -> None:
        """Append to the message."""
        self.plain.update(data)
        if self.seeded is not None:
            self.seeded.update(data)

    def to_sign(self) -> bytes:
        """e of SM2, or the SHA-256 digest. Raises SvsFault `PARAMETERS` when no SM2 key was named."""
        if self.algorithm == "sm2":
            if self.seeded is None:
                raise SvsFault(Reply.PARAMETERS, field="signerPublicKey")
            return self.seeded.copy().finalize()
        return self.plain.copy().finalize()


def sign_digest(key: ServiceKey, digest: bytes) -> bytes:
    """The signature over e or over a SHA-256 digest. Raises SvsFault `HASH_FAILED`, `SIGN_METHOD`."""
    if len(digest) != HASH_SIZE:
        raise SvsFault(Reply.HASH_FAILED)
    signer = key.signer
    if isinstance(signer, Sm2Signer):
        return signer.key.sign_digest(digest)
    if isinstance(signer, RsaSigner):
        return signer.key.sign(digest, padding.PKCS1v15(), _RSA_DIGEST)
    raise SvsFault(Reply.SIGN_METHOD, method=signer.algorithm)


def verify_digest(key: PublicKey, signature: bytes, digest: bytes) -> bool:
    """Whether a signature is over e or a SHA-256 digest."""
    if isinstance(key, SM2PublicKey):
        return key.verify_digest(signature_bytes(key, signature), digest)
    loaded = serialization.load_der_public_key(key.spki)
    if not isinstance(loaded, rsa.RSAPublicKey):
        raise SvsFault(Reply.SIGN_METHOD, method=key.algorithm)
    try:
        loaded.verify(signature, digest, padding.PKCS1v15(), _RSA_DIGEST)
    except InvalidSignature:
        return False
    return True


class DigestSigner:
    """A `signing.pki.Signer` that signs a digest known beforehand, whatever message it is given."""

    def __init__(self, key: ServiceKey, digest: bytes) -> None:
        self.algorithm = key.signer.algorithm
        self.public_key_spki = key.signer.public_key_spki
        self._key = key
        self._digest = digest

    def sign(self, message: bytes) -> bytes:
        """The signature over the digest."""
        return sign_digest(self._key, self._digest)
