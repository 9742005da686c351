"""SignedData as values (RFC 5652 §5, GB/T 35275 §8), keeping the stored bytes of all that is signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from signing.pki import Certificate

Dialect = Literal["rfc5652", "gbt35275"]
Attributes = Mapping[str, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """One signer.

    The signer is named by `issuer_der` and `serial`, or by `subject_key_id`. Attributes map an OID to the
    DER of each value. `signed_attributes_der` is the stored SET OF under its universal tag 31 (what is
    digested), None when the content is signed directly. `*_identifier` are stored AlgorithmIdentifiers.
    """

    version: int
    issuer_der: bytes
    serial: int
    subject_key_id: bytes
    digest_algorithm: str
    digest_identifier: bytes
    signature_algorithm: str
    signature_identifier: bytes
    signed_attributes_der: bytes | None
    signed_attributes: Attributes
    signature: bytes
    unsigned_attributes: Attributes

    def names(self, certificate: Certificate) -> bool:
        """Whether this is the signer that the message names."""
        if self.subject_key_id:
            return certificate.subject_key_id == self.subject_key_id
        return certificate.serial == self.serial and certificate.issuer_der == self.issuer_der


@dataclass(frozen=True, slots=True)
class SignedData:
    """One message. `der` is what was parsed, in DER; `content` None when detached.

    `is_der` is False when the stored bytes were BER and had to be converted. `certificates` holds those
    that can be parsed, in stored order; `unread_certificates` counts the others. `tolerated` names what is
    not as either dialect writes it: `not-der`, `mixed-dialects`, `no-digest-algorithms`,
    `bare-content`, `attribute-order`, `signature-algorithm`, `signature-form`.
    """

    der: bytes
    is_der: bool
    dialect: Dialect
    version: int
    digest_algorithms: tuple[str, ...]
    content_type: str
    content: bytes | None
    certificates: tuple[Certificate, ...]
    unread_certificates: int
    crls: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]
    tolerated: tuple[str, ...] = ()
