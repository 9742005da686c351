"""The kinds of certificate that a Penward hospital issues, and their extensions (docs/certificates.md)."""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from signing.pki import oids
from signing.pki.algorithms import public_key_from_spki
from signing.pki.certificate import KEY_USAGES, Certificate
from signing.pki.errors import PkiError
from signing.pki.names import Attributes
from signing.sm import der, sm3

EVENT_LIFETIME = timedelta(hours=24)
EVENT_BACKDATE = timedelta(seconds=60)
_IDENTITY_NUMBER = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")


class Profile(enum.Enum):
    """A kind of certificate."""

    ROOT = "root"
    ISSUING_CA = "issuing-ca"
    TSA = "tsa"
    SERVER = "server"
    ENCRYPTION = "encryption"
    SEAL_MAKER = "seal-maker"
    STAFF_SIGN = "staff-sign"
    STATION = "station"
    PATIENT_EVENT = "patient-event"
    OCSP = "ocsp"
    STAFF_ENCRYPT = "staff-encrypt"
    ORGANISATION_SIGN = "organisation-sign"
    DEVICE_SIGN = "device-sign"


@dataclass(frozen=True, slots=True)
class _Shape:
    key_usage: tuple[str, ...]
    extended: tuple[str, ...] = ()
    extended_critical: bool = False
    ca: bool = False
    path_length: int | None = None
    no_revocation: bool = False
    no_check: bool = False


_SIGN = ("digitalSignature", "nonRepudiation")
_ENCIPHER = ("keyEncipherment", "dataEncipherment", "keyAgreement")
_SHAPES = {
    Profile.ROOT: _Shape(("keyCertSign", "cRLSign"), ca=True),
    Profile.ISSUING_CA: _Shape(("keyCertSign", "cRLSign"), ca=True, path_length=0),
    Profile.TSA: _Shape(_SIGN, (oids.TIME_STAMPING,), extended_critical=True),
    Profile.SERVER: _Shape(("digitalSignature",), (oids.SERVER_AUTH,)),
    Profile.ENCRYPTION: _Shape(_ENCIPHER),
    Profile.SEAL_MAKER: _Shape(_SIGN, (oids.SEAL_MAKING,)),
    Profile.STAFF_SIGN: _Shape(_SIGN),
    Profile.STATION: _Shape(("digitalSignature",), (oids.CLIENT_AUTH,)),
    Profile.PATIENT_EVENT: _Shape(_SIGN, no_revocation=True),
    Profile.OCSP: _Shape(("digitalSignature",), (oids.OCSP_SIGNING,), no_check=True),
    Profile.STAFF_ENCRYPT: _Shape(_ENCIPHER),
    Profile.ORGANISATION_SIGN: _Shape(_SIGN),
    Profile.DEVICE_SIGN: _Shape(("digitalSignature",)),
}


def event_validity(now: datetime) -> tuple[datetime, datetime]:
    """(notBefore, notAfter) of an event certificate made at `now`: now − 60 s, and 24 h later."""
    start = now.replace(microsecond=0) - EVENT_BACKDATE
    return start, start + EVENT_LIFETIME


def key_identifier(spki: bytes) -> bytes:
    """Leftmost 160 bits of SM3 over the SubjectPublicKeyInfo (RFC 7093 §2, another hash)."""
    return sm3(spki)[:20]


def extensions_of(
    profile: Profile, spki: bytes, issuer: Certificate | None, san: Sequence[str]
) -> list[tuple[str, bool, bytes]]:
    """(OID, critical, DER value) of everything that the profile itself asks for."""
    shape = _SHAPES[profile]
    found: list[tuple[str, bool, bytes]] = []
    if shape.ca:
        length = b"" if shape.path_length is None else der.integer(shape.path_length)
        found.append((oids.BASIC_CONSTRAINTS, True, der.sequence(der.boolean(True), length)))
    usage = _encipher_usage(spki) if shape.key_usage == _ENCIPHER else shape.key_usage
    bits = der.named_bits(KEY_USAGES.index(name) for name in usage)
    found.append((oids.KEY_USAGE, True, bits))
    if shape.extended:
        purposes = der.sequence(*map(der.oid, shape.extended))
        found.append((oids.EXTENDED_KEY_USAGE, shape.extended_critical, purposes))
    found.append((oids.SUBJECT_KEY_IDENTIFIER, False, der.octet_string(key_identifier(spki))))
    if issuer is not None:
        authority = issuer.subject_key_id or key_identifier(issuer.spki_der)
        found.append((oids.AUTHORITY_KEY_IDENTIFIER, False, der.sequence(der.tlv(0x80, authority))))
    if san:
        found.append((oids.SUBJECT_ALTERNATIVE_NAME, False, subject_alternative_names(san)))
    if shape.no_revocation:
        found.append((oids.NO_REV_AVAIL, False, der.null()))
    if shape.no_check:
        found.append((oids.OCSP_NO_CHECK, False, der.null()))
    return found


def _encipher_usage(spki: bytes) -> tuple[str, ...]:
    """SM2 enciphers and agrees (GM/T 0015), RSA only enciphers, a NIST curve only agrees (RFC 8813)."""
    algorithm = public_key_from_spki(spki).algorithm
    if algorithm == "sm2":
        return _ENCIPHER
    return ("keyEncipherment", "dataEncipherment") if algorithm == "rsa" else ("keyAgreement",)


def lint(
    profile: Profile,
    subject: Attributes | bytes,
    issuer: Certificate | None,
    not_before: datetime,
    not_after: datetime,
    extensions: Sequence[tuple[str, bool, bytes]],
) -> None:
    """Refuse a certificate that should not be made, before a key signs it.

    Raises:
        PkiError: `pki.bad-validity`, `pki.event-too-long`, `pki.outside-issuer`, `pki.not-a-ca`,
            `pki.identity-number`, `pki.extension-twice`.
    """
    if not_before.tzinfo is None or not_after.tzinfo is None or not_before >= not_after:
        raise PkiError("pki.bad-validity")
    if issuer is None and profile is not Profile.ROOT:
        raise PkiError("pki.not-a-ca", subject="")
    if issuer is not None and not issuer.is_ca:
        raise PkiError("pki.not-a-ca", subject=issuer.common_name)
    if issuer is not None and not_after > issuer.not_after:
        raise PkiError("pki.outside-issuer", issuer=issuer.common_name)
    if profile is Profile.PATIENT_EVENT:
        if not_after - not_before > EVENT_LIFETIME:
            raise PkiError("pki.event-too-long")
        if not isinstance(subject, bytes) and any(_IDENTITY_NUMBER.search(value) for _, value in subject):
            raise PkiError("pki.identity-number")
    names = [oid for oid, _, _ in extensions]
    if len(set(names)) != len(names):
        raise PkiError("pki.extension-twice")


def subject_alternative_names(names: Sequence[str]) -> bytes:
    """DER SubjectAltName of DNS names and IP addresses.

    Raises:
        PkiError: `pki.bad-name`.
    """
    return der.sequence(*map(_general_name, names))


def _general_name(name: str) -> bytes:
    try:
        return der.tlv(0x87, ipaddress.ip_address(name).packed)
    except ValueError:
        pass
    if not re.fullmatch(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?", name):
        raise PkiError("pki.bad-name", attribute=name)
    return der.tlv(0x82, name.encode("ascii"))
