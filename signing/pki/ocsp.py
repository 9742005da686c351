"""OCSP requests and responses (RFC 6960, RFC 9654 for the nonce), with SM2/SM3 as with RSA and P-256."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from signing.pki import oids
from signing.pki.algorithms import HASHES, SIGNATURE_IDENTIFIERS, digest, verify_signature
from signing.pki.certificate import Certificate, Extension, read_extensions
from signing.pki.crl import Reason
from signing.pki.errors import PkiError
from signing.pki.issue import encode_extension
from signing.pki.signers import Signer
from signing.sm import SmError, der

MAX_MESSAGE = 1024 * 1024
MAX_REQUESTS = 100
MAX_CERTIFICATES = 16
MAX_NONCE = 128
_NULL_AFTER = frozenset({oids.SHA1, oids.SHA256, oids.SHA384, oids.SHA512})

# OCSPResponseStatus
SUCCESSFUL, MALFORMED_REQUEST, INTERNAL_ERROR, TRY_LATER, SIG_REQUIRED, UNAUTHORIZED = 0, 1, 2, 3, 5, 6


class Status(enum.Enum):
    """certStatus."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CertId:
    """Which certificate is meant. `hash_algorithm` is an OID; SHA-1 is met: nothing rests on it here."""

    hash_algorithm: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int

    @classmethod
    def of(cls, serial: int, issuer: Certificate, hash_algorithm: str = oids.SHA1) -> CertId:
        """The identifier of `issuer`'s certificate with this serial.

        Raises:
            PkiError: `pki.unsupported-algorithm`.
        """
        return cls(
            hash_algorithm,
            _hash(hash_algorithm, issuer.subject_der),
            _hash(hash_algorithm, _key_bits(issuer)),
            serial,
        )

    def names(self, serial: int, issuer: Certificate) -> bool:
        """Whether this is `issuer`'s certificate with this serial; not when the hash is not known."""
        try:
            return self == CertId.of(serial, issuer, self.hash_algorithm)
        except PkiError:
            return False

    def encode(self) -> bytes:
        """DER CertID."""
        parameters = der.null() if self.hash_algorithm in _NULL_AFTER else b""
        return der.sequence(
            der.sequence(der.oid(self.hash_algorithm), parameters),
            der.octet_string(self.issuer_name_hash),
            der.octet_string(self.issuer_key_hash),
            der.integer(self.serial),
        )


@dataclass(frozen=True, slots=True)
class OcspRequest:
    """A parsed request; `nonce` None when there is none."""

    cert_ids: tuple[CertId, ...]
    nonce: bytes | None
    is_signed: bool


@dataclass(frozen=True, slots=True)
class SingleStatus:
    """What a responder states of one certificate. Times are aware UTC."""

    cert_id: CertId
    status: Status
    this_update: datetime
    next_update: datetime | None = None
    revoked_at: datetime | None = None
    reason: Reason | None = None
    unknown_critical: bool = False


@dataclass(frozen=True)
class OcspResponse:
    """A parsed response; everything after `status` is empty unless it is 0 (successful)."""

    der: bytes
    status: int
    tbs_der: bytes = b""
    responder_name: bytes = b""
    responder_key_hash: bytes = b""
    produced_at: datetime | None = None
    statuses: tuple[SingleStatus, ...] = ()
    extensions: Mapping[str, Extension] | None = None
    nonce: bytes | None = None
    signature_algorithm: str = ""
    signature: bytes = b""
    certificates: tuple[Certificate, ...] = ()


def build_ocsp_request(cert_ids: Sequence[CertId], *, nonce: bytes | None = None) -> bytes:
    """DER OCSPRequest, unsigned; `nonce` has 1 to 128 octets, 32 where one can choose (RFC 9654)."""
    extensions = b""
    if nonce is not None:
        inner = encode_extension(oids.OCSP_NONCE, False, der.octet_string(nonce))
        extensions = der.explicit(2, der.sequence(inner))
    requests = der.sequence(*(der.sequence(cert_id.encode()) for cert_id in cert_ids))
    return der.sequence(der.sequence(requests, extensions))


def parse_ocsp_request(data: bytes) -> OcspRequest:
    """Parse a request of at most 1 MiB for at most 100 certificates.

    Raises:
        PkiError: `pki.bad-ocsp`.
    """
    try:
        outer = _outer(data)
        reader = outer.take(der.SEQUENCE).reader()
        signed = outer.optional(0xA0) is not None
        outer.end()
        _version(reader)
        reader.optional(0xA1)
        requests = reader.take(der.SEQUENCE).reader()
        wrapped = reader.optional(0xA2)
        reader.end()
        found = []
        for element in requests.rest(MAX_REQUESTS):
            single = element.reader()
            found.append(_cert_id(single.take(der.SEQUENCE)))
            single.optional(0xA0)
            single.end()
        if not found:
            raise SmError("sm.not-der", problem="no request")
        return OcspRequest(tuple(found), _nonce(read_extensions(wrapped.content) if wrapped else {}), signed)
    except SmError as error:
        raise _bad(error) from None


def build_ocsp_response(
    *,
    responder: Certificate,
    signer: Signer,
    statuses: Iterable[SingleStatus],
    produced_at: datetime,
    nonce: bytes | None = None,
    chain: Sequence[Certificate] = (),
) -> bytes:
    """DER OCSPResponse, successful, signed by `responder` (the CA itself, or a delegate of its).

    `chain` is embedded: the delegate's own certificate, nothing for the CA.

    Raises:
        PkiError: `pki.signer-mismatch`.
    """
    extensions = b""
    if nonce is not None:
        inner = encode_extension(oids.OCSP_NONCE, False, der.octet_string(nonce))
        extensions = der.explicit(1, der.sequence(inner))
    tbs = der.sequence(
        der.explicit(2, der.octet_string(_hash(oids.SHA1, _key_bits(responder)))),
        der.generalized_time(produced_at.replace(microsecond=0)),
        der.sequence(*map(_encode_single, statuses)),
        extensions,
    )
    signature = signer.sign(tbs)
    if not responder.public_key.verify(signature, tbs):
        raise PkiError("pki.signer-mismatch")
    embedded = der.explicit(0, der.sequence(*(c.der for c in chain))) if chain else b""
    basic = der.sequence(tbs, SIGNATURE_IDENTIFIERS[signer.algorithm], der.bit_string(signature), embedded)
    return der.sequence(
        der.tlv(der.ENUMERATED, b"\x00"),
        der.explicit(0, der.sequence(der.oid(oids.OCSP_BASIC), der.octet_string(basic))),
    )


def ocsp_refusal(status: int) -> bytes:
    """DER OCSPResponse without an answer: 1 malformed, 2 internal error, 3 try later, 5, 6 unauthorized."""
    return der.sequence(der.tlv(der.ENUMERATED, bytes((status,))))


def parse_ocsp_response(data: bytes) -> OcspResponse:
    """Parse a response of at most 1 MiB, nothing verified.

    Raises:
        PkiError: `pki.bad-ocsp`.
    """
    try:
        outer = _outer(data)
        status = outer.take(der.ENUMERATED).integer()
        wrapped = outer.optional(0xA0)
        outer.end()
        if status != SUCCESSFUL or wrapped is None:
            if status == SUCCESSFUL or status not in range(1, 7):
                raise SmError("sm.not-der", problem="status")
            return OcspResponse(data, status)
        body = der.read_sequence(wrapped.content)
        if body.take(der.OID).dotted() != oids.OCSP_BASIC:
            raise SmError("sm.not-der", problem="response type")
        basic = body.take(der.OCTET_STRING).content
        body.end()
        return _basic(data, basic)
    except SmError as error:
        raise _bad(error) from None
    except PkiError as error:
        raise PkiError("pki.bad-ocsp", problem=error.code) from None


def responder_of(response: OcspResponse, issuer: Certificate, at: datetime) -> tuple[Certificate | None, str]:
    """(who signed, empty) or (None, reason code): the issuer itself, or a delegate that it certified.

    A delegate must be issued directly by `issuer`, be valid at `at` (when the answer is used) or when the
    answer was made, and have OCSPSigning as extended key usage (RFC 6960 §4.2.2.2).
    """
    try:
        for candidate in (issuer, *response.certificates):
            if not _is_responder(response, candidate):
                continue
            if candidate != issuer:
                if oids.OCSP_SIGNING not in candidate.extended_key_usage or not _issued(candidate, issuer):
                    return None, "pki.ocsp-not-delegated"
                made = response.produced_at or at
                if not candidate.not_before <= made <= candidate.not_after:
                    return None, "pki.ocsp-not-delegated"
            if verify_signature(
                candidate.public_key, response.signature_algorithm, response.signature, response.tbs_der
            ):
                return candidate, ""
            return None, "pki.ocsp-bad-signature"
    except PkiError as error:
        return None, error.code
    return None, "pki.ocsp-other-responder"


def _issued(candidate: Certificate, issuer: Certificate) -> bool:
    return issuer.is_issuer_name_of(candidate) and verify_signature(
        issuer.public_key, candidate.signature_algorithm, candidate.signature, candidate.tbs_der
    )


def _is_responder(response: OcspResponse, candidate: Certificate) -> bool:
    if response.responder_name:
        return candidate.subject_der == response.responder_name
    return _hash(oids.SHA1, _key_bits(candidate)) == response.responder_key_hash


def _basic(data: bytes, basic: bytes) -> OcspResponse:
    outer = der.read_sequence(basic)
    tbs = outer.take(der.SEQUENCE)
    algorithm = outer.take(der.SEQUENCE).reader().take(der.OID).dotted()
    signature = outer.take(der.BIT_STRING).octets()
    wrapped = outer.optional(0xA0)
    outer.end()
    reader = tbs.reader()
    _version(reader)
    name = reader.optional(0xA1)
    key = None if name else reader.take(0xA2)
    produced = reader.take(der.GENERALIZED_TIME).moment()
    singles = reader.take(der.SEQUENCE).reader()
    extensions_field = reader.optional(0xA1)
    reader.end()
    extensions = read_extensions(extensions_field.content) if extensions_field else {}
    embedded = der.read_sequence(wrapped.content).rest(MAX_CERTIFICATES) if wrapped else ()
    return OcspResponse(
        der=data,
        status=SUCCESSFUL,
        tbs_der=tbs.raw,
        responder_name=der.read_one(name.content, der.SEQUENCE).raw if name else b"",
        responder_key_hash=der.read_one(key.content, der.OCTET_STRING).content if key else b"",
        produced_at=produced,
        statuses=tuple(_single(element) for element in singles.rest(MAX_REQUESTS)),
        extensions=extensions,
        nonce=_nonce(extensions),
        signature_algorithm=algorithm,
        signature=signature,
        certificates=tuple(Certificate.from_der(element.raw) for element in embedded),
    )


def _single(element: der.Element) -> SingleStatus:
    reader = element.reader()
    cert_id = _cert_id(reader.take(der.SEQUENCE))
    stated = reader.take()
    this_update = reader.take(der.GENERALIZED_TIME).moment()
    until = reader.optional(0xA0)
    wrapped = reader.optional(0xA1)
    reader.end()
    extensions = read_extensions(wrapped.content) if wrapped else {}
    revoked_at: datetime | None = None
    reason: Reason | None = None
    if stated.tag == 0xA1:
        info = stated.reader()
        revoked_at = info.take(der.GENERALIZED_TIME).moment()
        if code := info.optional(0xA0):
            try:
                reason = Reason(der.read_one(code.content, der.ENUMERATED).integer())
            except ValueError:
                raise SmError("sm.not-der", problem="reason") from None
        info.end()
    elif stated.tag not in (0x80, 0x82) or stated.content:
        raise SmError("sm.not-der", problem="certificate status")
    status = {0x80: Status.GOOD, 0xA1: Status.REVOKED}.get(stated.tag, Status.UNKNOWN)
    return SingleStatus(
        cert_id,
        status,
        this_update,
        der.read_one(until.content, der.GENERALIZED_TIME).moment() if until else None,
        revoked_at,
        reason,
        any(extension.critical for extension in extensions.values()),
    )


def _encode_single(single: SingleStatus) -> bytes:
    if single.status is Status.REVOKED:
        if single.revoked_at is None:
            raise PkiError("pki.bad-ocsp", problem="revoked without a time")
        reason = b""
        if single.reason is not None and single.reason is not Reason.UNSPECIFIED:
            reason = der.explicit(0, der.tlv(der.ENUMERATED, bytes((single.reason,))))
        stated = der.tlv(0xA1, der.generalized_time(single.revoked_at.replace(microsecond=0)) + reason)
    else:
        stated = b"\x80\x00" if single.status is Status.GOOD else b"\x82\x00"
    until = single.next_update
    return der.sequence(
        single.cert_id.encode(),
        stated,
        der.generalized_time(single.this_update.replace(microsecond=0)),
        b"" if until is None else der.explicit(0, der.generalized_time(until.replace(microsecond=0))),
    )


def _cert_id(element: der.Element) -> CertId:
    reader = element.reader()
    identifier = reader.take(der.SEQUENCE).reader()
    algorithm = identifier.take(der.OID).dotted()
    name, key = reader.take(der.OCTET_STRING).content, reader.take(der.OCTET_STRING).content
    serial = reader.take(der.INTEGER).integer()
    reader.end()
    return CertId(algorithm, name, key, serial)


def _nonce(extensions: Mapping[str, Extension]) -> bytes | None:
    found = extensions.get(oids.OCSP_NONCE)
    if found is None:
        return None
    nonce = der.read_one(found.value, der.OCTET_STRING).content
    if not 1 <= len(nonce) <= MAX_NONCE:
        raise SmError("sm.not-der", problem="nonce")
    return nonce


def _version(reader: der.Reader) -> None:
    version = reader.optional(0xA0)
    if version is not None and der.read_one(version.content, der.INTEGER).integer() != 0:
        raise SmError("sm.not-der", problem="version")


def _hash(algorithm: str, data: bytes) -> bytes:
    if algorithm == oids.SHA1:
        return hashlib.sha1(data, usedforsecurity=False).digest()
    if algorithm not in HASHES:
        raise PkiError("pki.unsupported-algorithm", algorithm=algorithm)
    return digest(algorithm, data)


def _key_bits(certificate: Certificate) -> bytes:
    try:
        reader = der.read_sequence(certificate.spki_der)
        reader.take(der.SEQUENCE)
        return reader.take(der.BIT_STRING).octets()
    except SmError as error:
        raise PkiError("pki.bad-key", problem=error.code) from None


def _outer(data: bytes) -> der.Reader:
    if len(data) > MAX_MESSAGE:
        raise SmError("sm.not-der", problem="larger than 1 MiB")
    return der.read_sequence(data)


def _bad(error: SmError) -> PkiError:
    return PkiError("pki.bad-ocsp", problem=str(error.params.get("problem", error.code)))
