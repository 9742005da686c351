"""What a seal and a seal signature say, whichever of the three layouts they were written in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Layout = Literal["v1", "v4", "v5"]
"""`v1` GM/T 0031-2014, `v4` GB/T 38540-2020, `v5` GM/T 0031-2025."""

SM2_WITH_SM3 = "1.2.156.10197.1.501"
SM3 = "1.2.156.10197.1.401"
GBT35275_SIGNED_DATA = "1.2.156.10197.6.1.4.2.2"

CHAIN_OID = "2.25.129284668239818781965736709602165436926"
"""Extension of the bytes to be signed: the issuing certificates, SEQUENCE OF OCTET STRING (DER)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A seal's picture: `type` as written (`ofd`, `png`, `PNG`, `gif`, …), size in millimetres."""

    type: str
    data: bytes
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class Extension:
    """One ExtData: an OID in dotted form, and its value's octets."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class Seal:
    """A SESeal as read.

    `certificates` are the signers' certificates (DER) that may use it, or `digests` stand for them
    (`(algorithm, digest)`, v4 certListType 2). `signed_bytes` are the stored bytes that `signature` covers;
    `der` is the whole seal as stored. `remarks` are message codes of what was tolerated.
    """

    layout: Layout
    version: int
    vendor_id: str
    esid: str
    kind: int
    name: str
    certificates: tuple[bytes, ...]
    digests: tuple[tuple[str, bytes], ...]
    created: datetime
    valid_from: datetime
    valid_to: datetime
    picture: Picture
    extensions: tuple[Extension, ...]
    maker_certificate: bytes
    algorithm: str
    signature: bytes
    time_stamp: bytes | None
    signed_bytes: bytes
    der: bytes
    remarks: tuple[str, ...]

    def extension(self, oid: str) -> bytes | None:
        """The value of the extension `oid`, or None."""
        return next((e.value for e in self.extensions if e.oid == oid), None)


@dataclass(frozen=True, slots=True)
class SealSignature:
    """A SES_Signature as read.

    `signed_at` is the claimed time (UTC), None where it cannot be read as one. `signed_bytes` is the stored
    toSign that `signature` covers; `time_stamp` an RFC 3161 token over `signature`.
    """

    layout: Layout
    version: int
    seal: Seal
    signed_at: datetime | None
    data_hash: bytes
    property_info: str
    certificate: bytes
    algorithm: str
    signature: bytes
    extensions: tuple[Extension, ...]
    time_stamp: bytes | None
    signed_bytes: bytes
    der: bytes
    remarks: tuple[str, ...]

    def extension(self, oid: str) -> bytes | None:
        """The value of the extension `oid`, or None."""
        return next((e.value for e in self.extensions if e.oid == oid), None)
