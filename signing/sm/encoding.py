"""Key encodings: SubjectPublicKeyInfo, PKCS#8 (RFC 5208), SEC 1 (RFC 5915), PBES2 with SM4 and SM3.

Reading accepts what Chinese CAs and OpenSSL write: id-ecPublicKey with the curve, or the curve's OID as
algorithm; PBES2 and PBKDF2 under their RFC 8018 or their 1.2.156.10197.6.4.1.5 OIDs; bare SM4.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterator

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from signing.sm import der
from signing.sm.curve import SCALAR_SIZE, check_scalar, decompress
from signing.sm.errors import SmError
from signing.sm.sm4 import BLOCK_SIZE, KEY_SIZE, sm4_cbc_decrypt, sm4_cbc_encrypt

EC_PUBLIC_KEY = "1.2.840.10045.2.1"
SM2_CURVE = "1.2.156.10197.1.301"
PBES2 = ("1.2.840.113549.1.5.13", "1.2.156.10197.6.4.1.5.2")
PBKDF2 = ("1.2.840.113549.1.5.12", "1.2.156.10197.6.4.1.5.1")
SM4_CBC = ("1.2.156.10197.1.104.2", "1.2.156.10197.1.104")
HMAC_SM3 = "1.2.156.10197.1.401.2"
_PRF: dict[str, hashes.HashAlgorithm] = {
    HMAC_SM3: hashes.SM3(),
    "1.2.840.113549.2.9": hashes.SHA256(),
    "1.2.840.113549.2.7": hashes.SHA1(),  # noqa: S303 the default PRF of RFC 8018, for reading only
}
ITERATIONS = 100_000
MAX_ITERATIONS = 10_000_000
MAX_KEY_FILE = 64 * 1024

_ALGORITHM = der.sequence(der.oid(EC_PUBLIC_KEY), der.oid(SM2_CURVE))
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s+(.*?)-----END \1-----", re.DOTALL)
_PRIVATE_LABELS = (b"PRIVATE KEY", b"ENCRYPTED PRIVATE KEY", b"EC PRIVATE KEY", b"SM2 PRIVATE KEY")


def subject_public_key_info(point: bytes) -> bytes:
    """DER SubjectPublicKeyInfo {id-ecPublicKey, sm2} of 04‖X‖Y (GM/T 0009 §7.1, RFC 5480)."""
    return der.sequence(_ALGORITHM, der.bit_string(point))


def point_of_public_key_info(spki: bytes) -> bytes:
    """04‖X‖Y of a DER SubjectPublicKeyInfo with an SM2 key.

    Raises:
        SmError: `sm.not-sm2-key` for another algorithm, `sm.bad-point`, `sm.not-der`.
    """
    reader = der.read_sequence(spki)
    _require_sm2(reader.take(der.SEQUENCE))
    point = reader.take(der.BIT_STRING).octets()
    reader.end()
    return decompress(point)


def private_key_info(scalar: bytes, point: bytes | None = None) -> bytes:
    """DER PrivateKeyInfo of d, with the public key when `point` is given."""
    public = b"" if point is None else der.explicit(1, der.bit_string(point))
    ec_key = der.sequence(der.integer(1), der.octet_string(scalar), public)
    return der.sequence(der.integer(0), _ALGORITHM, der.octet_string(ec_key))


def encrypt_private_key_info(info: bytes, passphrase: bytes) -> bytes:
    """DER EncryptedPrivateKeyInfo: PBES2 with PBKDF2-HMAC-SM3 and SM4-CBC (RFC 8018)."""
    salt, iv = secrets.token_bytes(16), secrets.token_bytes(BLOCK_SIZE)
    key = _derive(passphrase, salt, ITERATIONS, hashes.SM3())
    prf = der.sequence(der.oid(HMAC_SM3), der.null())
    derivation = der.sequence(der.octet_string(salt), der.integer(ITERATIONS), der.integer(KEY_SIZE), prf)
    scheme = der.sequence(
        der.sequence(der.oid(PBKDF2[0]), derivation), der.sequence(der.oid(SM4_CBC[0]), der.octet_string(iv))
    )
    return der.sequence(
        der.sequence(der.oid(PBES2[0]), scheme), der.octet_string(sm4_cbc_encrypt(key, iv, info))
    )


def read_private_key(data: bytes, passphrase: bytes | None) -> tuple[bytes, bytes | None]:
    """(d, public point or None) of a key file: PKCS#8 plain or encrypted, or SEC 1; DER or PEM.

    Raises:
        SmError: `sm.key-file-too-large`, `sm.passphrase-needed`, `sm.wrong-passphrase`, `sm.not-sm2-key`,
            `sm.unsupported-key-file`, `sm.bad-private-key`, `sm.bad-point`, `sm.not-der`.
    """
    if len(data) > MAX_KEY_FILE:
        raise SmError("sm.key-file-too-large", limit=MAX_KEY_FILE)
    encoded = pem_body(data, _PRIVATE_LABELS) or data
    reader = der.read_sequence(encoded)
    if reader.peek() == der.SEQUENCE:
        if passphrase is None:
            raise SmError("sm.passphrase-needed")
        plain = _decrypt(encoded, passphrase)
        try:
            return _read_plain(plain)
        except SmError as error:
            # One wrong passphrase in 256 leaves valid padding; what then fails is the DER inside.
            if error.code == "sm.not-der":
                raise SmError("sm.wrong-passphrase") from None
            raise
    return _read_plain(encoded)


def pem_bodies(data: bytes, labels: tuple[bytes, ...]) -> Iterator[bytes]:
    """The DER of each PEM block with one of `labels`, in order.

    Raises:
        SmError: `sm.bad-pem`.
    """
    for found in _PEM.finditer(data):
        if found[1] in labels:
            try:
                yield base64.b64decode(re.sub(rb"\s", b"", found[2]), validate=True)
            except binascii.Error:
                raise SmError("sm.bad-pem") from None


def pem_body(data: bytes, labels: tuple[bytes, ...]) -> bytes | None:
    """The DER of the first PEM block with one of `labels`; None when `data` holds no such block.

    Raises:
        SmError: `sm.bad-pem`.
    """
    return next(pem_bodies(data, labels), None)


def _read_plain(encoded: bytes) -> tuple[bytes, bytes | None]:
    reader = der.read_sequence(encoded)
    version = reader.take(der.INTEGER).integer()
    if reader.peek() == der.OCTET_STRING and version == 1:
        return _read_sec1(encoded, named=False)
    if version not in (0, 1) or reader.peek() != der.SEQUENCE:
        raise SmError("sm.unsupported-key-file")
    _require_sm2(reader.take(der.SEQUENCE))
    return _read_sec1(reader.take(der.OCTET_STRING).content, named=True)


def _read_sec1(encoded: bytes, *, named: bool) -> tuple[bytes, bytes | None]:
    """ECPrivateKey; `named` when the structure around it has already named the curve."""
    reader = der.read_sequence(encoded)
    if reader.take(der.INTEGER).integer() != 1:
        raise SmError("sm.unsupported-key-file")
    scalar = reader.take(der.OCTET_STRING).content.rjust(SCALAR_SIZE, b"\0")
    if parameters := reader.optional(0xA0):
        named = der.read_one(parameters.content, der.OID).dotted() == SM2_CURVE
    if not named:
        raise SmError("sm.not-sm2-key")
    public = reader.optional(0xA1)
    point = der.read_one(public.content, der.BIT_STRING).octets() if public else None
    reader.end()
    return check_scalar(scalar), decompress(point) if point is not None else None


def _decrypt(encoded: bytes, passphrase: bytes) -> bytes:
    reader = der.read_sequence(encoded)
    algorithm = reader.take(der.SEQUENCE).reader()
    ciphertext = reader.take(der.OCTET_STRING).content
    reader.end()
    _require(algorithm.take(der.OID).dotted(), PBES2)
    scheme = algorithm.take(der.SEQUENCE).reader()
    derivation, cipher = scheme.take(der.SEQUENCE).reader(), scheme.take(der.SEQUENCE).reader()
    _require(derivation.take(der.OID).dotted(), PBKDF2)
    _require(cipher.take(der.OID).dotted(), SM4_CBC)
    iv = cipher.take(der.OCTET_STRING).content
    parameters = derivation.take(der.SEQUENCE).reader()
    salt = parameters.take(der.OCTET_STRING).content
    iterations = parameters.take(der.INTEGER).integer()
    size = parameters.optional(der.INTEGER)
    prf = parameters.optional(der.SEQUENCE)
    name = prf.reader().take(der.OID).dotted() if prf else "1.2.840.113549.2.7"
    _require(name, tuple(_PRF))
    if (
        not 1 <= iterations <= MAX_ITERATIONS
        or len(iv) != BLOCK_SIZE
        or (size and size.integer() != KEY_SIZE)
    ):
        raise SmError("sm.unsupported-key-file")
    try:
        return sm4_cbc_decrypt(_derive(passphrase, salt, iterations, _PRF[name]), iv, ciphertext)
    except SmError:
        raise SmError("sm.wrong-passphrase") from None


def _derive(passphrase: bytes, salt: bytes, iterations: int, algorithm: hashes.HashAlgorithm) -> bytes:
    return PBKDF2HMAC(algorithm, KEY_SIZE, salt, iterations).derive(passphrase)


def _require(name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise SmError("sm.unsupported-key-file")


def _require_sm2(algorithm: der.Element) -> None:
    reader = algorithm.reader()
    name = reader.take(der.OID).dotted()
    if name == SM2_CURVE:
        return
    if name != EC_PUBLIC_KEY or reader.peek() != der.OID or reader.take().dotted() != SM2_CURVE:
        raise SmError("sm.not-sm2-key")
