"""Distinguished names (RFC 5280 §4.1.2.4): written from pairs, read to text, compared."""

from __future__ import annotations

import re
from collections.abc import Sequence

from signing.pki.errors import PkiError
from signing.sm import SmError, der

SHORT_NAMES = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "SERIALNUMBER": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "T": "2.5.4.12",
    "GIVENNAME": "2.5.4.42",
    "DNQ": "2.5.4.46",
    "DC": "0.9.2342.19200300.100.1.25",
    "UID": "0.9.2342.19200300.100.1.1",
    "E": "1.2.840.113549.1.9.1",
}
_LONG = {dotted: short for short, dotted in SHORT_NAMES.items()}
_PRINTABLE_TYPES = frozenset({"2.5.4.5", "2.5.4.6", "2.5.4.46"})
_IA5_TYPES = frozenset({SHORT_NAMES["DC"], SHORT_NAMES["E"]})
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")
_ENCODINGS = {0x0C: "utf-8", 0x12: "ascii", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1A: "ascii"}
_WIDE = {0x1E: "utf-16-be", 0x1C: "utf-32-be"}
MAX_ATTRIBUTES = 64
MAX_VALUE = 1024

Attributes = Sequence[tuple[str, str]]


def build_name(attributes: Attributes) -> bytes:
    """DER Name, one attribute an RDN, in the given order. Types are short names (`CN`) or dotted OIDs.

    Raises:
        PkiError: `pki.bad-name` for an unknown type, an empty or over-long value, or a wrong alphabet.
    """
    if not attributes:
        raise PkiError("pki.bad-name", attribute="")
    return der.sequence(*(der.set_of([_attribute(kind, value)]) for kind, value in attributes))


def _attribute(kind: str, value: str) -> bytes:
    dotted = SHORT_NAMES.get(kind.upper(), kind)
    if not re.fullmatch(r"[0-2](\.\d{1,39})+", dotted) or not 0 < len(value) <= MAX_VALUE:
        raise PkiError("pki.bad-name", attribute=kind)
    if dotted in _PRINTABLE_TYPES:
        if not _PRINTABLE.fullmatch(value):
            raise PkiError("pki.bad-name", attribute=kind)
        encoded = der.tlv(der.PRINTABLE_STRING, value.encode("ascii"))
    elif dotted in _IA5_TYPES:
        if not value.isascii():
            raise PkiError("pki.bad-name", attribute=kind)
        encoded = der.tlv(der.IA5_STRING, value.encode("ascii"))
    else:
        try:
            encoded = der.utf8_string(value)
        except UnicodeEncodeError:
            raise PkiError("pki.bad-name", attribute=kind) from None
    return der.sequence(der.oid(dotted), encoded)


def read_name(name: bytes) -> tuple[tuple[str, str], ...]:
    """The (type, value) pairs of a DER Name in stored order; an unknown type stays a dotted OID.

    Raises:
        SmError: `sm.not-der`.
    """
    pairs: list[tuple[str, str]] = []
    for relative in der.read_sequence(name).rest(MAX_ATTRIBUTES):
        if relative.tag != der.SET:
            raise SmError("sm.not-der", problem="name")
        for attribute in relative.reader().rest(MAX_ATTRIBUTES):
            reader = attribute.reader()
            dotted = reader.take(der.OID).dotted()
            pairs.append((_LONG.get(dotted, dotted), _text(reader.take())))
            reader.end()
    return tuple(pairs)


def name_text(pairs: Attributes) -> str:
    """One line, most specific first, after RFC 4514: `CN=张三,O=测试医院,C=CN`."""
    return ",".join(f"{kind}={_escape(value)}" for kind, value in reversed(pairs))


def name_key(pairs: Attributes) -> tuple[tuple[str, str], ...]:
    """What two equal names share (RFC 5280 §7.1): not case, runs of blanks or string types."""
    return tuple((kind, " ".join(value.casefold().split())) for kind, value in pairs)


def _text(element: der.Element) -> str:
    encoding = _ENCODINGS.get(element.tag) or _WIDE.get(element.tag)
    if encoding is None:
        return "#" + element.raw.hex()
    return element.content.decode(encoding, "replace")


def _escape(value: str) -> str:
    escaped = re.sub(r'([,+"\\<>;=])', r"\\\1", value)
    escaped = re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\{ord(found[0]):02X}", escaped)
    if escaped.startswith((" ", "#")):
        escaped = "\\" + escaped
    return escaped[:-1] + "\\ " if escaped.endswith(" ") and not escaped.endswith("\\ ") else escaped
