"""Things that sign, behind one interface: SM2, RSA and P-256 keys. A token or an appliance is another."""

from __future__ import annotations

from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from signing.pki.errors import PkiError
from signing.sm import SM2PrivateKey, SmError


class Signer(Protocol):
    """A private key that signs whole messages. `algorithm` is `sm2`, `rsa` or `ec-p256`."""

    @property
    def algorithm(self) -> str: ...

    @property
    def public_key_spki(self) -> bytes:
        """DER SubjectPublicKeyInfo of the public half."""

    def sign(self, message: bytes) -> bytes:
        """The signature value as certificates and CMS hold it."""


class Sm2Signer:
    """SM2 with SM3 and the default ID."""

    algorithm = "sm2"

    def __init__(self, key: SM2PrivateKey) -> None:
        self.key = key
        self.public_key_spki = key.public_key.spki

    def sign(self, message: bytes) -> bytes:
        """DER `SM2Signature`.

        Raises:
            SmError: `sm.key-destroyed`.
        """
        return self.key.sign(message)


class RsaSigner:
    """RSA PKCS #1 v1.5 with SHA-256."""

    algorithm = "rsa"

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self.key = key
        self.public_key_spki = _spki(key.public_key())

    def sign(self, message: bytes) -> bytes:
        """The signature, as long as the modulus."""
        return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())


class EcSigner:
    """ECDSA on P-256 with SHA-256.

    Raises:
        PkiError: `pki.unsupported-key` for another curve.
    """

    algorithm = "ec-p256"

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        if key.curve.name != "secp256r1":
            raise PkiError("pki.unsupported-key", algorithm=key.curve.name)
        self.key = key
        self.public_key_spki = _spki(key.public_key())

    def sign(self, message: bytes) -> bytes:
        """DER `ECDSA-Sig-Value`."""
        return self.key.sign(message, ec.ECDSA(hashes.SHA256()))


def load_signer(data: bytes, passphrase: bytes | str | None = None) -> Signer:
    """The signer of a private key file, PKCS#8 or SEC 1, DER or PEM: SM2 first, then RSA and P-256.

    Raises:
        SmError: a wrong or missing passphrase, a damaged file.
        PkiError: `pki.unsupported-key`.
    """
    try:
        return Sm2Signer(SM2PrivateKey.from_pkcs8(data, passphrase))
    except SmError as error:
        if error.code not in ("sm.not-sm2-key", "sm.unsupported-key-file"):
            raise
    secret = passphrase.encode() if isinstance(passphrase, str) else passphrase
    load = (
        serialization.load_pem_private_key
        if data.lstrip().startswith(b"-----")
        else serialization.load_der_private_key
    )
    try:
        key = load(data, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PkiError("pki.bad-key", problem=type(error).__name__) from None
    if isinstance(key, rsa.RSAPrivateKey):
        return RsaSigner(key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return EcSigner(key)
    raise PkiError("pki.unsupported-key", algorithm=type(key).__name__)


def _spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
