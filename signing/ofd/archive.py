"""Writes OFD packages (ZIP) byte for byte reproducibly, keeping members that did not change as they were."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_UTF8 = 0x800
_DATE = (1 << 5) | 1  # 1980-01-01, the first day a ZIP can name
STORED = 0
DEFLATED = 8


@dataclass(frozen=True, slots=True)
class RawEntry:
    """A member as it lies in a package: `method` 0 stored or 8 deflated, `data` the bytes so encoded.

    `size` and `crc` speak of the decoded bytes.
    """

    method: int
    crc: int
    size: int
    data: bytes


def encode_entry(content: bytes, *, level: int = 6) -> RawEntry:
    """Deflate `content` when that makes it smaller, else store it."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    if len(packed) < len(content):
        return RawEntry(DEFLATED, zlib.crc32(content), len(content), packed)
    return RawEntry(STORED, zlib.crc32(content), len(content), content)


def write_package(entries: Mapping[str, bytes | RawEntry] | Iterable[tuple[str, bytes | RawEntry]]) -> bytes:
    """A ZIP with the members in the order given, without dates, attributes or directory entries.

    Names are `/`-separated without a leading slash and written in UTF-8. Equal input gives equal
    bytes. The caller sees to names being unique and relative.

    Raises:
        ValueError: a name twice, empty, absolute or with `..`; or more than ZIP without ZIP64 can hold.
    """
    pairs = entries.items() if isinstance(entries, Mapping) else entries
    body = bytearray()
    central = bytearray()
    seen: set[str] = set()
    for name, content in pairs:
        if not name or name.startswith("/") or ".." in name.split("/") or "\0" in name or name in seen:
            raise ValueError(f"not a member name, or given twice: {name!r}")
        seen.add(name)
        raw = content if isinstance(content, RawEntry) else encode_entry(content)
        encoded = name.encode("utf-8")
        flags = 0 if name.isascii() else _UTF8
        sizes = (raw.crc, len(raw.data), raw.size)
        offset = len(body)
        if offset + len(raw.data) > 0xFFFFFFF0 or len(seen) > 0xFFFE:
            raise ValueError("a package of this size needs ZIP64, which OFD readers do not know")
        body += _LOCAL.pack(0x04034B50, 20, flags, raw.method, 0, _DATE, *sizes, len(encoded), 0)
        body += encoded
        body += raw.data
        central += _CENTRAL.pack(
            0x02014B50, 20, 20, flags, raw.method, 0, _DATE, *sizes, len(encoded), 0, 0, 0, 0, 0, offset
        )
        central += encoded
    end = _END.pack(0x06054B50, 0, 0, len(seen), len(seen), len(central), len(body), 0)
    return bytes(body + central + end)
