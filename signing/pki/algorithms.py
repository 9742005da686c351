"""Hashes, public keys and the check of a signature value, for SM2, RSA and ECDSA alike."""

from __future__ import annotations

from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from signing.pki import oids
from signing.pki.errors import PkiError
from signing.sm import SM2PublicKey, SmError, der

HASHES: dict[str, hashes.HashAlgorithm] = {
    oids.SM3: hashes.SM3(),
    oids.SHA256: hashes.SHA256(),
    oids.SHA384: hashes.SHA384(),
    oids.SHA512: hashes.SHA512(),
}
_RSA_HASHES = {
    oids.RSA_WITH_SHA256: oids.SHA256,
    oids.RSA_WITH_SHA384: oids.SHA384,
    oids.RSA_WITH_SHA512: oids.SHA512,
}
_EC_HASHES = {
    oids.ECDSA_WITH_SHA256: oids.SHA256,
    oids.ECDSA_WITH_SHA384: oids.SHA384,
    oids.ECDSA_WITH_SHA512: oids.SHA512,
}
_SM2_NAMES = (oids.SM2_WITH_SM3, oids.SM2_SIGN, oids.SM2_CURVE)
_MIN_RSA_BITS, _MAX_RSA_BITS = 2048, 8192

# What our own signers write: AlgorithmIdentifier DER by key algorithm.
SIGNATURE_IDENTIFIERS = {
    "sm2": der.sequence(der.oid(oids.SM2_WITH_SM3)),
    "rsa": der.sequence(der.oid(oids.RSA_WITH_SHA256), der.null()),
    "ec-p256": der.sequence(der.oid(oids.ECDSA_WITH_SHA256)),
}
DIGEST_OF = {"sm2": oids.SM3, "rsa": oids.SHA256, "ec-p256": oids.SHA256}


class PublicKey(Protocol):
    """A key that can check signatures. `algorithm` is `sm2`, `rsa`, `ec-p256` or `ec` (another curve)."""

    @property
    def algorithm(self) -> str: ...

    @property
    def spki(self) -> bytes:
        """DER SubjectPublicKeyInfo."""

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is over `message` with the algorithm's default hash: SM3 or SHA-256."""


class RsaPublicKey:
    """RSA of 2048 to 8192 bits, PKCS #1 v1.5."""

    algorithm = "rsa"

    def __init__(self, key: rsa.RSAPublicKey, spki: bytes) -> None:
        self._key, self.spki = key, spki

    def verify(self, signature: bytes, message: bytes, *, digest: str = oids.SHA256) -> bool:
        """Whether `signature` is over `message`; `digest` is the hash's OID."""
        try:
            self._key.verify(signature, message, padding.PKCS1v15(), HASHES[digest])
        except InvalidSignature:
            return False
        return True


class EcPublicKey:
    """ECDSA on a NIST curve."""

    def __init__(self, key: ec.EllipticCurvePublicKey, spki: bytes) -> None:
        self._key, self.spki = key, spki
        self.algorithm = "ec-p256" if key.curve.name == "secp256r1" else "ec"

    def verify(self, signature: bytes, message: bytes, *, digest: str = oids.SHA256) -> bool:
        """Whether the DER `signature` is over `message`; `digest` is the hash's OID."""
        try:
            self._key.verify(signature, message, ec.ECDSA(HASHES[digest]))
        except InvalidSignature:
            return False
        return True


def public_key_from_spki(spki: bytes) -> PublicKey:
    """The key of a DER SubjectPublicKeyInfo; SM2 under id-ecPublicKey or under the curve's own OID.

    Raises:
        PkiError: `pki.unsupported-key` or `pki.bad-key`.
    """
    try:
        identifier = der.read_sequence(spki).take(der.SEQUENCE).reader()
        name = identifier.take(der.OID).dotted()
        parameters = identifier.take() if identifier else None
        curve = parameters.dotted() if parameters and parameters.tag == der.OID else ""
        if oids.SM2_CURVE in (name, curve):
            return SM2PublicKey.from_spki(spki)
        if name == oids.RSA_ENCRYPTION or (name == oids.EC_PUBLIC_KEY and curve):
            return _cryptography_key(spki)
    except SmError as error:
        raise PkiError("pki.bad-key", problem=error.code) from None
    raise PkiError("pki.unsupported-key", algorithm=name)


def _cryptography_key(spki: bytes) -> PublicKey:
    try:
        key = serialization.load_der_public_key(spki)
    except UnsupportedAlgorithm:
        raise PkiError("pki.unsupported-key", algorithm="EC") from None
    except ValueError:
        raise PkiError("pki.bad-key", problem="encoding") from None
    if isinstance(key, rsa.RSAPublicKey):
        if not _MIN_RSA_BITS <= key.key_size <= _MAX_RSA_BITS:
            raise PkiError("pki.unsupported-key", algorithm=f"RSA-{key.key_size}")
        return RsaPublicKey(key, spki)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return EcPublicKey(key, spki)
    raise PkiError("pki.unsupported-key", algorithm=type(key).__name__)


def digest(algorithm: str, data: bytes) -> bytes:
    """The hash of `data` by the algorithm with OID `algorithm`.

    Raises:
        PkiError: `pki.unsupported-algorithm`.
    """
    state = hashes.Hash(HASHES[require_hash(algorithm)])
    state.update(data)
    return state.finalize()


def require_hash(algorithm: str) -> str:
    """`algorithm` when it is the OID of a hash that we accept (SM3, SHA-256, -384, -512).

    Raises:
        PkiError: `pki.unsupported-algorithm`.
    """
    if algorithm not in HASHES:
        raise PkiError("pki.unsupported-algorithm", algorithm=algorithm)
    return algorithm


def verify_signature(
    key: PublicKey, algorithm: str, signature: bytes, message: bytes, *, digest_algorithm: str = ""
) -> bool:
    """Whether `signature` is `key`'s over `message`.

    `algorithm` is the OID of the signature algorithm. Where it names only the key (`rsaEncryption`,
    `id-ecPublicKey`, SM2 signing of GB/T 35275), the hash comes from `digest_algorithm`.

    Raises:
        PkiError: `pki.unsupported-algorithm` when we do not implement it or it is not one for this key.
    """
    if isinstance(key, SM2PublicKey) and algorithm in _SM2_NAMES and digest_algorithm in ("", oids.SM3):
        return key.verify(signature, message)
    if isinstance(key, RsaPublicKey):
        chosen = digest_algorithm if algorithm == oids.RSA_ENCRYPTION else _RSA_HASHES.get(algorithm, "")
    elif isinstance(key, EcPublicKey):
        chosen = digest_algorithm if algorithm == oids.EC_PUBLIC_KEY else _EC_HASHES.get(algorithm, "")
    else:
        chosen = ""
    if isinstance(key, RsaPublicKey | EcPublicKey) and chosen in HASHES and digest_algorithm in ("", chosen):
        return key.verify(signature, message, digest=chosen)
    raise PkiError("pki.unsupported-algorithm", algorithm=algorithm)
