"""X.509 certificates (RFC 5280, GM/T 0015 / GB/T 20518) as values over the bytes as stored."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from asn1crypto import x509

from signing.pki import oids
from signing.pki.algorithms import PublicKey, public_key_from_spki
from signing.pki.errors import PkiError
from signing.pki.names import name_key, name_text, read_name
from signing.sm import SmError, der, sm3
from signing.sm.encoding import pem_body

MAX_CERTIFICATE = 64 * 1024
MAX_EXTENSIONS = 64
KEY_USAGES = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
PEM_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")


@dataclass(frozen=True, slots=True)
class Extension:
    """One certificate extension; `value` is the DER inside the OCTET STRING."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True)
class Certificate:
    """A parsed certificate. Two are equal when their bytes are.

    `der` and `tbs_der` are the stored bytes, `issuer_der` and `subject_der` the stored names,
    `not_before` and `not_after` aware times in UTC, `signature_algorithm` an OID, `extensions` by OID.
    """

    der: bytes
    tbs_der: bytes
    serial: int
    issuer_der: bytes
    subject_der: bytes
    not_before: datetime
    not_after: datetime
    spki_der: bytes
    signature_algorithm: str
    signature: bytes
    extensions: Mapping[str, Extension]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and other.der == self.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"Certificate({self.subject_text!r}, serial={self.serial:x})"

    @classmethod
    def from_der(cls, data: bytes) -> Certificate:
        """Parse one DER certificate of at most 64 KiB.

        Raises:
            PkiError: `pki.bad-certificate`.
        """
        if len(data) > MAX_CERTIFICATE:
            raise PkiError("pki.bad-certificate", problem="larger than 64 KiB")
        try:
            certificate = _parse(data)
            _ = certificate._subject, certificate._issuer, certificate.is_ca, certificate.key_usage
            _ = certificate.extended_key_usage, certificate.subject_key_id, certificate.authority_key_id
        except SmError as error:
            problem = str(error.params.get("problem", error.code))
            raise PkiError("pki.bad-certificate", problem=problem) from None
        return certificate

    @classmethod
    def from_pem(cls, data: bytes | str) -> Certificate:
        """Parse the first certificate of a PEM text.

        Raises:
            PkiError: `pki.bad-certificate`.
        """
        text = data.encode() if isinstance(data, str) else data
        try:
            body = pem_body(text[: 2 * MAX_CERTIFICATE], PEM_LABELS)
        except SmError:
            body = None
        if body is None:
            raise PkiError("pki.bad-certificate", problem="PEM")
        return cls.from_der(body)

    @classmethod
    def load(cls, data: bytes) -> Certificate:
        """Parse PEM or DER.

        Raises:
            PkiError: `pki.bad-certificate`.
        """
        return cls.from_der(data) if data[:1] == b"\x30" else cls.from_pem(data)

    @property
    def pem(self) -> bytes:
        """PEM text with a final line feed."""
        body = base64.b64encode(self.der)
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        return b"\n".join([b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""])

    @property
    def subject_text(self) -> str:
        """The subject after RFC 4514."""
        return name_text(self._subject)

    @property
    def issuer_text(self) -> str:
        """The issuer after RFC 4514."""
        return name_text(self._issuer)

    @property
    def common_name(self) -> str:
        """The subject's last CN; the whole subject when there is none."""
        return next((value for kind, value in reversed(self._subject) if kind == "CN"), self.subject_text)

    @cached_property
    def public_key(self) -> PublicKey:
        """The key; for SM2 a `signing.sm.SM2PublicKey`, which can also encrypt.

        Raises:
            PkiError: `pki.unsupported-key`, `pki.bad-key`.
        """
        return public_key_from_spki(self.spki_der)

    @property
    def fingerprint_sm3(self) -> bytes:
        """SM3 of the stored bytes, 32 bytes."""
        return sm3(self.der)

    @property
    def asn1(self) -> x509.Certificate:
        """A fresh `asn1crypto` object over the same bytes, for pyHanko."""
        oids.register_names()
        return x509.Certificate.load(self.der)

    def extension(self, oid: str) -> bytes | None:
        """The DER value of the extension, None when absent."""
        found = self.extensions.get(oid)
        return found.value if found else None

    def is_issuer_name_of(self, other: Certificate) -> bool:
        """Whether the subject is the issuer that `other` names."""
        return self.subject_der == other.issuer_der or name_key(self._subject) == name_key(other._issuer)

    @property
    def is_self_issued(self) -> bool:
        """Subject and issuer are the same name."""
        return self.is_issuer_name_of(self)

    @cached_property
    def _basic_constraints(self) -> tuple[bool, int | None]:
        value = self.extension(oids.BASIC_CONSTRAINTS)
        if value is None:
            return False, None
        reader = der.read_sequence(value)
        flag, length = reader.optional(der.BOOLEAN), reader.optional(der.INTEGER)
        reader.end()
        return bool(flag and flag.boolean()), length.integer() if length else None

    @property
    def is_ca(self) -> bool:
        """basicConstraints says CA."""
        return self._basic_constraints[0]

    @property
    def path_length(self) -> int | None:
        """pathLenConstraint, None when there is none."""
        return self._basic_constraints[1]

    @cached_property
    def key_usage(self) -> frozenset[str]:
        """Names as in RFC 5280 §4.2.1.3 (`digitalSignature`); empty when the extension is absent."""
        value = self.extension(oids.KEY_USAGE)
        if value is None:
            return frozenset()
        content = der.read_one(value, der.BIT_STRING).content
        if not content or content[0] > 7 or len(content) > 3:
            raise SmError("sm.not-der", problem="keyUsage")
        bits = "".join(f"{octet:08b}" for octet in content[1:])
        return frozenset(name for name, bit in zip(KEY_USAGES, bits, strict=False) if bit == "1")

    @cached_property
    def extended_key_usage(self) -> tuple[str, ...]:
        """OIDs in stored order; empty when the extension is absent."""
        value = self.extension(oids.EXTENDED_KEY_USAGE)
        if value is None:
            return ()
        return tuple(purpose.dotted() for purpose in der.read_sequence(value).rest(MAX_EXTENSIONS))

    @cached_property
    def subject_key_id(self) -> bytes | None:
        """The subject key identifier."""
        value = self.extension(oids.SUBJECT_KEY_IDENTIFIER)
        return None if value is None else der.read_one(value, der.OCTET_STRING).content

    @cached_property
    def authority_key_id(self) -> bytes | None:
        """The key identifier of the authority key identifier."""
        value = self.extension(oids.AUTHORITY_KEY_IDENTIFIER)
        if value is None:
            return None
        found = der.read_sequence(value).optional(0x80)
        return found.content if found else None

    @cached_property
    def _subject(self) -> tuple[tuple[str, str], ...]:
        return read_name(self.subject_der)

    @cached_property
    def _issuer(self) -> tuple[tuple[str, str], ...]:
        return read_name(self.issuer_der)


def _parse(data: bytes) -> Certificate:
    outer = der.read_sequence(data)
    tbs = outer.take(der.SEQUENCE)
    identifier = outer.take(der.SEQUENCE)
    signature = outer.take(der.BIT_STRING).octets()
    outer.end()

    reader = tbs.reader()
    version = reader.optional(0xA0)
    if version and der.read_one(version.content, der.INTEGER).integer() not in (0, 1, 2):
        raise SmError("sm.not-der", problem="version")
    serial = reader.take(der.INTEGER).integer()
    if reader.take(der.SEQUENCE).raw != identifier.raw:
        raise SmError("sm.not-der", problem="two signature algorithms")
    issuer = reader.take(der.SEQUENCE).raw
    validity = reader.take(der.SEQUENCE).reader()
    not_before, not_after = validity.take().moment(), validity.take().moment()
    validity.end()
    subject = reader.take(der.SEQUENCE).raw
    spki = reader.take(der.SEQUENCE).raw
    reader.optional(0x81), reader.optional(0x82)
    wrapped = reader.optional(0xA3)
    reader.end()
    return Certificate(
        der=data,
        tbs_der=tbs.raw,
        serial=serial,
        issuer_der=issuer,
        subject_der=subject,
        not_before=not_before,
        not_after=not_after,
        spki_der=spki,
        signature_algorithm=identifier.reader().take(der.OID).dotted(),
        signature=signature,
        extensions=read_extensions(wrapped.content) if wrapped else {},
    )


def read_extensions(wrapped: bytes) -> dict[str, Extension]:
    """Extensions by OID from the DER SEQUENCE OF Extension, at most 64, each once.

    Raises:
        SmError: `sm.not-der`.
    """
    found: dict[str, Extension] = {}
    for item in der.read_sequence(wrapped).rest(MAX_EXTENSIONS):
        reader = item.reader()
        dotted = reader.take(der.OID).dotted()
        flag = reader.optional(der.BOOLEAN)
        value = reader.take(der.OCTET_STRING).content
        reader.end()
        if dotted in found:
            raise SmError("sm.not-der", problem=f"extension {dotted} twice")
        found[dotted] = Extension(dotted, bool(flag and flag.boolean()), value)
    return found
