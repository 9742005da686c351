"""DER (X.690): a small writer, a strict cursor, and a check that bytes are DER and nothing else.

Structures that are built or read byte-exactly use this; it keeps the stored bytes at hand, which
`asn1crypto` hides behind lazy objects. Tag numbers above 30 do not occur in anything we read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from signing.sm.errors import SmError

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
ENUMERATED, UTF8_STRING, PRINTABLE_STRING, IA5_STRING = 0x0A, 0x0C, 0x13, 0x16
UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = 0x17, 0x18, 0x30, 0x31

MAX_DEPTH = 40
MAX_ELEMENTS = 50_000


# Writing


def tlv(tag: int, content: bytes) -> bytes:
    """One element: identifier octet `tag`, minimal definite length, `content`."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE of encoded `parts`."""
    return tlv(SEQUENCE, b"".join(parts))


def set_of(parts: Iterable[bytes], tag: int = SET) -> bytes:
    """SET OF encoded `parts` in DER order (X.690 §11.6); `tag` for an implicit one."""
    return tlv(tag, b"".join(sorted(parts)))


def explicit(number: int, inner: bytes) -> bytes:
    """[number] EXPLICIT `inner`."""
    return tlv(0xA0 | number, inner)


def integer(value: int) -> bytes:
    """INTEGER, minimal two's complement."""
    magnitude = value if value >= 0 else ~value
    return tlv(INTEGER, value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True))


def boolean(value: bool) -> bytes:
    """BOOLEAN."""
    return tlv(BOOLEAN, b"\xff" if value else b"\x00")


def null() -> bytes:
    """NULL."""
    return b"\x05\x00"


def octet_string(value: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(OCTET_STRING, value)


def bit_string(value: bytes, unused: int = 0) -> bytes:
    """BIT STRING of whole octets, `unused` bits of the last one not counted."""
    return tlv(BIT_STRING, bytes((unused,)) + value)


def named_bits(bits: Iterable[int]) -> bytes:
    """BIT STRING of a named bit list: trailing zero bits dropped (X.690 §11.2.2)."""
    value = 0
    top = -1
    for bit in bits:
        value |= 1 << bit
        top = max(top, bit)
    if top < 0:
        return bit_string(b"")
    octets = bytearray(top // 8 + 1)
    for bit in range(top + 1):
        if value >> bit & 1:
            octets[bit // 8] |= 0x80 >> bit % 8
    return bit_string(bytes(octets), 7 - top % 8)


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from its dotted form; arcs may be large (`2.25.<UUID>`)."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return tlv(OID, b"".join(_arc(arc) for arc in (first * 40 + second, *rest)))


def _arc(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(0x80 | value & 0x7F)
    return bytes(reversed(octets))


def utf8_string(value: str) -> bytes:
    """UTF8String."""
    return tlv(UTF8_STRING, value.encode())


def generalized_time(moment: datetime) -> bytes:
    """GeneralizedTime in UTC; a fraction is written without trailing zeros (X.690 §11.7)."""
    moment = moment.astimezone(UTC)
    text = moment.strftime("%Y%m%d%H%M%S").rjust(14, "0")
    if moment.microsecond:
        text += f".{moment.microsecond:06d}".rstrip("0")
    return tlv(GENERALIZED_TIME, text.encode() + b"Z")


def time(moment: datetime) -> bytes:
    """Time of X.509 and CMS: UTCTime through 2049, GeneralizedTime after; whole seconds."""
    moment = moment.astimezone(UTC).replace(microsecond=0)
    if 1950 <= moment.year < 2050:
        return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return generalized_time(moment)


# Reading


@dataclass(frozen=True, slots=True)
class Element:
    """One element as stored: `raw` is all of it, `content` what follows its length."""

    tag: int
    raw: bytes
    content: bytes

    def reader(self) -> Reader:
        """A cursor over the content of a constructed element."""
        if not self.tag & 0x20:
            raise SmError("sm.not-der", problem="primitive where constructed is needed")
        return Reader(self.content)

    def integer(self) -> int:
        """The value of an INTEGER or ENUMERATED, which must be minimal."""
        body = self.content
        if not body or (
            len(body) > 1 and ((body[0] == 0 and body[1] < 0x80) or (body[0] == 0xFF and body[1] >= 0x80))
        ):
            raise SmError("sm.not-der", problem="integer is not minimal")
        return int.from_bytes(body, "big", signed=True)

    def boolean(self) -> bool:
        """The value of a BOOLEAN, FF or 00."""
        if self.content not in (b"\x00", b"\xff"):
            raise SmError("sm.not-der", problem="boolean is neither 00 nor FF")
        return self.content == b"\xff"

    def octets(self) -> bytes:
        """The octets of a BIT STRING without unused bits."""
        if not self.content or self.content[0]:
            raise SmError("sm.not-der", problem="bit string does not fill its octets")
        return self.content[1:]

    def dotted(self) -> str:
        """The dotted form of an OBJECT IDENTIFIER."""
        body = self.content
        if not body or body[-1] & 0x80 or len(body) > 64:
            raise SmError("sm.not-der", problem="object identifier")
        arcs: list[int] = []
        value = 0
        fresh = True
        for octet in body:
            if fresh and octet == 0x80:
                raise SmError("sm.not-der", problem="object identifier is not minimal")
            value = value << 7 | octet & 0x7F
            fresh = not octet & 0x80
            if fresh:
                arcs.append(value)
                value = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, (first, arcs[0] - first * 40, *arcs[1:])))

    def moment(self) -> datetime:
        """The time of a UTCTime or GeneralizedTime in UTC."""
        text = self.content.decode("ascii", "replace")
        try:
            if self.tag == UTC_TIME and len(text) == 13 and text[:12].isdigit() and text[12] == "Z":
                year = int(text[:2])
                return datetime.strptime(
                    f"{1900 + year if year >= 50 else 2000 + year}{text[2:]}+0000", "%Y%m%d%H%M%SZ%z"
                )
            whole, dot, fraction = text[:-1].partition(".")
            if (
                self.tag == GENERALIZED_TIME
                and text.endswith("Z")
                and len(whole) == 14
                and whole.isascii()
                and whole.isdigit()
                and (not dot or (fraction.isdigit() and fraction[-1] != "0" and len(fraction) <= 6))
            ):
                moment = datetime.strptime(f"{whole}+0000", "%Y%m%d%H%M%S%z")
                return moment.replace(microsecond=int(fraction.ljust(6, "0") or "0"))
        except ValueError:
            pass
        raise SmError("sm.not-der", problem="time")


class Reader:
    """A cursor over the elements of one constructed content. Every method raises only `SmError`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def peek(self) -> int:
        """The identifier octet of the next element, −1 at the end."""
        return self._data[self._at] if self else -1

    def take(self, tag: int | None = None) -> Element:
        """The next element, which must have the identifier octet `tag` when one is given."""
        element, end = _element(self._data, self._at)
        if tag is not None and element.tag != tag:
            raise SmError("sm.not-der", problem=f"tag {element.tag:02x} where {tag:02x} is needed")
        self._at = end
        return element

    def optional(self, tag: int) -> Element | None:
        """The next element when it has the identifier octet `tag`."""
        return self.take(tag) if self.peek() == tag else None

    def rest(self, limit: int = 1000) -> Iterator[Element]:
        """All elements that are left, at most `limit`."""
        for _ in range(limit):
            if not self:
                return
            yield self.take()
        if self:
            raise SmError("sm.not-der", problem="too many elements")

    def end(self) -> None:
        """Refuse anything left."""
        if self:
            raise SmError("sm.not-der", problem="bytes after the last element")


def read_one(data: bytes, tag: int | None = None) -> Element:
    """The single element that `data` holds, nothing after it.

    Raises:
        SmError: `sm.not-der`.
    """
    reader = Reader(data)
    element = reader.take(tag)
    reader.end()
    return element


def read_sequence(data: bytes) -> Reader:
    """A cursor over the one SEQUENCE that `data` holds."""
    return read_one(data, SEQUENCE).reader()


def _element(data: bytes, at: int) -> tuple[Element, int]:
    body, end = _header(data, at, len(data))
    return Element(data[at], data[at:end], data[body:end]), end


def _header(data: bytes, at: int, limit: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins and ends."""
    if limit - at < 2:
        raise SmError("sm.not-der", problem="cut short")
    if data[at] & 0x1F == 0x1F:
        raise SmError("sm.not-der", problem="tag number above 30")
    size = data[at + 1]
    body = at + 2
    if size >= 0x80:
        count = size & 0x7F
        length = data[body : body + count]
        if not 1 <= count <= 4 or len(length) < count:
            raise SmError("sm.not-der", problem="length form")
        size = int.from_bytes(length, "big")
        body += count
        if size < 0x80 or length[0] == 0:
            raise SmError("sm.not-der", problem="length is not minimal")
    if size > limit - body:
        raise SmError("sm.not-der", problem="cut short")
    return body, body + size


# Checking


def check_der(data: bytes) -> None:
    """Refuse bytes that are not exactly one DER element (X.690 §8, §10, §11 as far as no schema is needed).

    Checked: one element and nothing after it, minimal definite lengths, primitive forms of strings,
    minimal integers and object identifiers, booleans, times, zero padding bits, order of SET OF.
    At most `MAX_DEPTH` levels and `MAX_ELEMENTS` elements.

    Raises:
        SmError: `sm.not-der` with the first `problem`.
    """
    _, end = _header(data, 0, len(data))
    if end != len(data):
        raise SmError("sm.not-der", problem="bytes after the last element")
    pending = [(0, len(data), 0)]
    count = 0
    while pending:
        at, limit, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise SmError("sm.not-der", problem="nested too deep")
        while at < limit:
            body, end = _header(data, at, limit)
            count += 1
            if count > MAX_ELEMENTS:
                raise SmError("sm.not-der", problem="too many elements")
            tag = data[at]
            if tag & 0x20:
                if tag & 0xC0 == 0 and tag not in (SEQUENCE, SET):
                    raise SmError("sm.not-der", problem="constructed string")
                pending.append((body, end, depth + 1))
                if tag == SET:
                    _check_order(data[body:end])
            elif tag & 0xC0 == 0:
                _check_primitive(Element(tag, b"", data[body:end]))
            at = end


def _check_order(content: bytes) -> None:
    reader = Reader(content)
    items = [item.raw for item in reader.rest(MAX_ELEMENTS)]
    if items != sorted(items):
        raise SmError("sm.not-der", problem="set is not in order")


def _check_primitive(element: Element) -> None:
    match element.tag:
        case 0x02 | 0x0A:
            element.integer()
        case 0x01:
            element.boolean()
        case 0x03:
            _check_bits(element.content)
        case 0x05:
            if element.content:
                raise SmError("sm.not-der", problem="null is not empty")
        case 0x06:
            element.dotted()
        case 0x17 | 0x18:
            element.moment()
        case 0x10 | 0x11:
            raise SmError("sm.not-der", problem="primitive where constructed is needed")
        case 0x00:
            raise SmError("sm.not-der", problem="end-of-contents")


def _check_bits(content: bytes) -> None:
    unused = content[0] if content else 8
    if unused > 7 or (unused and len(content) == 1):
        raise SmError("sm.not-der", problem="bit string")
    if unused and content[-1] & (1 << unused) - 1:
        raise SmError("sm.not-der", problem="padding bits are not zero")
