"""Writing SignedData: RFC 5652 with attributes, GB/T 35275 without or with them; always DER."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from signing.cms import oids
from signing.cms.attributes import attribute, binding_attributes
from signing.cms.errors import CmsError
from signing.cms.model import Dialect
from signing.pki import Certificate, Signer, digest, public_key_from_spki
from signing.pki.algorithms import DIGEST_OF, SIGNATURE_IDENTIFIERS
from signing.pki.oids import SHA256, SM2_SIGN, SM3
from signing.sm import der

# SM3 stands without parameters, SHA-256 with NULL, as most signers of either world write them.
DIGEST_IDENTIFIERS = {SM3: der.sequence(der.oid(SM3)), SHA256: der.sequence(der.oid(SHA256), der.null())}
_GM_SIGNATURE = der.sequence(der.oid(SM2_SIGN))


def build_signed_data(
    content: bytes | None,
    *,
    signer: Signer,
    certificate: Certificate,
    chain: Iterable[Certificate] = (),
    dialect: Dialect = "rfc5652",
    detached: bool = False,
    attributes: bool | None = None,
    signed_attributes: Sequence[tuple[str, bytes]] = (),
    content_type: str | None = None,
    signing_time: datetime | None = None,
    timestamp: Callable[[bytes], bytes] | None = None,
    content_digest: bytes | None = None,
    embed_certificates: bool = True,
) -> bytes:
    """DER ContentInfo with SignedData by one signer.

    `certificate` and `chain` are exactly the certificates that are embedded, none when
    `embed_certificates` is False (a time stamp for which no certificate was asked). `attributes` None means
    with attributes for RFC 5652, without for GB/T 35275 unless `signing_time` or `signed_attributes`
    ((OID, DER value) pairs) ask for them. Without attributes SM2 signs the content itself.
    `content_digest` replaces `content` for a detached signature with attributes. `timestamp` is given
    the signature value and returns the token that becomes an unsigned attribute.

    Raises:
        CmsError: `cms.content-missing`, `cms.wrong-dialect` for GB/T 35275 without SM2,
            `cms.key-mismatch` when the certificate is not the signer's.
    """
    spec = SignerSpec(signer, certificate, signed_attributes, signing_time, timestamp, attributes)
    return build_multi_signed_data(
        content,
        [spec],
        chain=chain,
        dialect=dialect,
        detached=detached,
        content_type=content_type,
        content_digest=content_digest,
        embed_certificates=embed_certificates,
    )


@dataclass(frozen=True)
class SignerSpec:
    """One signer of a message to be made; the fields mean what they mean in `build_signed_data`."""

    signer: Signer
    certificate: Certificate
    signed_attributes: Sequence[tuple[str, bytes]] = ()
    signing_time: datetime | None = None
    timestamp: Callable[[bytes], bytes] | None = None
    attributes: bool | None = None


def build_multi_signed_data(
    content: bytes | None,
    signers: Sequence[SignerSpec],
    *,
    chain: Iterable[Certificate] = (),
    dialect: Dialect = "rfc5652",
    detached: bool = False,
    content_type: str | None = None,
    content_digest: bytes | None = None,
    embed_certificates: bool = True,
    crls: Iterable[bytes] = (),
) -> bytes:
    """DER ContentInfo with SignedData by several signers, beside each other; `crls` are DER lists to carry.

    Raises:
        CmsError: as `build_signed_data`; `cms.no-signer`.
    """
    if not signers:
        raise CmsError("cms.no-signer")
    kind = content_type or (oids.GM_DATA if dialect == "gbt35275" else oids.DATA)
    parts = [_signed_by(spec, content, kind, dialect, detached, content_digest) for spec in signers]
    own = [spec.certificate for spec in signers]
    return encode_signed_data(
        dialect,
        kind,
        None if detached else content,
        [*own, *chain] if embed_certificates else [],
        parts,
        crls,
    )


def _signed_by(
    spec: SignerSpec,
    content: bytes | None,
    kind: str,
    dialect: Dialect,
    detached: bool,
    content_digest: bytes | None,
) -> SignerParts:
    signer, certificate, attributes = spec.signer, spec.certificate, spec.attributes
    if signer.public_key_spki != certificate.spki_der and not _same_key(signer, certificate):
        raise CmsError("cms.key-mismatch", subject=certificate.common_name)
    if dialect == "gbt35275" and signer.algorithm != "sm2":
        raise CmsError("cms.wrong-dialect")
    if attributes is None:
        attributes = dialect == "rfc5652" or bool(spec.signed_attributes) or spec.signing_time is not None
    if content is None and (content_digest is None or not attributes or not detached):
        raise CmsError("cms.content-missing")
    algorithm = DIGEST_OF[signer.algorithm]
    digest_identifier = DIGEST_IDENTIFIERS[algorithm]
    signature_identifier = signature_identifier_of(signer.algorithm, dialect)
    signed: bytes | None = None
    if attributes:
        found = binding_attributes(
            kind,
            digest(algorithm, content) if content is not None else content_digest or b"",
            certificate,
            algorithm,
            digest_identifier,
            signature_identifier,
            spec.signing_time,
        )
        signed = der.set_of([*found, *(attribute(name, value) for name, value in spec.signed_attributes)])
    signature = signer.sign(signed if signed is not None else content or b"")
    stamp = spec.timestamp
    unsigned = (attribute(oids.TIME_STAMP_TOKEN, stamp(signature)),) if stamp else ()
    return SignerParts(certificate, digest_identifier, signature_identifier, signed, signature, unsigned)


def signature_identifier_of(algorithm: str, dialect: Dialect) -> bytes:
    """The AlgorithmIdentifier that we write for a signer's `algorithm` in `dialect`."""
    return _GM_SIGNATURE if dialect == "gbt35275" else SIGNATURE_IDENTIFIERS[algorithm]


@dataclass(frozen=True, slots=True)
class SignerParts:
    """What a SignerInfo is written from; `signed_attributes` is the DER SET OF under tag 31."""

    certificate: Certificate
    digest_identifier: bytes
    signature_identifier: bytes
    signed_attributes: bytes | None
    signature: bytes
    unsigned_attributes: tuple[bytes, ...]

    def encode(self) -> bytes:
        """DER SignerInfo, version 1."""
        signed = self.signed_attributes
        return der.sequence(
            der.integer(1),
            der.sequence(self.certificate.issuer_der, der.integer(self.certificate.serial)),
            self.digest_identifier,
            b"" if signed is None else b"\xa0" + signed[1:],
            self.signature_identifier,
            der.octet_string(self.signature),
            der.set_of(self.unsigned_attributes, 0xA1) if self.unsigned_attributes else b"",
        )


def encode_signed_data(
    dialect: Dialect,
    content_type: str,
    content: bytes | None,
    certificates: Iterable[Certificate],
    signers: Iterable[SignerParts],
    crls: Iterable[bytes] = (),
) -> bytes:
    """The one DER form that we write; what is read back strictly must equal it byte for byte."""
    parts = list(signers)
    wrapped = b"" if content is None else der.explicit(0, der.octet_string(content))
    embedded = {certificate.der for certificate in certificates}
    lists = set(crls)
    version = 1 if dialect == "gbt35275" or content_type == oids.DATA else 3
    signed_data = der.sequence(
        der.integer(version),
        der.set_of({part.digest_identifier for part in parts}),
        der.sequence(der.oid(content_type), wrapped),
        der.set_of(embedded, 0xA0) if embedded else b"",
        der.set_of(lists, 0xA1) if lists else b"",
        der.set_of(part.encode() for part in parts),
    )
    outer = oids.GM_SIGNED_DATA if dialect == "gbt35275" else oids.SIGNED_DATA
    return der.sequence(der.oid(outer), der.explicit(0, signed_data))


def _same_key(signer: Signer, certificate: Certificate) -> bool:
    """The same SM2 point under another algorithm identifier is the same key."""
    return public_key_from_spki(signer.public_key_spki) == certificate.public_key
