"""The signed attributes that bind a signature to its content, certificate and algorithms.

contentType, messageDigest, signingTime (RFC 5652 §11), signingCertificateV2 (RFC 5035), and
CMSAlgorithmProtection (RFC 6211, asked for by GM/T 0033-2023).
"""

from __future__ import annotations

from datetime import datetime

from signing.cms import oids
from signing.cms.model import SignerInfo
from signing.pki import Certificate, digest
from signing.pki.oids import SHA256
from signing.sm import der


def attribute(dotted: str, *values: bytes) -> bytes:
    """DER Attribute."""
    return der.sequence(der.oid(dotted), der.set_of(values))


def binding_attributes(
    content_type: str,
    content_digest: bytes,
    certificate: Certificate,
    digest_algorithm: str,
    digest_identifier: bytes,
    signature_identifier: bytes,
    signing_time: datetime | None,
) -> list[bytes]:
    """The DER attributes that every signature of ours with attributes carries."""
    found = [
        attribute(oids.CONTENT_TYPE, der.oid(content_type)),
        attribute(oids.MESSAGE_DIGEST, der.octet_string(content_digest)),
        attribute(oids.SIGNING_CERTIFICATE_V2, signing_certificate(certificate, digest_algorithm)),
        attribute(oids.ALGORITHM_PROTECTION, algorithm_protection(digest_identifier, signature_identifier)),
    ]
    if signing_time is not None:
        found.append(attribute(oids.SIGNING_TIME, der.time(signing_time)))
    return found


def signing_certificate(certificate: Certificate, digest_algorithm: str) -> bytes:
    """DER SigningCertificateV2 with the certificate's hash, issuer and serial."""
    identifier = b"" if digest_algorithm == SHA256 else der.sequence(der.oid(digest_algorithm))
    name = der.sequence(der.explicit(4, certificate.issuer_der))
    return der.sequence(
        der.sequence(
            der.sequence(
                identifier,
                der.octet_string(digest(digest_algorithm, certificate.der)),
                der.sequence(name, der.integer(certificate.serial)),
            )
        )
    )


def algorithm_protection(digest_identifier: bytes, signature_identifier: bytes) -> bytes:
    """DER CMSAlgorithmProtection of a signature."""
    inner = der.read_one(signature_identifier, der.SEQUENCE).content
    return der.sequence(digest_identifier, der.tlv(0xA1, inner))


def names_certificate(value: bytes, certificate: Certificate) -> bool:
    """Whether the first entry of a SigningCertificateV2 is exactly `certificate`.

    Raises:
        SmError: `sm.not-der`.
        PkiError: `pki.unsupported-algorithm`.
    """
    entry = der.read_sequence(value).take(der.SEQUENCE).reader().take(der.SEQUENCE).reader()
    identifier = entry.optional(der.SEQUENCE) if entry.peek() == der.SEQUENCE else None
    algorithm = identifier.reader().take(der.OID).dotted() if identifier else SHA256
    expected = entry.take(der.OCTET_STRING).content
    named = entry.optional(der.SEQUENCE)
    entry.end()
    if named is not None:
        reader = named.reader()
        issuer = der.read_one(reader.take(der.SEQUENCE).reader().take(0xA4).content, der.SEQUENCE).raw
        if issuer != certificate.issuer_der or reader.take(der.INTEGER).integer() != certificate.serial:
            return False
    return digest(algorithm, certificate.der) == expected


def protects_algorithms(value: bytes, signer: SignerInfo) -> bool:
    """Whether a CMSAlgorithmProtection names the algorithms that the SignerInfo uses.

    Absent and NULL parameters are the same here, as signers mix them.

    Raises:
        SmError: `sm.not-der`.
    """
    reader = der.read_sequence(value)
    digest_name = reader.take(der.SEQUENCE).reader().take(der.OID).dotted()
    signature_name = reader.take(0xA1).reader().take(der.OID).dotted()
    reader.end()
    return (digest_name, signature_name) == (signer.digest_algorithm, signer.signature_algorithm)
