"""A ZIP that holds evidence: written in one canonical way, read within limits, nothing hidden.

Entries are stored without compression, sorted by name, with fixed dates; so the same evidence gives
the same bytes, and a container that was written again by another program can be told from ours.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping

from signing.evidence.errors import EvidenceError

MAX_ARCHIVE_BYTES = 512 * 1024 * 1024
MAX_ENTRIES = 512
MAX_ENTRY_BYTES = 128 * 1024 * 1024
MAX_TOTAL_BYTES = 512 * 1024 * 1024
_MAX_DIRECTORY_BYTES = 1024 * 1024

_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
_NAME = re.compile(rf"(?:{_SEGMENT}/){{0,3}}{_SEGMENT}")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def valid_name(name: str) -> bool:
    """Whether an entry may bear this name: plain ASCII segments, none beginning with a dot."""
    return _NAME.fullmatch(name) is not None


def write_archive(entries: Mapping[str, bytes]) -> bytes:
    """The canonical ZIP of the entries.

    Raises:
        EvidenceError: `evidence.bad-entry-name`, `evidence.archive-too-large`.
    """
    _check_totals(len(entries), [len(data) for data in entries.values()])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            if not valid_name(name):
                raise EvidenceError("evidence.bad-entry-name", name=name[:100])
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            archive.writestr(info, entries[name])
    return stream.getvalue()


def read_archive(data: bytes) -> dict[str, bytes]:
    """All entries of a ZIP by name.

    Refused: more than 512 entries or 512 MiB, duplicate or unusual names, encryption, links, unknown
    compression, a wrong checksum.

    Raises:
        EvidenceError: `evidence.not-an-archive`, `evidence.bad-entry-name`, `evidence.duplicate-entry`,
            `evidence.archive-too-large`, `evidence.bad-entry`.
    """
    if len(data) > MAX_ARCHIVE_BYTES:
        raise EvidenceError("evidence.archive-too-large", limit=MAX_ARCHIVE_BYTES)
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read_entries(archive)
    except (zipfile.BadZipFile, NotImplementedError, OverflowError, ValueError, EOFError, OSError):
        raise EvidenceError("evidence.not-an-archive") from None


def is_canonical(data: bytes, entries: Mapping[str, bytes]) -> bool:
    """Whether `data` is, byte for byte, what `write_archive` makes of the entries."""
    return write_archive(entries) == data


def _check_directory(data: bytes) -> None:
    """Refuse a central directory that is absurdly large before it is parsed (APPNOTE 4.3.16)."""
    at = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    if at < 0 or len(data) - at < 22:
        raise EvidenceError("evidence.not-an-archive")
    entries = int.from_bytes(data[at + 10 : at + 12], "little")
    size = int.from_bytes(data[at + 12 : at + 16], "little")
    if entries > MAX_ENTRIES or size > _MAX_DIRECTORY_BYTES:
        raise EvidenceError("evidence.archive-too-large", limit=MAX_ENTRIES)


def _read_entries(archive: zipfile.ZipFile) -> dict[str, bytes]:
    infos = archive.infolist()
    _check_totals(len(infos), [info.file_size for info in infos])
    entries: dict[str, bytes] = {}
    for info in infos:
        name = info.filename
        if not valid_name(info.orig_filename) or name != info.orig_filename:
            raise EvidenceError("evidence.bad-entry-name", name=name[:100])
        if name in entries:
            raise EvidenceError("evidence.duplicate-entry", name=name)
        kind = info.external_attr >> 16 & 0o170000
        if info.flag_bits & 0x1 or kind not in (0, 0o100000):
            raise EvidenceError("evidence.bad-entry", name=name)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise EvidenceError("evidence.bad-entry", name=name)
        try:
            with archive.open(info) as stream:
                content = stream.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError):
            raise EvidenceError("evidence.bad-entry", name=name) from None
        if len(content) != info.file_size:
            raise EvidenceError("evidence.bad-entry", name=name)
        entries[name] = content
    return entries


def _check_totals(count: int, sizes: list[int]) -> None:
    if count > MAX_ENTRIES:
        raise EvidenceError("evidence.archive-too-large", limit=MAX_ENTRIES)
    if max(sizes, default=0) > MAX_ENTRY_BYTES or sum(sizes) > MAX_TOTAL_BYTES:
        raise EvidenceError("evidence.archive-too-large", limit=MAX_TOTAL_BYTES)
