"""Reads seals and seal signatures by the shape of their ASN.1, in three layouts, from untrusted bytes.

The version INTEGER is not believed: documents exist that say 4 and are laid out as 1. Every byte range that a
signature covers is kept as stored.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from asn1crypto import core

from signing.seal.der import (
    BIT_STRING,
    CONTEXT_0,
    INTEGER,
    OCTET_STRING,
    OID,
    SEQUENCE,
    Element,
    is_der,
    single,
    tlv,
)
from signing.seal.errors import SealError
from signing.seal.model import Extension, Layout, Picture, Seal, SealSignature

_UTC_TIME = 0x17
_GENERALIZED_TIME = 0x18
_TEXT_TAGS = {0x0C: "utf-8", 0x16: "ascii", 0x13: "ascii", 0x14: "latin-1", 0x1E: "utf-16-be"}
_MAX_LIST = 64
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?Z?")


def parse_seal(der: bytes) -> Seal:
    """Read a SESeal (v1: 2 fields, v4: 4, v5: 4 with header version 5, or 5).

    Raises:
        SealError: `seal.malformed`, `seal.unknown-layout`, `seal.too-large`.
    """
    return _seal(_sequence(single(der)))


def parse_seal_signature(der: bytes) -> SealSignature:
    """Read a SES_Signature (v1: 2 fields, v4 and v5: 4 or 5).

    Raises:
        SealError: `seal.malformed`, `seal.unknown-layout`, `seal.too-large`.
    """
    root = _sequence(single(der))
    fields = root.children()
    remarks = [] if is_der(der) else ["seal.remark-not-der"]
    if len(fields) == 2:
        return _signature_v1(root, fields, remarks)
    if len(fields) in (4, 5):
        return _signature_v4(root, fields, remarks)
    raise SealError("seal.unknown-layout", fields=len(fields))


def looks_like_seal_signature(der: bytes) -> bool:
    """Whether `der` has the outer shape of a SES_Signature: 2, 4 or 5 fields, the first of 5 or more."""
    try:
        fields = _sequence(single(der)).children()
        return len(fields) in (2, 4, 5) and fields[0].tag == SEQUENCE and len(fields[0].children()) >= 5
    except SealError:
        return False


def _signature_v1(root: Element, fields: list[Element], remarks: list[str]) -> SealSignature:
    signed, value = fields
    parts = _sequence(signed).children()
    if len(parts) != 7:
        raise SealError("seal.unknown-layout", fields=len(parts))
    seal = _seal(_sequence(parts[1]))
    signed_at = _bit_string_time(_bits(parts[2], remarks))
    return SealSignature(
        layout="v1",
        version=_integer(parts[0]),
        seal=seal,
        signed_at=signed_at,
        data_hash=_bits(parts[3], remarks),
        property_info=_text(parts[4]),
        certificate=_octets(parts[5]),
        algorithm=_oid(parts[6]),
        signature=_bits(value, remarks),
        extensions=(),
        time_stamp=None,
        signed_bytes=signed.der,
        der=root.der,
        remarks=tuple(dict.fromkeys((*remarks, *seal.remarks))),
    )


def _signature_v4(root: Element, fields: list[Element], remarks: list[str]) -> SealSignature:
    signed, certificate, algorithm, value = fields[:4]
    parts = _sequence(signed).children()
    if len(parts) not in (5, 6):
        raise SealError("seal.unknown-layout", fields=len(parts))
    seal = _seal(_sequence(parts[1]))
    return SealSignature(
        layout="v5" if seal.layout == "v5" else "v4",
        version=_integer(parts[0]),
        seal=seal,
        signed_at=_time(parts[2]),
        data_hash=_bits(parts[3], remarks),
        property_info=_text(parts[4]),
        certificate=_octets(certificate),
        algorithm=_oid(algorithm),
        signature=_bits(value, remarks),
        extensions=_extensions(_tagged(parts[5])) if len(parts) == 6 else (),
        time_stamp=_bits(_tagged(fields[4]), remarks) if len(fields) == 5 else None,
        signed_bytes=signed.der,
        der=root.der,
        remarks=tuple(dict.fromkeys((*remarks, *seal.remarks))),
    )


def _seal(root: Element) -> Seal:
    fields = root.children()
    if len(fields) not in (2, 4, 5):
        raise SealError("seal.unknown-layout", fields=len(fields))
    remarks = [] if is_der(root.der) else ["seal.remark-not-der"]
    info = _sequence(fields[0])
    parts = info.children()
    if len(parts) not in (4, 5):
        raise SealError("seal.unknown-layout", fields=len(parts))
    head = _sequence(parts[0]).children()
    if len(head) != 3 or _text(head[0]) != "ES":
        raise SealError("seal.malformed", detail="header")
    version = _integer(head[1])
    layout: Layout
    time_stamp = None
    if len(fields) == 2:
        layout = "v1"
        sign_info = _sequence(fields[1]).children()
        if len(sign_info) != 3:
            raise SealError("seal.unknown-layout", fields=len(sign_info))
        maker, algorithm, value = sign_info
        signed_bytes = tlv(SEQUENCE, info.der + maker.der + algorithm.der)
    else:
        layout = "v5" if len(fields) == 5 or version == 5 else "v4"
        maker, algorithm, value = fields[1:4]
        signed_bytes = info.der
        if len(fields) == 5:
            time_stamp = _bits(_tagged(fields[4]), remarks)
    kind, name, certificates, digests, times = _property(_sequence(parts[2]), layout, remarks)
    picture = _sequence(parts[3]).children()
    if len(picture) != 4:
        raise SealError("seal.malformed", detail="picture")
    return Seal(
        layout=layout,
        version=version,
        vendor_id=_text(head[2]),
        esid=_text(parts[1]),
        kind=kind,
        name=name,
        certificates=certificates,
        digests=digests,
        created=times[0],
        valid_from=times[1],
        valid_to=times[2],
        picture=Picture(_text(picture[0]), _octets(picture[1]), _integer(picture[2]), _integer(picture[3])),
        extensions=_extensions(parts[4]) if len(parts) == 5 else (),
        maker_certificate=_octets(maker),
        algorithm=_oid(algorithm),
        signature=_bits(value, remarks),
        time_stamp=time_stamp,
        signed_bytes=signed_bytes,
        der=root.der,
        remarks=tuple(dict.fromkeys(remarks)),
    )


_Property = tuple[
    int, str, tuple[bytes, ...], tuple[tuple[str, bytes], ...], tuple[datetime, datetime, datetime]
]


def _property(root: Element, layout: Layout, remarks: list[str]) -> _Property:
    parts = root.children()
    if len(parts) != (6 if layout == "v1" else 7):
        raise SealError("seal.unknown-layout", fields=len(parts))
    list_kind = 1 if layout == "v1" else _integer(parts[2])
    entries = _sequence(parts[2 if layout == "v1" else 3]).children()
    if len(entries) > _MAX_LIST:
        raise SealError("seal.malformed", detail="certificate list")
    certificates: list[bytes] = []
    digests: list[tuple[str, bytes]] = []
    for entry in entries:
        if list_kind == 2:
            pair = _sequence(entry).children()
            if len(pair) != 2:
                raise SealError("seal.malformed", detail="certificate digest")
            digests.append((_text(pair[0]), _octets(pair[1])))
        elif entry.tag == OCTET_STRING:
            certificates.append(entry.content)
        else:
            remarks.append("seal.remark-certificate-list")
    times = tuple(_time(part) for part in parts[-3:])
    return (
        _integer(parts[0]),
        _text(parts[1]),
        tuple(certificates),
        tuple(digests),
        (times[0], times[1], times[2]),
    )


def _extensions(root: Element) -> tuple[Extension, ...]:
    found: list[Extension] = []
    for item in _sequence(root).children():
        parts = _sequence(item).children()
        if len(parts) not in (2, 3) or len(found) >= _MAX_LIST:
            raise SealError("seal.malformed", detail="extension")
        critical = len(parts) == 3 and parts[1].content != b"\0"
        found.append(Extension(_oid(parts[0]), critical, _octets(parts[-1])))
    return tuple(found)


def _sequence(element: Element) -> Element:
    return _expect(element, SEQUENCE)


def _tagged(element: Element) -> Element:
    inner = _expect(element, CONTEXT_0).children()
    if len(inner) != 1:
        raise SealError("seal.malformed", detail="tagged field")
    return inner[0]


def _expect(element: Element, tag: int) -> Element:
    if element.tag != tag:
        raise SealError("seal.malformed", detail=f"tag {element.tag:#04x} where {tag:#04x} is due")
    return element


def _octets(element: Element) -> bytes:
    return _expect(element, OCTET_STRING).content


def _bits(element: Element, remarks: list[str]) -> bytes:
    content = _expect(element, BIT_STRING).content
    if not content or content[0] > 7:
        raise SealError("seal.malformed", detail="bit string")
    if content[0]:
        remarks.append("seal.remark-unused-bits")
    return content[1:]


def _integer(element: Element) -> int:
    content = _expect(element, INTEGER).content
    if not 1 <= len(content) <= 8:
        raise SealError("seal.malformed", detail="integer")
    return int.from_bytes(content, "big", signed=True)


def _text(element: Element) -> str:
    encoding = _TEXT_TAGS.get(element.tag)
    if encoding is None or len(element.content) > 65_536:
        raise SealError("seal.malformed", detail="string")
    for attempt in (encoding, "utf-8", "gb18030"):
        try:
            return element.content.decode(attempt)
        except UnicodeDecodeError:
            continue
    raise SealError("seal.malformed", detail="string")


def _oid(element: Element) -> str:
    _expect(element, OID)
    if not 1 <= len(element.content) <= 64 or element.content[-1] & 0x80:
        raise SealError("seal.malformed", detail="object identifier")
    dotted: str = core.ObjectIdentifier.load(element.der).dotted
    return dotted


def _time(element: Element) -> datetime:
    if element.tag not in (_UTC_TIME, _GENERALIZED_TIME):
        raise SealError("seal.malformed", detail="time")
    kind = core.UTCTime if element.tag == _UTC_TIME else core.GeneralizedTime
    try:
        value = kind.load(element.der).native
    except (ValueError, TypeError, OverflowError) as error:
        raise SealError("seal.malformed", detail="time") from error
    if not isinstance(value, datetime):
        raise SealError("seal.malformed", detail="time")
    try:
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise SealError("seal.malformed", detail="time") from error


def _bit_string_time(value: bytes) -> datetime | None:
    """v1 writes its time into a BIT STRING without saying how; ISO 8601 and ASN.1 forms are seen."""
    if value[:1] in (b"\x17", b"\x18"):
        try:
            return _time(single(value))
        except SealError:
            return None
    text = value.decode("ascii", "replace").strip("\0 ")
    try:
        if match := _ISO.fullmatch(text):
            year, month, day, hour, minute, second = (int(group) for group in match.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        if re.fullmatch(r"\d{14}Z", text):
            return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return None
