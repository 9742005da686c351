"""BER to DER as far as old signers need it: indefinite lengths, long lengths, strings in pieces."""

from __future__ import annotations

from signing.sm import der
from signing.sm.errors import SmError

MAX_DEPTH = 32
MAX_ELEMENTS = 20_000


def to_definite(data: bytes) -> bytes:
    """The same elements with minimal definite lengths and OCTET STRINGs in one piece.

    Values are not changed, so that what was signed stays as it was.

    Raises:
        SmError: `sm.not-der` when the bytes are not BER, nest deeper than 32 or hold over 20,000 elements.
    """
    converter = _Converter(data)
    encoded, end = converter.element(0, len(data), 0)
    if end != len(data):
        raise SmError("sm.not-der", problem="bytes after the last element")
    return encoded


def first_element(data: bytes) -> bytes:
    """The one BER or DER element that `data` begins with, without the padding after it (PDF /Contents).

    Raises:
        SmError: `sm.not-der`, as `to_definite`.
    """
    _, end = _Converter(data).element(0, len(data), 0)
    return data[:end]


class _Converter:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._count = 0

    def element(self, at: int, limit: int, depth: int) -> tuple[bytes, int]:
        """(DER, end) of the element at `at`, which must end by `limit`."""
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise SmError("sm.not-der", problem="nested too deep or too many elements")
        if limit - at < 2 or self._data[at] & 0x1F == 0x1F:
            raise SmError("sm.not-der", problem="cut short or tag number above 30")
        tag, size = self._data[at], self._data[at + 1]
        body = at + 2
        end: int | None
        if size == 0x80:
            if not tag & 0x20:
                raise SmError("sm.not-der", problem="primitive of indefinite length")
            end = None
        else:
            if size > 0x80:
                count = size & 0x7F
                if count > 8 or body + count > limit:
                    raise SmError("sm.not-der", problem="length form")
                size = int.from_bytes(self._data[body : body + count], "big")
                body += count
            end = body + size
            if end > limit:
                raise SmError("sm.not-der", problem="cut short")
            if not tag & 0x20:
                return der.tlv(tag, self._data[body:end]), end
        parts, after = self._children(body, limit if end is None else end, depth, indefinite=end is None)
        if tag == der.OCTET_STRING | 0x20:
            pieces = [der.read_one(part, der.OCTET_STRING).content for part in parts]
            return der.octet_string(b"".join(pieces)), after
        return der.tlv(tag, b"".join(parts)), after

    def _children(self, at: int, limit: int, depth: int, *, indefinite: bool) -> tuple[list[bytes], int]:
        parts: list[bytes] = []
        while True:
            if indefinite and self._data[at : at + 2] == b"\0\0" and at + 2 <= limit:
                return parts, at + 2
            if not indefinite and at == limit:
                return parts, at
            part, at = self.element(at, limit, depth + 1)
            parts.append(part)
