"""Reads BER/DER leniently but by exact byte ranges: real seals are not always DER, and what was signed is the
bytes as stored. Writing, and the strict check of what we wrote, are `signing.sm.der`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from signing.seal.errors import SealError
from signing.sm import SmError, check_der
from signing.sm.der import BIT_STRING, INTEGER, OCTET_STRING, OID, SEQUENCE, tlv

__all__ = [
    "BIT_STRING",
    "CONTEXT_0",
    "INTEGER",
    "OCTET_STRING",
    "OID",
    "SEQUENCE",
    "Element",
    "is_der",
    "single",
    "tlv",
]

CONTEXT_0 = 0xA0
MAX_SIZE = 16 * 1024 * 1024
MAX_ELEMENTS = 20_000


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its identifier octet, all its stored bytes, and what follows its length."""

    tag: int
    der: bytes
    content: bytes

    def children(self) -> list[Element]:
        """The elements inside a constructed one.

        Raises:
            SealError: `seal.malformed`.
        """
        return list(_elements(self.content))


def single(data: bytes) -> Element:
    """The one element that `data` is.

    Raises:
        SealError: `seal.malformed`, `seal.too-large`.
    """
    if len(data) > MAX_SIZE:
        raise SealError("seal.too-large", limit=MAX_SIZE // (1024 * 1024))
    element = _read(data, 0)
    if len(element.der) != len(data):
        raise SealError("seal.malformed", detail="bytes after the end")
    return element


def is_der(data: bytes) -> bool:
    """Whether `data` is one element in the distinguished encoding (X.690 clause 10)."""
    try:
        check_der(data)
    except SmError:
        return False
    return True


def _elements(data: bytes) -> Iterator[Element]:
    position = count = 0
    while position < len(data):
        element = _read(data, position)
        position += len(element.der)
        count += 1
        if count > MAX_ELEMENTS:
            raise SealError("seal.malformed", detail="too many elements")
        yield element


def _read(data: bytes, start: int) -> Element:
    if start + 2 > len(data):
        raise SealError("seal.malformed", detail="cut short")
    tag, length = data[start], data[start + 1]
    body = start + 2
    if tag & 0x1F == 0x1F:
        raise SealError("seal.malformed", detail="long tag")
    if length == 0x80 or length > 0x84:
        raise SealError("seal.malformed", detail="indefinite or oversized length")
    if length > 0x80:
        octets = length & 0x7F
        length = int.from_bytes(data[body : body + octets], "big")
        body += octets
    end = body + length
    if end > len(data):
        raise SealError("seal.malformed", detail="cut short")
    return Element(tag, data[start:end], data[body:end])
