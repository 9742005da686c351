"""Certificate revocation lists, full, delta and partitioned (RFC 5280 §5, GB/T 20518 §5.3)."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from signing.pki import oids
from signing.pki.algorithms import SIGNATURE_IDENTIFIERS, verify_signature
from signing.pki.certificate import Certificate, Extension, read_extensions
from signing.pki.errors import PkiError
from signing.pki.issue import encode_extension
from signing.pki.names import name_key, name_text, read_name
from signing.pki.profiles import key_identifier
from signing.pki.signers import Signer
from signing.sm import SmError, der
from signing.sm.encoding import pem_body

MAX_CRL = 64 * 1024 * 1024
MAX_ENTRIES = 1_000_000
_KNOWN = frozenset(
    {
        oids.CRL_NUMBER,
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.DELTA_CRL_INDICATOR,
        oids.ISSUING_DISTRIBUTION_POINT,
    }
)
_KNOWN_OF_ENTRY = frozenset({oids.CRL_REASON, oids.INVALIDITY_DATE})


class Reason(enum.IntEnum):
    """CRLReason (RFC 5280 §5.3.1)."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


@dataclass(frozen=True, slots=True)
class Revoked:
    """One entry. `date` is when the CA revoked, `invalid_since` when the key is thought lost; aware UTC."""

    serial: int
    date: datetime
    reason: Reason | None = None
    invalid_since: datetime | None = None
    unknown_critical: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """issuingDistributionPoint: what a list speaks of. `points` are the URIs or DER names it is found at."""

    points: frozenset[bytes] = frozenset()
    only_user: bool = False
    only_ca: bool = False
    only_attribute: bool = False
    some_reasons: bool = False
    indirect: bool = False


@dataclass(frozen=True)
class CertificateList:
    """A parsed list over its stored bytes. `base_number` is set in a delta list alone."""

    der: bytes
    tbs_der: bytes
    issuer_der: bytes
    this_update: datetime
    next_update: datetime | None
    entries_der: bytes
    signature_algorithm: str
    signature: bytes
    extensions: Mapping[str, Extension]
    number: int | None
    base_number: int | None
    scope: Scope

    @property
    def issuer_text(self) -> str:
        """The issuer after RFC 4514."""
        return name_text(read_name(self.issuer_der))

    @property
    def unknown_critical(self) -> str:
        """The OID of a critical extension that is not processed; empty when there is none."""
        return next((e.oid for e in self.extensions.values() if e.critical and e.oid not in _KNOWN), "")

    def find(self, serial: int) -> Revoked | None:
        """The entry of a certificate.

        Raises:
            PkiError: `pki.bad-crl`.
        """
        try:
            found = self._index.get(der.integer(serial)[2:])
            return None if found is None else _entry(der.read_one(found, der.SEQUENCE))
        except SmError as error:
            raise _bad(error) from None

    def __iter__(self) -> Iterator[Revoked]:
        """All entries in stored order; raises as `find`."""
        try:
            for element in der.Reader(self.entries_der).rest(MAX_ENTRIES):
                yield _entry(element)
        except SmError as error:
            raise _bad(error) from None

    @property
    def count(self) -> int:
        """How many entries there are; raises as `find`."""
        try:
            return len(self._index)
        except SmError as error:
            raise _bad(error) from None

    def is_signed_by(self, issuer: Certificate) -> bool:
        """Whether `issuer` bears the list's name, may sign lists, and did sign this one.

        Raises:
            PkiError: `pki.unsupported-algorithm`, `pki.unsupported-key`, `pki.bad-key`.
        """
        same = self.issuer_der == issuer.subject_der or name_key(read_name(self.issuer_der)) == name_key(
            read_name(issuer.subject_der)
        )
        if not same or (issuer.key_usage and "cRLSign" not in issuer.key_usage):
            return False
        return verify_signature(issuer.public_key, self.signature_algorithm, self.signature, self.tbs_der)

    @cached_property
    def _index(self) -> dict[bytes, bytes]:
        """Entry bytes by the content octets of their serial: read in full only when asked for."""
        found: dict[bytes, bytes] = {}
        for element in der.Reader(self.entries_der).rest(MAX_ENTRIES):
            found[der.Reader(element.content).take(der.INTEGER).content] = element.raw
        return found


def build_crl(
    *,
    issuer: Certificate,
    issuer_signer: Signer,
    number: int,
    this_update: datetime,
    next_update: datetime,
    revoked: Iterable[Revoked] = (),
    base_number: int | None = None,
    scope: Scope | None = None,
    freshest: str = "",
) -> bytes:
    """DER CertificateList, version 2. `base_number` makes it a delta list to that complete list.

    `scope` narrows it to a partition; `freshest` is the URI of the delta list to this complete one.

    Raises:
        PkiError: `pki.not-a-ca` when the issuer may not sign lists, `pki.bad-validity`,
            `pki.signer-mismatch`, `pki.crl-indirect` (never written).
    """
    if not issuer.is_ca or (issuer.key_usage and "cRLSign" not in issuer.key_usage):
        raise PkiError("pki.not-a-ca", subject=issuer.common_name)
    if this_update.tzinfo is None or next_update.tzinfo is None or next_update <= this_update:
        raise PkiError("pki.bad-validity")
    if scope is not None and scope.indirect:
        raise PkiError("pki.crl-indirect", issuer=issuer.common_name)
    authority = issuer.subject_key_id or key_identifier(issuer.spki_der)
    extensions = [
        (oids.AUTHORITY_KEY_IDENTIFIER, False, der.sequence(der.tlv(0x80, authority))),
        (oids.CRL_NUMBER, False, der.integer(number)),
    ]
    if base_number is not None:
        extensions.append((oids.DELTA_CRL_INDICATOR, True, der.integer(base_number)))
    if scope is not None and scope != Scope():
        extensions.append((oids.ISSUING_DISTRIBUTION_POINT, True, _encode_scope(scope)))
    if freshest and base_number is None:
        extensions.append((oids.FRESHEST_CRL, False, distribution_points([freshest])))
    algorithm = SIGNATURE_IDENTIFIERS[issuer_signer.algorithm]
    entries = b"".join(sorted_entries(revoked))
    tbs = der.sequence(
        der.integer(1),
        algorithm,
        issuer.subject_der,
        der.time(this_update),
        der.time(next_update),
        der.sequence(entries) if entries else b"",
        der.explicit(0, der.sequence(*(encode_extension(*extension) for extension in extensions))),
    )
    signature = issuer_signer.sign(tbs)
    if not issuer.public_key.verify(signature, tbs):
        raise PkiError("pki.signer-mismatch")
    return der.sequence(tbs, algorithm, der.bit_string(signature))


def sorted_entries(revoked: Iterable[Revoked]) -> list[bytes]:
    """DER entries, one for a serial, in order of serials: the same set gives the same bytes."""
    unique = {entry.serial: entry for entry in revoked}
    return [_encode_entry(unique[serial]) for serial in sorted(unique)]


def distribution_points(uris: Iterable[str]) -> bytes:
    """DER CRLDistributionPoints (also freshestCRL), one point for each URI."""
    return der.sequence(
        *(der.sequence(der.tlv(0xA0, der.tlv(0xA0, der.tlv(0x86, uri.encode("ascii"))))) for uri in uris)
    )


def parse_crl(data: bytes) -> CertificateList:
    """Parse a list, DER or PEM, of at most 64 MiB and a million entries.

    Raises:
        PkiError: `pki.bad-crl`.
    """
    if len(data) > MAX_CRL:
        raise PkiError("pki.bad-crl", problem="larger than 64 MiB")
    try:
        encoded = data if data[:1] == b"\x30" else pem_body(data, (b"X509 CRL", b"CRL")) or data
        return _parse(encoded)
    except SmError as error:
        raise _bad(error) from None


def read_points(value: bytes) -> tuple[frozenset[bytes], bool]:
    """(names of all distribution points, whether one names another issuer) of a CRLDistributionPoints.

    Raises:
        SmError: `sm.not-der`.
    """
    names: set[bytes] = set()
    other = False
    for point in der.read_sequence(value).rest(64):
        reader = point.reader()
        name = reader.optional(0xA0)
        reader.optional(0x81)
        other = other or reader.optional(0xA2) is not None
        reader.end()
        if name is not None:
            names |= _point_names(name.content)
    return frozenset(names), other


def _parse(data: bytes) -> CertificateList:
    outer = der.read_sequence(data)
    tbs = outer.take(der.SEQUENCE)
    identifier = outer.take(der.SEQUENCE)
    signature = outer.take(der.BIT_STRING).octets()
    outer.end()
    reader = tbs.reader()
    version = reader.optional(der.INTEGER)
    if version is not None and version.integer() != 1:
        raise SmError("sm.not-der", problem="version")
    if reader.take(der.SEQUENCE).raw != identifier.raw:
        raise SmError("sm.not-der", problem="two signature algorithms")
    issuer = reader.take(der.SEQUENCE).raw
    read_name(issuer)
    this_update = reader.take().moment()
    next_update = reader.take().moment() if reader.peek() in (der.UTC_TIME, der.GENERALIZED_TIME) else None
    entries = reader.optional(der.SEQUENCE)
    wrapped = reader.optional(0xA0)
    reader.end()
    extensions = read_extensions(wrapped.content) if wrapped else {}
    point = extensions.get(oids.ISSUING_DISTRIBUTION_POINT)
    return CertificateList(
        der=data,
        tbs_der=tbs.raw,
        issuer_der=issuer,
        this_update=this_update,
        next_update=next_update,
        entries_der=entries.content if entries else b"",
        signature_algorithm=identifier.reader().take(der.OID).dotted(),
        signature=signature,
        extensions=extensions,
        number=_number(extensions.get(oids.CRL_NUMBER)),
        base_number=_number(extensions.get(oids.DELTA_CRL_INDICATOR)),
        scope=_read_scope(point.value) if point else Scope(),
    )


def _number(extension: Extension | None) -> int | None:
    if extension is None:
        return None
    value = der.read_one(extension.value, der.INTEGER).integer()
    if value < 0 or value.bit_length() > 160:
        raise SmError("sm.not-der", problem="CRL number")
    return value


def _entry(element: der.Element) -> Revoked:
    reader = element.reader()
    serial = reader.take(der.INTEGER).integer()
    date = reader.take().moment()
    wrapped = reader.optional(der.SEQUENCE)
    reader.end()
    reason: Reason | None = None
    since: datetime | None = None
    unknown = False
    for extension in read_extensions(wrapped.raw).values() if wrapped else ():
        if extension.oid == oids.CRL_REASON:
            try:
                reason = Reason(der.read_one(extension.value, der.ENUMERATED).integer())
            except ValueError:
                raise SmError("sm.not-der", problem="CRL reason") from None
        elif extension.oid == oids.INVALIDITY_DATE:
            since = der.read_one(extension.value, der.GENERALIZED_TIME).moment()
        elif extension.critical and extension.oid not in _KNOWN_OF_ENTRY:
            unknown = True
    return Revoked(serial, date, reason, since, unknown)


def _encode_entry(entry: Revoked) -> bytes:
    extensions = b""
    if entry.reason is not None and entry.reason is not Reason.UNSPECIFIED:
        value = der.tlv(der.ENUMERATED, bytes((entry.reason,)))
        extensions += encode_extension(oids.CRL_REASON, False, value)
    if entry.invalid_since is not None:
        value = der.generalized_time(entry.invalid_since.replace(microsecond=0))
        extensions += encode_extension(oids.INVALIDITY_DATE, False, value)
    return der.sequence(
        der.integer(entry.serial), der.time(entry.date), der.sequence(extensions) if extensions else b""
    )


def _encode_scope(scope: Scope) -> bytes:
    names = b"".join(der.tlv(0x86, uri) for uri in sorted(scope.points))
    return der.sequence(
        der.tlv(0xA0, der.tlv(0xA0, names)) if names else b"",
        b"\x81\x01\xff" if scope.only_user else b"",
        b"\x82\x01\xff" if scope.only_ca else b"",
        b"\x85\x01\xff" if scope.only_attribute else b"",
    )


def _read_scope(value: bytes) -> Scope:
    reader = der.read_sequence(value)
    name = reader.optional(0xA0)
    flags = {}
    for tag in (0x81, 0x82, 0x83, 0x84, 0x85):
        found = reader.optional(tag)
        flags[tag] = found is not None and (tag == 0x83 or found.boolean())
    reader.end()
    points = _point_names(name.content) if name else frozenset[bytes]()
    return Scope(points, flags[0x81], flags[0x82], flags[0x85], flags[0x83], flags[0x84])


def _point_names(content: bytes) -> frozenset[bytes]:
    """Names of a DistributionPointName: content of a URI, all of another GeneralName or relative name."""
    point = der.read_one(content)
    if point.tag != 0xA0:
        return frozenset({point.raw})
    return frozenset(name.content if name.tag == 0x86 else name.raw for name in point.reader().rest(64))


def _bad(error: SmError) -> PkiError:
    return PkiError("pki.bad-crl", problem=str(error.params.get("problem", error.code)))
