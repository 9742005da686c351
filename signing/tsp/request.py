"""TimeStampReq (RFC 3161 §2.4.1; GM/T 0033 §7.1 with SM3)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from signing.pki import PkiError
from signing.pki.algorithms import HASHES, require_hash
from signing.pki.oids import SHA256, SHA384, SHA512, SM3
from signing.sm import SmError, der
from signing.tsp.errors import TspError

ALGORITHMS = {"sm3": SM3, "sha256": SHA256, "sha384": SHA384, "sha512": SHA512}
MAX_REQUEST = 16 * 1024
MAX_NONCE_BITS = 512
_NULL_AFTER_HASH = frozenset({SHA256, SHA384, SHA512})


@dataclass(frozen=True, slots=True)
class TimeStampRequest:
    """A parsed request. `digest_algorithm` is an OID, `policy` a dotted OID or empty."""

    imprint_der: bytes
    digest_algorithm: str
    digest: bytes
    policy: str
    nonce: int | None
    wants_certificate: bool
    has_extensions: bool


def build_request(
    digest: bytes,
    algorithm: str = "sm3",
    *,
    nonce: int | None = None,
    policy: str = "",
    certificate: bool = True,
) -> bytes:
    """DER TimeStampReq for `digest`; `algorithm` is sm3, sha256, sha384 or sha512.

    Raises:
        TspError: `tsp.bad-digest`.
    """
    return der.sequence(
        der.integer(1),
        message_imprint(digest, ALGORITHMS.get(algorithm, algorithm)),
        der.oid(policy) if policy else b"",
        b"" if nonce is None else der.integer(nonce),
        der.boolean(True) if certificate else b"",
    )


def new_nonce() -> int:
    """A 64-bit nonce from the system's generator."""
    return secrets.randbits(64)


def message_imprint(digest: bytes, algorithm: str) -> bytes:
    """DER MessageImprint; `algorithm` is an OID.

    Raises:
        TspError: `tsp.bad-digest` when the hash is not accepted or the length is not its length.
    """
    if algorithm not in HASHES or len(digest) != HASHES[algorithm].digest_size:
        raise TspError("tsp.bad-digest")
    parameters = der.null() if algorithm in _NULL_AFTER_HASH else b""
    return der.sequence(der.sequence(der.oid(algorithm), parameters), der.octet_string(digest))


def parse_imprint(imprint: der.Element) -> tuple[str, bytes]:
    """(hash OID, digest) of a MessageImprint.

    Raises:
        SmError: `sm.not-der`.
        TspError: `tsp.bad-digest`.
    """
    reader = imprint.reader()
    identifier = reader.take(der.SEQUENCE).reader()
    algorithm = identifier.take(der.OID).dotted()
    if identifier:
        identifier.take(der.NULL)
    digest = reader.take(der.OCTET_STRING).content
    reader.end()
    try:
        if len(digest) != HASHES[require_hash(algorithm)].digest_size:
            raise TspError("tsp.bad-digest")
    except PkiError:
        raise TspError("tsp.bad-digest") from None
    return algorithm, digest


def parse_request(data: bytes) -> TimeStampRequest:
    """Parse a DER TimeStampReq of at most 16 KiB.

    Raises:
        TspError: `tsp.bad-request`, or `tsp.bad-digest` for a hash that is not accepted.
    """
    if len(data) > MAX_REQUEST:
        raise TspError("tsp.bad-request", problem="larger than 16 KiB")
    try:
        reader = der.read_sequence(data)
        if reader.take(der.INTEGER).integer() != 1:
            raise TspError("tsp.bad-request", problem="version")
        imprint = reader.take(der.SEQUENCE)
        policy = reader.optional(der.OID)
        nonce = reader.optional(der.INTEGER)
        wants = reader.optional(der.BOOLEAN)
        extensions = reader.optional(0xA0)
        reader.end()
        value = nonce.integer() if nonce else None
        if value is not None and value.bit_length() > MAX_NONCE_BITS:
            raise TspError("tsp.bad-request", problem="nonce")
        algorithm, digest = parse_imprint(imprint)
        return TimeStampRequest(
            imprint_der=imprint.raw,
            digest_algorithm=algorithm,
            digest=digest,
            policy=policy.dotted() if policy else "",
            nonce=value,
            wants_certificate=bool(wants and wants.boolean()),
            has_extensions=extensions is not None,
        )
    except SmError as error:
        problem = str(error.params.get("problem", error.code))
        raise TspError("tsp.bad-request", problem=problem) from None
