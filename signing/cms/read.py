"""Reading SignedData in both dialects and their mixtures, within limits."""

from __future__ import annotations

from collections.abc import Iterator

from signing.cms import oids
from signing.cms.ber import to_definite
from signing.cms.errors import CmsError
from signing.cms.model import Attributes, Dialect, SignedData, SignerInfo
from signing.pki import Certificate, PkiError
from signing.pki.oids import SM2_CURVE, SM2_SIGN, SM2_WITH_SM3
from signing.sm import SmError, der, read_signature

MAX_MESSAGE = 256 * 1024 * 1024
MAX_CERTIFICATES = 64
MAX_SIGNERS = 16
MAX_ATTRIBUTES = 64
_OTHER_DATA: dict[str, Dialect] = {oids.DATA: "rfc5652", oids.GM_DATA: "gbt35275"}
_SM2_ALGORITHMS = (SM2_WITH_SM3, SM2_SIGN, SM2_CURVE)
_QUIRKS = ("attribute-order", "signature-algorithm", "signature-form")
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
    held = der.read_one(wrapped.content) if wrapped else None
    content = held.content if held else None
    certificates = reader.optional(0xA0)
    crls = reader.optional(0xA1)
    signers = reader.take(der.SET).reader()
    reader.end()
    parsed, unread = _certificates(certificates)
    infos = tuple(_signer(element) for element in signers.rest(MAX_SIGNERS))
    quirks = [] if is_der else ["not-der"]
    if content_type in _OTHER_DATA and _OTHER_DATA[content_type] != dialect:
        quirks.append("mixed-dialects")
    if infos and not digests:
        quirks.append("no-digest-algorithms")
    if held is not None and held.tag != der.OCTET_STRING:
        quirks.append("bare-content")
    quirks += [quirk for quirk in _QUIRKS if any(quirk in _quirks(info, dialect) for info in infos)]
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
        signers=infos,
        tolerated=tuple(quirks),
    )


def _quirks(signer: SignerInfo, dialect: Dialect) -> Iterator[str]:
    """What one signer does that its dialect does not."""
    stored = signer.signed_attributes_der
    if stored is not None:
        ordered = der.set_of(element.raw for element in der.read_one(stored, der.SET).reader().rest())
        if ordered != stored:
            yield "attribute-order"
    if signer.signature_algorithm not in _SM2_ALGORITHMS:
        return
    if signer.signature_algorithm != (SM2_SIGN if dialect == "gbt35275" else SM2_WITH_SM3):
        yield "signature-algorithm"
    try:
        if read_signature(signer.signature)[1]:
            yield "signature-form"
    except SmError:
        return


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
