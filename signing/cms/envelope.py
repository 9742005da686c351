"""EnvelopedData in both dialects, and SignedAndEnvelopedData read (RFC 5652 §6, GB/T 35275 §9, §10).

The content key goes to each recipient by SM2 or RSA. CBC is not authenticated: who opens an envelope for
somebody else must answer every failure alike, and there is one error for all of them here.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from signing.cms import oids
from signing.cms.ber import to_definite
from signing.cms.errors import CmsError
from signing.cms.model import Dialect
from signing.pki import Certificate
from signing.pki.oids import RSA_ENCRYPTION, SM2_CURVE
from signing.sm import SM2PrivateKey, SM2PublicKey, SmError, der, sm4_cbc_decrypt, sm4_cbc_encrypt

MAX_MESSAGE = 256 * 1024 * 1024
MAX_RECIPIENTS = 64
_DIALECTS: dict[str, Dialect] = {oids.ENVELOPED_DATA: "rfc5652", oids.GM_ENVELOPED_DATA: "gbt35275"}
_SIGNED_TOO = (oids.SIGNED_AND_ENVELOPED, oids.GM_SIGNED_AND_ENVELOPED)
# 1.2.156.10197.1.301 itself (CA toolkits), .1 (signing, by mistake), .2 (GmSSL), .3 (gmsm)
_SM2_NAMES = frozenset({SM2_CURVE, f"{SM2_CURVE}.1", f"{SM2_CURVE}.2", oids.SM2_ENCRYPT})
_SM4_NAMES = frozenset({oids.SM4, oids.SM4_CBC})
_AES_KEYS = {oids.AES128_CBC: 16, oids.AES192_CBC: 24, oids.AES256_CBC: 32}


class Opener(Protocol):
    """A private key that takes a content key out of its wrapping."""

    def unwrap(self, algorithm: str, wrapped: bytes) -> tuple[bytes, tuple[str, ...]]:
        """(content key, what was tolerated); `algorithm` is the OID of the key encryption.

        Raises:
            CmsError: `cms.not-decrypted`, `cms.unsupported-recipient`.
        """


class Sm2Opener:
    """An SM2 encryption key."""

    def __init__(self, key: SM2PrivateKey) -> None:
        self._key = key

    def unwrap(self, algorithm: str, wrapped: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Any form of ciphertext is read and named."""
        if algorithm not in _SM2_NAMES:
            raise CmsError("cms.unsupported-recipient", algorithm=algorithm)
        try:
            key, form, tolerated = self._key.decrypt_any(wrapped)
        except SmError:
            raise CmsError("cms.not-decrypted") from None
        named = () if algorithm == oids.SM2_ENCRYPT else ("key-algorithm",)
        return key, (*named, *(f"ciphertext-{form.value}" if t == "raw" else t for t in tolerated))


class RsaOpener:
    """An RSA key, PKCS #1 v1.5 as old envelopes have it; a wrong padding gives a random key, not an error."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def unwrap(self, algorithm: str, wrapped: bytes) -> tuple[bytes, tuple[str, ...]]:
        """See `Opener`."""
        if algorithm != RSA_ENCRYPTION:
            raise CmsError("cms.unsupported-recipient", algorithm=algorithm)
        try:
            return self._key.decrypt(wrapped, padding.PKCS1v15()), ()
        except ValueError:
            raise CmsError("cms.not-decrypted") from None


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient as named in the message; `issuer_der` and `serial`, or `subject_key_id`."""

    issuer_der: bytes
    serial: int
    subject_key_id: bytes
    algorithm: str
    wrapped_key: bytes

    def names(self, certificate: Certificate) -> bool:
        """Whether the envelope is for `certificate`."""
        if self.subject_key_id:
            return certificate.subject_key_id == self.subject_key_id
        return (certificate.issuer_der, certificate.serial) == (self.issuer_der, self.serial)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed envelope. `signed_parts` holds, of SignedAndEnvelopedData, what makes a SignedData again."""

    dialect: Dialect
    recipients: tuple[Recipient, ...]
    content_type: str
    cipher: str
    iv: bytes
    encrypted: bytes
    tolerated: tuple[str, ...]
    signed_parts: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """What was inside. `signed_data` is the DER SignedData to verify, empty unless it was signed."""

    content: bytes
    tolerated: tuple[str, ...]
    signed_data: bytes = b""


def build_enveloped_data(
    content: bytes,
    recipients: Sequence[Certificate],
    *,
    dialect: Dialect = "rfc5652",
    name_by_key_id: bool = False,
    plain_algorithms: bool = False,
) -> bytes:
    """DER EnvelopedData under a fresh SM4-CBC key, for 1 to 64 recipients with SM2 or RSA keys.

    `name_by_key_id` names recipients by subject key identifier; `plain_algorithms` writes SM4 and SM2 by
    their bare OIDs: both are what some CA toolkits want to read.

    Raises:
        CmsError: `cms.unsupported-recipient`, `cms.wrong-dialect` (GB/T 35275 with an RSA recipient).
    """
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise CmsError("cms.recipients", limit=MAX_RECIPIENTS)
    key, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    infos = [_recipient_info(each, key, dialect, name_by_key_id, plain_algorithms) for each in recipients]
    gm = dialect == "gbt35275"
    encrypted = der.sequence(
        der.oid(oids.GM_DATA if gm else oids.DATA),
        der.sequence(der.oid(oids.SM4 if plain_algorithms else oids.SM4_CBC), der.octet_string(iv)),
        der.tlv(0x80, sm4_cbc_encrypt(key, iv, content)),
    )
    version = 1 if gm else 2 if name_by_key_id else 0
    body = der.sequence(der.integer(version), der.set_of(infos), encrypted)
    outer = oids.GM_ENVELOPED_DATA if gm else oids.ENVELOPED_DATA
    return der.sequence(der.oid(outer), der.explicit(0, body))


def parse_envelope(data: bytes) -> Envelope:
    """Parse EnvelopedData or SignedAndEnvelopedData, DER or BER, at most 256 MiB and 64 recipients.

    Raises:
        CmsError: `cms.too-large`, `cms.not-enveloped-data`, `cms.malformed`.
    """
    if len(data) > MAX_MESSAGE:
        raise CmsError("cms.too-large", limit=MAX_MESSAGE)
    try:
        try:
            return _parse(data, ())
        except SmError:
            converted = to_definite(data)
            if converted == data:
                raise
            return _parse(converted, ("not-der",))
    except SmError as error:
        raise CmsError("cms.malformed", problem=str(error.params.get("problem", error.code))) from None


def open_envelope(envelope: Envelope, opener: Opener, certificate: Certificate | None = None) -> Opened:
    """The content for the holder of `certificate`; without one every recipient is tried, at most 64.

    Raises:
        CmsError: `cms.not-a-recipient`, `cms.unsupported-recipient`, `cms.unsupported-cipher`,
            `cms.not-decrypted` for anything that goes wrong with the key or the content.
    """
    fitting = [r for r in envelope.recipients if certificate is None or r.names(certificate)]
    if not fitting:
        raise CmsError("cms.not-a-recipient")
    refused = CmsError("cms.not-decrypted")
    for recipient in fitting:
        try:
            key, tolerated = opener.unwrap(recipient.algorithm, recipient.wrapped_key)
            content = _decrypt(envelope, key)
        except CmsError as error:
            refused = error
            continue
        signed = _signed_data(envelope, content) if envelope.signed_parts else b""
        return Opened(content, (*envelope.tolerated, *tolerated), signed)
    raise refused


def _recipient_info(
    certificate: Certificate, key: bytes, dialect: Dialect, by_key_id: bool, plain: bool
) -> bytes:
    public = certificate.public_key
    if isinstance(public, SM2PublicKey):
        algorithm = der.sequence(der.oid(SM2_CURVE if plain else oids.SM2_ENCRYPT), der.null())
        wrapped = public.encrypt(key)
    elif public.algorithm == "rsa":
        if dialect == "gbt35275":
            raise CmsError("cms.wrong-dialect")
        loaded = serialization.load_der_public_key(public.spki)
        if not isinstance(loaded, rsa.RSAPublicKey):
            raise CmsError("cms.unsupported-recipient", algorithm=public.algorithm)
        algorithm = der.sequence(der.oid(RSA_ENCRYPTION), der.null())
        wrapped = loaded.encrypt(key, padding.PKCS1v15())
    else:
        raise CmsError("cms.unsupported-recipient", algorithm=public.algorithm)
    if by_key_id and certificate.subject_key_id:
        who, version = der.tlv(0x80, certificate.subject_key_id), 2
    else:
        who = der.sequence(certificate.issuer_der, der.integer(certificate.serial))
        version = 1 if dialect == "gbt35275" else 0
    return der.sequence(der.integer(version), who, algorithm, der.octet_string(wrapped))


def _parse(data: bytes, tolerated: tuple[str, ...]) -> Envelope:
    outer = der.read_sequence(data)
    name = outer.take(der.OID).dotted()
    signed = name in _SIGNED_TOO
    if name not in _DIALECTS and not signed:
        raise CmsError("cms.not-enveloped-data")
    reader = der.read_sequence(outer.take(0xA0).content)
    outer.end()
    reader.take(der.INTEGER).integer()
    reader.optional(0xA0)
    recipients = tuple(_recipients(reader.take(der.SET)))
    digests = reader.take(der.SET).raw if signed else b""
    info = reader.take(der.SEQUENCE).reader()
    content_type = info.take(der.OID).dotted()
    cipher = info.take(der.SEQUENCE).reader()
    algorithm = cipher.take(der.OID).dotted()
    iv = cipher.take(der.OCTET_STRING).content
    field = info.take()
    info.end()
    if field.tag == 0xA0:
        encrypted = b"".join(part.content for part in field.reader().rest(100_000))
    elif field.tag == 0x80:
        encrypted = field.content
    else:
        raise SmError("sm.not-der", problem="encrypted content")
    parts: tuple[bytes, ...] = ()
    if signed:
        certificates, lists = reader.optional(0xA0), reader.optional(0xA1)
        infos = reader.take(der.SET).raw
        parts = (digests, certificates.raw if certificates else b"", lists.raw if lists else b"", infos)
    else:
        reader.optional(0xA1)
    reader.end()
    dialect: Dialect = (
        "gbt35275" if name in (oids.GM_ENVELOPED_DATA, oids.GM_SIGNED_AND_ENVELOPED) else "rfc5652"
    )
    quirks = [*tolerated]
    if algorithm == oids.SM4:
        quirks.append("bare-sm4")
    if (content_type == oids.GM_DATA) != (dialect == "gbt35275"):
        quirks.append("mixed-dialects")
    return Envelope(dialect, recipients, content_type, algorithm, iv, encrypted, tuple(quirks), parts)


def _recipients(field: der.Element) -> Iterator[Recipient]:
    for element in field.reader().rest(MAX_RECIPIENTS):
        if element.tag != der.SEQUENCE:
            continue  # key agreement and the like: not ours to open
        reader = element.reader()
        reader.take(der.INTEGER).integer()
        issuer, serial, key_id = b"", 0, b""
        if reader.peek() == 0x80:
            key_id = reader.take().content
        else:
            named = reader.take(der.SEQUENCE).reader()
            issuer, serial = named.take(der.SEQUENCE).raw, named.take(der.INTEGER).integer()
            named.end()
        algorithm = reader.take(der.SEQUENCE).reader().take(der.OID).dotted()
        wrapped = reader.take(der.OCTET_STRING).content
        reader.end()
        yield Recipient(issuer, serial, key_id, algorithm, wrapped)


def _decrypt(envelope: Envelope, key: bytes) -> bytes:
    if envelope.cipher in _SM4_NAMES:
        try:
            return sm4_cbc_decrypt(key, envelope.iv, envelope.encrypted)
        except SmError:
            raise CmsError("cms.not-decrypted") from None
    if envelope.cipher not in _AES_KEYS:
        raise CmsError("cms.unsupported-cipher", algorithm=envelope.cipher)
    if len(key) != _AES_KEYS[envelope.cipher] or len(envelope.iv) != 16 or len(envelope.encrypted) % 16:
        raise CmsError("cms.not-decrypted")
    state = Cipher(algorithms.AES(key), modes.CBC(envelope.iv)).decryptor()
    unpadder = block_padding.PKCS7(128).unpadder()
    padded = state.update(envelope.encrypted) + state.finalize()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise CmsError("cms.not-decrypted") from None


def _signed_data(envelope: Envelope, content: bytes) -> bytes:
    """The SignedData inside SignedAndEnvelopedData: its stored parts around the decrypted content."""
    digests, certificates, lists, infos = envelope.signed_parts
    inner = der.sequence(der.oid(envelope.content_type), der.explicit(0, der.octet_string(content)))
    outer = oids.GM_SIGNED_DATA if envelope.dialect == "gbt35275" else oids.SIGNED_DATA
    body = der.sequence(der.integer(1), digests, inner, certificates, lists, infos)
    return der.sequence(der.oid(outer), der.explicit(0, body))
