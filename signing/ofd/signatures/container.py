"""The ZIP itself: packed in one canonical way when we write, looked at closely when we read.

A signature protects members; between and around them a ZIP has bytes that no signature covers. What we
write has none: headers follow from the members, and the stored form of each deflated member is digested
into the signed bytes (extension `CONTAINER_OID`, DER: SEQUENCE OF SEQUENCE { path UTF8String, digest OCTET
STRING }).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from signing.ofd.package import OfdPackage, RawEntry, write_package
from signing.seal import Extension
from signing.seal.der import single
from signing.sm import sm3
from signing.sm.der import octet_string, sequence, utf8_string
from signing.verdict import Check, CheckName, Outcome

CONTAINER_OID = "2.25.14415306350338137342750818215567809461"
_STORED = 0
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_DESCRIPTOR = 0x8


def stored(content: bytes) -> RawEntry:
    """A member that is not deflated."""
    return RawEntry(_STORED, zlib.crc32(content), len(content), content)


def container_extension(package: OfdPackage, lists: frozenset[str]) -> Extension:
    """The digest (SM3) of each deflated member as it lies in the package, but the signature lists."""
    items = [
        sequence(utf8_string(name), octet_string(sm3(package.raw(name).data)))
        for name in package.names()
        if name not in lists and package.raw(name).method != _STORED
    ]
    return Extension(CONTAINER_OID, False, sequence(*items))


def read_container_extension(value: bytes) -> dict[str, bytes]:
    """The digests by member name.

    Raises:
        SealError: `seal.malformed`.
    """
    found = {}
    for item in single(value).children():
        name, digest = item.children()[:2]
        found[name.content.decode("utf-8", "replace")] = digest.content
    return found


def check_canonical(
    package: OfdPackage, digests: Mapping[str, bytes], lists: frozenset[str], outcome: Outcome
) -> list[Check]:
    """Whether the ZIP is bit for bit what we packed; every deviation has `outcome` and says where it lies."""
    checks = []
    for name in package.names():
        raw = package.raw(name)
        if name not in lists and raw.method != _STORED and digests.get(name) != sm3(raw.data):
            checks.append(Check(CheckName.STRUCTURE, outcome, "ofdsign.repacked", name))
    canonical = write_package((name, package.raw(name)) for name in package.names())
    if canonical != package.data:
        place = _first_difference(canonical, package.data)
        where = _member_at(package, place)
        checks.append(
            Check(CheckName.STRUCTURE, outcome, "ofdsign.not-canonical", where, {"offset": str(place)})
        )
    return checks


def _first_difference(one: bytes, other: bytes) -> int:
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle
    return low


def _member_at(package: OfdPackage, offset: int) -> str:
    """The member whose header or data holds `offset` in the canonical layout; `ZIP` after the last one."""
    position = 0
    for name in package.names():
        position += _LOCAL.size + len(name.encode("utf-8")) + len(package.raw(name).data)
        if offset < position:
            return name
    return "ZIP"


def audit(data: bytes) -> list[Check]:
    """What a ZIP should not have: headers that disagree, members that overlap, bytes of nobody.

    Readers differ in which of two contradicting headers they believe, so a contradiction fails; loose bytes
    and what cannot be looked at (ZIP64) are warnings. For packages that others made.
    """
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or len(data) - end < 22:
        return [_check(Outcome.FAIL, "ofdsign.zip-damaged")]
    count, size, start, comment = struct.unpack_from("<HIIH", data, end + 10)
    if count == 0xFFFF or start == 0xFFFFFFFF:
        return [_check(Outcome.WARNING, "ofdsign.zip-64")]
    checks = []
    if comment or end + 22 != len(data):
        checks.append(_check(Outcome.WARNING, "ofdsign.zip-trailing"))
    if start + size != end:
        return [*checks, _check(Outcome.WARNING, "ofdsign.zip-gap")]
    spans: list[tuple[int, int]] = []
    position, folded = start, set()
    for _ in range(count):
        if position + _CENTRAL.size > end:
            return [*checks, _check(Outcome.FAIL, "ofdsign.zip-damaged")]
        fields = _CENTRAL.unpack_from(data, position)
        name_length, extra, note, offset = fields[10], fields[11], fields[12], fields[16]
        name = data[position + _CENTRAL.size :][:name_length]
        position += _CENTRAL.size + name_length + extra + note
        problem, finish = _local(data, offset, name, fields)
        label = name.decode("utf-8", "replace")
        if problem:
            checks.append(_check(Outcome.FAIL, problem, label))
            continue
        key = label.casefold().replace("\\", "/")
        if key in folded:
            checks.append(_check(Outcome.FAIL, "ofdsign.zip-twice", label))
        folded.add(key)
        spans.append((offset, finish))
    return checks + _gaps(spans, start)


def _local(data: bytes, offset: int, name: bytes, central: tuple[int, ...]) -> tuple[str, int]:
    if offset + _LOCAL.size > len(data):
        return "ofdsign.zip-damaged", 0
    fields = _LOCAL.unpack_from(data, offset)
    name_length, extra = fields[9], fields[10]
    body = offset + _LOCAL.size + name_length + extra
    if fields[0] != 0x04034B50 or data[offset + _LOCAL.size :][:name_length] != name:
        return "ofdsign.zip-contradiction", 0
    if fields[3] != central[4]:
        return "ofdsign.zip-contradiction", 0
    # CRC and sizes stand in the local header unless a descriptor follows the data
    told = (fields[6], *_sizes(fields[7], fields[8], data[body - extra : body]))
    if not fields[2] & _DESCRIPTOR and told != central[7:10]:
        return "ofdsign.zip-contradiction", 0
    finish = body + central[8]
    if fields[2] & _DESCRIPTOR:
        finish += 16 if data[finish : finish + 4] == b"PK\x07\x08" else 12
    return "", finish


def _sizes(packed: int, size: int, extra: bytes) -> tuple[int, int]:
    """Packed size and size of a local header, taken from its ZIP64 field where it has one."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == 1 and length >= 16 and len(extra) >= 20:
            long_size, long_packed = struct.unpack_from("<QQ", extra, 4)
            return (
                long_packed if packed == 0xFFFFFFFF else packed,
                long_size if size == 0xFFFFFFFF else size,
            )
        extra = extra[4 + length :]
    return packed, size


def _gaps(spans: list[tuple[int, int]], directory: int) -> list[Check]:
    position = 0
    checks = []
    for begin, finish in sorted(spans):
        if begin < position:
            checks.append(_check(Outcome.FAIL, "ofdsign.zip-overlap"))
        elif begin > position:
            checks.append(_check(Outcome.WARNING, "ofdsign.zip-gap"))
        position = max(position, finish)
    if position != directory:
        checks.append(_check(Outcome.WARNING, "ofdsign.zip-gap"))
    return _once(checks)


def _once(checks: list[Check]) -> list[Check]:
    seen: dict[tuple[str, str], Check] = {}
    for check in checks:
        seen.setdefault((check.reason, check.subject), check)
    return list(seen.values())


def _check(outcome: Outcome, reason: str, subject: str = "") -> Check:
    return Check(CheckName.STRUCTURE, outcome, reason, subject)
