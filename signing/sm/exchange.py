"""How SM2 keys travel between a CA and its holders: SM2EnvelopedKey (GM/T 0009 §7.4), `.sm2` files.

A `.sm2` file is what Chinese CA toolkits export: version, the scalar under SM4-CBC with a key derived
from the passphrase by the KDF of GM/T 0003, and the certificate.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Callable

from signing.sm import der
from signing.sm.ciphertext import read_ciphertext
from signing.sm.curve import SCALAR_SIZE, check_scalar, decompress
from signing.sm.encoding import MAX_KEY_FILE, SM4_CBC, pem_body, point_of_public_key_info
from signing.sm.errors import SmError
from signing.sm.hashes import kdf
from signing.sm.sm4 import BLOCK_SIZE, KEY_SIZE, sm4_cbc_decrypt, sm4_ecb_decrypt, sm4_ecb_encrypt

SM4_ECB = "1.2.156.10197.1.104.1"
_SM4_NAMES = (SM4_ECB, "1.2.156.10197.1.104")
_GM_DATA = "1.2.156.10197.6.1.4.2.1"
_LABELS = (b"CFCA KEY", b"SM2 KEY")


def enveloped_key(scalar: bytes, point: bytes, encrypt: Callable[[bytes], bytes]) -> bytes:
    """DER SM2EnvelopedKey of (d, 04‖X‖Y); `encrypt` gives the DER SM2Cipher for the recipient."""
    key = secrets.token_bytes(KEY_SIZE)
    return der.sequence(
        der.sequence(der.oid(SM4_ECB), der.null()),
        encrypt(key),
        der.bit_string(point),
        der.bit_string(sm4_ecb_encrypt(key, scalar)),
    )


def open_enveloped_key(data: bytes, decrypt: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
    """(d, 04‖X‖Y) of an SM2EnvelopedKey; d may be padded on the left to 64 octets, as tokens write it.

    Raises:
        SmError: `sm.bad-enveloped-key`, `sm.bad-point`, `sm.bad-private-key`; what `decrypt` raises.
    """
    if len(data) > MAX_KEY_FILE:
        raise SmError("sm.key-file-too-large", limit=MAX_KEY_FILE)
    try:
        reader = der.read_sequence(data)
        algorithm = reader.take(der.SEQUENCE).reader().take(der.OID).dotted()
        sealed = reader.take(der.SEQUENCE).raw
        read_ciphertext(sealed)
        point = reader.take(der.BIT_STRING).octets()
        encrypted = reader.take(der.BIT_STRING).octets()
        reader.end()
    except SmError:
        raise SmError("sm.bad-enveloped-key") from None
    if algorithm not in _SM4_NAMES or len(encrypted) not in (SCALAR_SIZE, 2 * SCALAR_SIZE):
        raise SmError("sm.bad-enveloped-key")
    point = decompress(point)
    key = decrypt(sealed)
    if len(key) != KEY_SIZE:
        raise SmError("sm.bad-enveloped-key")
    plain = sm4_ecb_decrypt(key, encrypted)
    if any(plain[:-SCALAR_SIZE]):
        raise SmError("sm.bad-private-key")
    return check_scalar(plain[-SCALAR_SIZE:]), point


def read_sm2_file(data: bytes, passphrase: bytes) -> tuple[bytes, bytes, bytes]:
    """(d, 04‖X‖Y, DER certificate) of a `.sm2` file: DER, PEM, or base64 alone.

    Raises:
        SmError: `sm.key-file-too-large`, `sm.unsupported-key-file`, `sm.wrong-passphrase`, `sm.not-der`.
    """
    if len(data) > MAX_KEY_FILE:
        raise SmError("sm.key-file-too-large", limit=MAX_KEY_FILE)
    reader = der.read_sequence(pem_body(data, _LABELS) or _base64(data) or data)
    version = reader.take(der.INTEGER).integer()
    key, holder = reader.take(der.SEQUENCE).reader(), reader.take(der.SEQUENCE).reader()
    reader.end()
    names = (key.take(der.OID).dotted(), holder.take(der.OID).dotted())
    if version != 1 or names != (_GM_DATA, _GM_DATA) or key.take(der.OID).dotted() not in SM4_CBC:
        raise SmError("sm.unsupported-key-file")
    encrypted, certificate = key.take(der.OCTET_STRING).content, holder.take(der.OCTET_STRING).content
    key.end()
    holder.end()
    point = point_of_public_key_info(_spki(certificate))
    derived = kdf(passphrase, BLOCK_SIZE + KEY_SIZE)
    try:
        scalar = sm4_cbc_decrypt(derived[BLOCK_SIZE:], derived[:BLOCK_SIZE], encrypted)
        return check_scalar(scalar.rjust(SCALAR_SIZE, b"\0")), point, certificate
    except SmError:
        raise SmError("sm.wrong-passphrase") from None


def _base64(data: bytes) -> bytes | None:
    if data[:1] == b"\x30":
        return None
    try:
        return base64.b64decode(re.sub(rb"\s", b"", data), validate=True)
    except (binascii.Error, ValueError):
        return None


def _spki(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate, found by position alone."""
    tbs = der.read_sequence(certificate).take(der.SEQUENCE).reader()
    tbs.optional(0xA0)
    for tag in (der.INTEGER, der.SEQUENCE, der.SEQUENCE, der.SEQUENCE, der.SEQUENCE):
        tbs.take(tag)
    return tbs.take(der.SEQUENCE).raw
