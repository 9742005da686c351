"""Opens the ZIP of an OFD under limits, and finds and reads its members (GB/T 33190-2016, 6)."""

from __future__ import annotations

import io
import posixpath
import struct
import threading
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from signing.ofd.archive import DEFLATED, STORED, RawEntry, encode_entry, write_package
from signing.ofd.errors import OfdError, Params, Tolerance

__all__ = [
    "Limits",
    "OfdPackage",
    "RawEntry",
    "encode_entry",
    "open_package",
    "update_package",
    "write_package",
]

_MIB = 1 << 20
_END = b"PK\x05\x06"
_LOCATOR = b"PK\x06\x07"
_END64 = b"PK\x06\x06"
_ENCRYPTED = 0x1
_UTF8 = 0x800


@dataclass(frozen=True, slots=True)
class Limits:
    """What a package may ask of this machine. Sizes in bytes.

    `ratio` is decoded size over stored size, looked at where a member or the whole is larger than
    `ratio_from`. `xml_nodes` counts tags and attributes of one part, `xml_depth` nested elements.
    """

    file_size: int = 256 * _MIB
    entries: int = 20_000
    entry_size: int = 128 * _MIB
    total_size: int = 512 * _MIB
    ratio: int = 300
    ratio_from: int = 16 * _MIB
    name_length: int = 1024
    xml_size: int = 48 * _MIB
    xml_nodes: int = 2_000_000
    xml_depth: int = 200
    pages: int = 20_000
    display_items: int = 200_000


class OfdPackage:
    """An opened OFD package: a read-only map of member names to bytes.

    Safe to use from several threads. Attributes:
        limits: the limits it was opened under, which the layers above use too.
        data: the bytes of the whole file.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        """Use `open_package`."""
        self.data = data
        self.limits = limits
        self._entries = _index(data, limits)
        self._folded: dict[str, list[str]] = {}
        for name in self._entries:
            self._folded.setdefault(name.casefold(), []).append(name)
        self._tolerances: dict[Tolerance, None] = {}
        self._lock = threading.Lock()
        for name, info in self._entries.items():
            if name != info.filename:
                self.tolerate("ofd.tolerance-entry-name", name=name)

    def names(self) -> tuple[str, ...]:
        """Member names without directories, `/`-separated, in the order of the central directory."""
        return tuple(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    @property
    def tolerances(self) -> tuple[Tolerance, ...]:
        """What was against the standard and read all the same, each once, in the order it was met."""
        with self._lock:
            return tuple(self._tolerances)

    def tolerate(self, code: str, **params: str) -> None:
        """Remember a leniency; the layers that read the package call this."""
        with self._lock:
            self._tolerances.setdefault(Tolerance(code, Params(params)))

    def size(self, name: str) -> int:
        """Decoded size of a member in bytes, as the directory says.

        Raises:
            OfdError: `ofd.missing-entry`.
        """
        return self._info(name).file_size

    def read(self, name: str) -> bytes:
        """The decoded bytes of a member, by its exact name.

        Raises:
            OfdError: `ofd.missing-entry`, `ofd.damaged-entry` (wrong length, CRC or deflate stream).
        """
        raw = self.raw(name)
        if raw.method == STORED:
            content = raw.data
        else:
            unpacker = zlib.decompressobj(-15)
            try:
                content = unpacker.decompress(raw.data, raw.size + 1)
            except zlib.error as error:
                raise OfdError("ofd.damaged-entry", name=name) from error
            if not unpacker.eof:
                raise OfdError("ofd.damaged-entry", name=name)
        if len(content) != raw.size or zlib.crc32(content) != raw.crc:
            raise OfdError("ofd.damaged-entry", name=name)
        return content

    def raw(self, name: str) -> RawEntry:
        """A member as stored, to be put into another package without packing it again.

        Raises:
            OfdError: `ofd.missing-entry`, `ofd.damaged-entry`.
        """
        info = self._info(name)
        start = info.header_offset
        header = self.data[start : start + 30]
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise OfdError("ofd.damaged-entry", name=name)
        name_length, extra_length = struct.unpack_from("<HH", header, 26)
        begin = start + 30 + name_length + extra_length
        data = self.data[begin : begin + info.compress_size]
        if len(data) != info.compress_size:
            raise OfdError("ofd.damaged-entry", name=name)
        return RawEntry(info.compress_type, info.CRC, info.file_size, data)

    def resolve(self, base: str, location: str) -> str | None:
        """The member that an ST_Loc means, or None when there is none.

        `base` is the name of the member that holds the location; a location that begins with `/`
        counts from the root (GB/T 33190-2016, 7.3). Where that finds nothing, what real files do is
        tried in this order, and remembered as a tolerance: backslashes, spaces around, `%20`, a
        missing leading slash, another case.
        """
        exact = _join(base, location)
        if exact is not None and exact in self._entries:
            return exact
        tidy = location.strip().replace("\\", "/")
        for spelling in dict.fromkeys((tidy, unquote(tidy))):
            for holder, code in ((base, "ofd.tolerance-location"), ("", "ofd.tolerance-root")):
                path = _join(holder, spelling)
                if path is None:
                    continue
                if path in self._entries:
                    self.tolerate(code, base=base, location=location)
                    return path
                alike = self._folded.get(path.casefold(), [])
                if len(alike) == 1:
                    self.tolerate("ofd.tolerance-case", location=location, name=alike[0])
                    return alike[0]
        return None

    def require(self, base: str, location: str) -> str:
        """As `resolve`, but a missing member is an error.

        Raises:
            OfdError: `ofd.missing-entry`.
        """
        name = self.resolve(base, location)
        if name is None:
            raise OfdError("ofd.missing-entry", name=location)
        return name

    def _info(self, name: str) -> zipfile.ZipInfo:
        try:
            return self._entries[name]
        except KeyError:
            raise OfdError("ofd.missing-entry", name=name) from None


def open_package(source: bytes | str | Path, limits: Limits | None = None) -> OfdPackage:
    """Open an OFD from its bytes or from a file, without unpacking anything to disk.

    Raises:
        OfdError: not readable, empty, too large, not a ZIP, damaged, a bomb, a member name that leaves
            the package, a member twice, an encrypted member, or no OFD.xml.
    """
    limits = limits or Limits()
    data = source if isinstance(source, bytes) else _read_file(Path(source), limits)
    if not data:
        raise OfdError("ofd.empty")
    if len(data) > limits.file_size:
        raise OfdError("ofd.too-large", limit=limits.file_size // _MIB)
    if not data.startswith(b"PK\x03\x04"):
        raise OfdError("ofd.not-a-package")
    package = OfdPackage(data, limits)
    if package.resolve("", "OFD.xml") is None:
        raise OfdError("ofd.no-ofd-xml")
    return package


def update_package(package: OfdPackage, changes: Mapping[str, bytes | None]) -> bytes:
    """The package with members replaced, added at the end, or left out (None).

    Members that are not named keep their order and their stored bytes.

    Raises:
        OfdError: a kept member's header is damaged.
    """
    entries: list[tuple[str, bytes | RawEntry]] = []
    for name in package.names():
        content = changes.get(name, package.raw(name))
        if content is not None:
            entries.append((name, content))
    known = set(package.names())
    entries += [
        (name, content) for name, content in changes.items() if name not in known and content is not None
    ]
    return write_package(entries)


def _read_file(path: Path, limits: Limits) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(limits.file_size + 1)
    except OSError as error:
        raise OfdError("ofd.unreadable", name=path.name) from error
    return data


def _index(data: bytes, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    _check_directory_size(data, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OverflowError) as error:
        raise OfdError("ofd.damaged") from error
    except (EOFError, OSError, UnicodeDecodeError, IndexError) as error:
        raise OfdError("ofd.damaged") from error
    if len(infos) > limits.entries:
        raise OfdError("ofd.too-many-entries", limit=limits.entries)
    entries: dict[str, zipfile.ZipInfo] = {}
    total = stored = 0
    for info in infos:
        name = _checked_name(info, limits)
        if name.endswith("/"):
            continue
        if info.flag_bits & _ENCRYPTED:
            raise OfdError("ofd.encrypted-entry", name=name)
        if info.compress_type not in (STORED, DEFLATED):
            raise OfdError("ofd.unsupported-compression", name=name)
        if name in entries:
            raise OfdError("ofd.duplicate-entry", name=name)
        if info.file_size > limits.entry_size:
            raise OfdError("ofd.entry-too-large", name=name, limit=limits.entry_size // _MIB)
        if info.file_size > limits.ratio_from and info.file_size > limits.ratio * max(1, info.compress_size):
            raise OfdError("ofd.bomb", name=name)
        if info.compress_type == STORED and info.file_size != info.compress_size:
            raise OfdError("ofd.damaged-entry", name=name)
        total += info.file_size
        stored += info.compress_size
        entries[name] = info
    if total > limits.total_size or (total > limits.ratio_from and total > limits.ratio * len(data)):
        raise OfdError("ofd.bomb", name="*")
    if stored > len(data):
        raise OfdError("ofd.bomb", name="*")  # members that share bytes
    return entries


def _check_directory_size(data: bytes, limits: Limits) -> None:
    """Refuse a central directory that would take long to read, before the ZIP reader meets it."""
    end = data.rfind(_END, max(0, len(data) - 65557))
    if end < 0 or end + 22 > len(data):
        raise OfdError("ofd.damaged")
    size = struct.unpack_from("<I", data, end + 12)[0]
    if end >= 76 and data[end - 20 : end - 16] == _LOCATOR and data[end - 76 : end - 72] == _END64:
        size = struct.unpack_from("<Q", data, end - 76 + 40)[0]
    if size > limits.entries * 400:
        raise OfdError("ofd.too-many-entries", limit=limits.entries)


def _checked_name(info: zipfile.ZipInfo, limits: Limits) -> str:
    name = info.orig_filename
    if not info.flag_bits & _UTF8 and not name.isascii():
        name = _decoded(name)
    name = name.replace("\\", "/")
    parts = name.removesuffix("/").split("/")
    bad = (
        not name
        or len(name) > limits.name_length
        or any(part in ("", ".", "..") for part in parts)
        or any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in name)
        or ":" in parts[0]
    )
    if bad:
        raise OfdError("ofd.bad-name", name=ascii(name[:80])[1:-1])
    return name


def _decoded(name: str) -> str:
    """A name written without the UTF-8 flag: it is UTF-8 or GB 18030 in practice."""
    raw = name.encode("cp437", "replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name


def _join(base: str, location: str) -> str | None:
    """The normalised member name of `location` seen from the member `base`; None when it leaves the root."""
    if not location:
        return None
    path = (
        location.lstrip("/")
        if location.startswith("/")
        else posixpath.join(posixpath.dirname(base), location)
    )
    path = posixpath.normpath(path)
    if path in (".", "..") or path.startswith(("../", "/")):
        return None
    return path
