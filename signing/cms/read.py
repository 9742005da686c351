"""Reading SignedData in both dialects and their mixtures, within limits."""

from __future__ import annotations

from signing.cms import oids
from signing.cms.ber import to_definite
from signing.cms.errors import CmsError
from signing.cms.model import Attributes, Dialect, SignedData, SignerInfo
from signing.pki import Certificate, PkiError
from signing.sm import SmError, der

MAX_MESSAGE = 256 * 1024 * 1024
MAX_CERTIFICATES = 64
MAX_SIGNERS = 16
MAX_ATTRIBUTES = 64
_DIALECTS: dict[str, Dialect] = {oids.SIGNED_DATA: "rfc5652", oids.GM_SIGNED_DATA: "gbt35275"}


def parse_signed_data(data: bytes) -> SignedData:
    """Parse one ContentInfo with SignedData, DER or BER, attached or detached; zero padding is refused.

    At most 256 MiB, 64 certificates, 16 signers, 64 attributes each.

    Raises:
        CmsError: `cms.too-large`, `cms.not-signed-data`, `cms.malformed`, `cms.attribute-twice`.
    """
    if len(data) > MAX_MESSAGE:
        raise CmsError("cms.too-large", limit=MAX_MESSAGE)
    try:
        try:
            return _content_info(data, is_der=True)
        except SmError:
            converted = to_definite(data)
            if converted == data:
                raise
            return _content_info(converted, is_der=False)
    except SmError as error:
        raise CmsError("cms.malformed", problem=str(error.params.get("problem", error.code))) from None


def _content_info(data: bytes, *, is_der: bool) -> SignedData:
    outer = der.read_sequence(data)
    dialect = _DIALECTS.get(outer.take(der.OID).dotted())
    if dialect is None:
        raise CmsError("cms.not-signed-data")
    reader = der.read_sequence(outer.take(0xA0).content)
    outer.end()

    version = reader.take(der.INTEGER).integer()
    digests = tuple(
        identifier.reader().take(der.OID).dotted()
        for identifier in reader.take(der.SET).reader().rest(MAX_SIGNERS)
    )
    encapsulated = reader.take(der.SEQUENCE).reader()
    content_type = encapsulated.take(der.OID).dotted()
    wrapped = encapsulated.optional(0xA0)
    encapsulated.end()
    content = der.read_one(wrapped.content).content if wrapped else None
    certificates = reader.optional(0xA0)
    crls = reader.optional(0xA1)
    signers = reader.take(der.SET).reader()
    reader.end()
    parsed, unread = _certificates(certificates)
    return SignedData(
        der=data,
        is_der=is_der,
        dialect=dialect,
        version=version,
        digest_algorithms=digests,
        content_type=content_type,
        content=content,
        certificates=parsed,
        unread_certificates=unread,
        crls=tuple(crl.raw for crl in crls.reader().rest(MAX_CERTIFICATES)) if crls else (),
        signers=tuple(_signer(element) for element in signers.rest(MAX_SIGNERS)),
    )


def _certificates(field: der.Element | None) -> tuple[tuple[Certificate, ...], int]:
    parsed: list[Certificate] = []
    unread = 0
    for element in field.reader().rest(MAX_CERTIFICATES) if field else ():
        try:
            parsed.append(Certificate.from_der(element.raw))
        except PkiError:
            unread += 1
    return tuple(parsed), unread


def _signer(element: der.Element) -> SignerInfo:
    reader = element.reader()
    version = reader.take(der.INTEGER).integer()
    issuer, serial, key_id = b"", 0, b""
    if reader.peek() == 0x80:
        key_id = reader.take().content
    else:
        named = reader.take(der.SEQUENCE).reader()
        issuer, serial = named.take(der.SEQUENCE).raw, named.take(der.INTEGER).integer()
        named.end()
    digest = reader.take(der.SEQUENCE)
    signed = reader.optional(0xA0)
    algorithm = reader.take(der.SEQUENCE)
    signature = reader.take(der.OCTET_STRING).content
    unsigned = reader.optional(0xA1)
    reader.end()
    return SignerInfo(
        version=version,
        issuer_der=issuer,
        serial=serial,
        subject_key_id=key_id,
        digest_algorithm=digest.reader().take(der.OID).dotted(),
        digest_identifier=digest.raw,
        signature_algorithm=algorithm.reader().take(der.OID).dotted(),
        signature_identifier=algorithm.raw,
        signed_attributes_der=der.tlv(der.SET, signed.content) if signed else None,
        signed_attributes=_attributes(signed),
        signature=signature,
        unsigned_attributes=_attributes(unsigned),
    )


def _attributes(field: der.Element | None) -> Attributes:
    found: dict[str, tuple[bytes, ...]] = {}
    for element in field.reader().rest(MAX_ATTRIBUTES) if field else ():
        reader = element.reader()
        dotted = reader.take(der.OID).dotted()
        values = tuple(value.raw for value in reader.take(der.SET).reader().rest(MAX_ATTRIBUTES))
        reader.end()
        if dotted in found:
            raise CmsError("cms.attribute-twice", attribute=dotted)
        found[dotted] = values
    return found
