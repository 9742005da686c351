"""Finds the signatures of a PDF and says, byte by byte, what each covers (ISO 32000-1 §12.8.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields

from signing.pdf.sign import PRIVATE_KEY
from signing.verdict import Check, CheckName, Outcome

MAX_SIGNATURES = 200
BYTE_RANGES = re.compile(rb"/ByteRange[\x00\t\n\x0c\r ]*\[")
_UPPER_HEX = re.compile(rb"[0-9A-F]*")
_ANY_HEX = re.compile(rb"[0-9A-Fa-f\x00\t\n\x0c\r ]*")
_END = re.compile(rb"startxref[\r\n]+(\d+)[\r\n]+%%EOF[\r\n]{0,2}")
_END_WINDOW = 64
_OUR_KEYS = frozenset(
    {
        "/Type",
        "/Filter",
        "/SubFilter",
        "/Contents",
        "/ByteRange",
        "/M",
        "/Name",
        "/Reason",
        "/Prop_Build",
        PRIVATE_KEY,
    }
)


@dataclass(frozen=True, slots=True)
class Found:
    """One filled signature field.

    `revision` is the cross-reference section (from 0) that holds the signature; `start` and `end` bound the
    gap between the two signed ranges, `covered` is where the second one ends; `cms` the bytes in
    /Contents without padding; `base` the length before the increment as our signatures record it, else
    None. `problems` are the structure checks that did not pass.
    """

    field_name: str
    widget: generic.DictionaryObject
    widget_reference: generic.Reference
    dictionary: generic.DictionaryObject
    reference: generic.Reference
    revision: int
    start: int
    end: int
    covered: int
    cms: bytes
    base: int | None
    problems: tuple[Check, ...]

    @property
    def is_ours(self) -> bool:
        """Whether it says that Penward made it."""
        return self.base is not None

    def content(self, data: bytes) -> bytes:
        """What is signed: everything up to `covered` but the gap."""
        return data[: self.start] + data[self.end : self.covered]


def find_signatures(reader: PdfFileReader, data: bytes) -> list[Found]:
    """All filled signature fields, in the order of signing; raises what pyHanko raises (use `reading`)."""
    found = [_read(reader, data, name, reference.get_object()) for name, _, reference in _filled(reader)]
    return sorted(found, key=lambda item: (item.revision, item.covered))


def _filled(reader: PdfFileReader) -> Iterator[tuple[str, object, generic.IndirectObject]]:
    for count, item in enumerate(enumerate_sig_fields(reader, filled_status=True)):
        if count >= MAX_SIGNATURES:
            raise ValueError("too many signatures")
        yield item


def _read(reader: PdfFileReader, data: bytes, name: str, widget: generic.DictionaryObject) -> Found:
    value = widget.raw_get("/V")
    dictionary = value.get_object()
    revision = reader.xrefs.get_last_change(value.reference)
    checks: list[Check] = []
    ranges = [int(number) for number in dictionary["/ByteRange"]]
    start, end, covered = _bounds(ranges, data, checks)
    private = dictionary.get(PRIVATE_KEY)
    base = int(private["/Base"]) if private is not None else None
    cms = _contents(data[start:end], base is not None, checks)
    stored = dictionary.raw_get("/Contents").original_bytes
    if stored.rstrip(b"\0") != cms.rstrip(b"\0"):
        checks.append(_fail("pdfsign.contents-elsewhere"))
    _check_revision(reader, data, revision, covered, checks)
    if base is not None:
        _check_ours(reader, data, dictionary, revision, base, start, checks)
    return Found(
        name,
        widget,
        widget.container_ref,
        dictionary,
        value.reference,
        revision,
        start,
        end,
        covered,
        cms,
        base,
        tuple(checks),
    )


def _bounds(ranges: list[int], data: bytes, checks: list[Check]) -> tuple[int, int, int]:
    """Where the gap begins and ends and the signed bytes end; a range that makes no sense covers nothing."""
    if len(ranges) == 4 and ranges[0] == 0:
        _, start, end, length = ranges
        if 0 < start < end - 1 and length >= 0 and end + length <= len(data):
            if data[start : start + 1] != b"<" or data[end - 1 : end] != b">":
                checks.append(_fail("pdfsign.gap-not-contents"))
            return start, end, end + length
    checks.append(_fail("pdfsign.bad-byte-range"))
    return 0, 0, 0


def _contents(gap: bytes, strict: bool, checks: list[Check]) -> bytes:
    """The DER in the gap. Ours is upper-case hex without spaces, padded by zeros."""
    digits = gap[1:-1]
    pattern = _UPPER_HEX if strict else _ANY_HEX
    if not digits or len(digits) % 2 or not pattern.fullmatch(digits):
        checks.append(_fail("pdfsign.contents-not-hex"))
        return b""
    value = bytes.fromhex(digits.decode("ascii").replace("\0", " ").replace("\x0c", " "))
    length = _der_length(value)
    if length is None or any(value[length:]):
        checks.append(_fail("pdfsign.contents-padding"))
        return value.rstrip(b"\0")
    return value[:length]


def _der_length(value: bytes) -> int | None:
    """The whole length of the SEQUENCE at the beginning; of one of indefinite length all but the padding."""
    if len(value) < 2 or value[0] != 0x30:
        return None
    if value[1] < 0x80:
        return 2 + value[1]
    if value[1] == 0x80:
        return min(len(value), len(value.rstrip(b"\0")) + 2)
    octets = value[1] & 0x7F
    length = 2 + octets + int.from_bytes(value[2 : 2 + octets], "big")
    return length if octets <= 4 and length <= len(value) else None


def _check_revision(
    reader: PdfFileReader, data: bytes, revision: int, covered: int, checks: list[Check]
) -> None:
    """The signed bytes must end where the signature's own revision ends."""
    window = data[max(0, covered - _END_WINDOW) : covered]
    end = max(_END.finditer(window), key=lambda match: match.start(), default=None)
    expected = reader.xrefs.get_startxref_for_revision(revision)
    if end is None or end.end() != len(window) or int(end[1]) != expected:
        if covered != len(data) or end is None:
            checks.append(_fail("pdfsign.range-not-revision"))
        return
    for number in range(revision + 1):
        if reader.xrefs.get_xref_container_info(number).end_location > covered:
            checks.append(_fail("pdfsign.range-not-revision"))
            return


def _check_ours(
    reader: PdfFileReader,
    data: bytes,
    dictionary: generic.DictionaryObject,
    revision: int,
    base: int,
    start: int,
    checks: list[Check],
) -> None:
    """What our own increments keep to beyond the standard."""
    form = set(dictionary) <= _OUR_KEYS and set(dictionary[PRIVATE_KEY]) == {"/V", "/Base"}
    if not form or int(dictionary[PRIVATE_KEY]["/V"]) != 1:
        checks.append(_fail("pdfsign.unknown-form"))
    before = reader.xrefs.get_xref_container_info(revision - 1).end_location if revision else 0
    own = reader.xrefs.get_xref_container_info(revision).start_location
    window = data[max(0, base - 2048) : base]
    if not (0 < before <= base < start and base < own) or b"%%EOF" not in window:
        checks.append(_fail("pdfsign.bad-base"))


def _fail(reason: str) -> Check:
    return Check(CheckName.STRUCTURE, Outcome.FAIL, reason)
