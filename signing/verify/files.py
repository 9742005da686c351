"""Tells by its content what a file is and lets the room that knows the format judge it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from signing.verdict import Check, CheckName, FileVerdict, Outcome, PenwardError

if TYPE_CHECKING:
    from signing.pki import Certificate

MAX_FILE_BYTES = 512 * 1024 * 1024

_ZIP = b"PK\x03\x04"
_PDF = b"%PDF-"
_PDF_WINDOW = 1024
_END = b"PK\x05\x06"
_ENTRY = b"PK\x01\x02"
_END_WINDOW = 65_557


def verify_bytes(
    name: str, data: bytes, anchors: Sequence[Certificate], *, at: datetime | None = None
) -> FileVerdict:
    """The verdict on a file: an OFD, a PDF or an evidence ZIP, told apart by content, never by `name`.

    `anchors` are the only certificates trusted; `at` (aware) overrides the moment at which validity is
    judged. Whatever the file holds becomes a check: what is none of the three is not decidable.
    """
    if data.startswith(_ZIP) and len(data) <= MAX_FILE_BYTES and _is_evidence(data):
        from signing.verify.evidence import verify_evidence

        try:
            return verify_evidence(name, data, anchors, at=at, judge=verify_document)
        except PenwardError as error:
            return _unreadable(name, error)
    return verify_document(name, data, anchors, at=at)


def verify_document(
    name: str, data: bytes, anchors: Sequence[Certificate], *, at: datetime | None = None
) -> FileVerdict:
    """The verdict on an OFD or a PDF: what may lie in an evidence ZIP, which holds no other such ZIP."""
    if not data:
        return undecided(name, "verify.empty")
    if len(data) > MAX_FILE_BYTES:
        return undecided(name, "verify.too-large", limit=str(MAX_FILE_BYTES // (1024 * 1024)))
    try:
        if data.startswith(_ZIP):
            from signing.ofd.signatures import verify_ofd

            verdict = verify_ofd(data, anchors=anchors, at=at, name=name)
            if all(check.reason != "ofd.no-ofd-xml" for check in verdict.checks):
                return verdict
        elif _PDF in data[:_PDF_WINDOW]:
            from signing.pdf import verify_pdf

            verdict = verify_pdf(data, anchors=anchors, at=at)
            return FileVerdict(name, "pdf", verdict.signatures, verdict.checks, verdict.parts)
    except PenwardError as error:
        return _unreadable(name, error)
    return undecided(name, "verify.unknown-format")


def _unreadable(name: str, error: PenwardError) -> FileVerdict:
    params = {key: str(value) for key, value in error.params.items() if key != "subject"}
    check = Check(CheckName.STRUCTURE, Outcome.UNDECIDED, error.code, params.get("name", ""), params)
    return FileVerdict(name, "unknown", (), (check,))


def _is_evidence(data: bytes) -> bool:
    """Whether the ZIP's directory names the parts that every evidence ZIP has.

    The directory alone is looked at (APPNOTE 4.3.12): the documents inside have directories of their own.
    """
    return {b"hashes.json", b"index.json"} <= set(_directory(data))


def _directory(data: bytes) -> Iterator[bytes]:
    """The names in a ZIP's central directory, as far as it can be followed."""
    end = data.rfind(_END, max(0, len(data) - _END_WINDOW))
    if end < 0 or end + 22 > len(data):
        return
    count, _, position = struct.unpack_from("<HII", data, end + 10)
    for _ in range(count):
        if position + 46 > end or data[position : position + 4] != _ENTRY:
            return
        name, extra, comment = struct.unpack_from("<HHH", data, position + 28)
        yield data[position + 46 : position + 46 + name]
        position += 46 + name + extra + comment


def undecided(name: str, reason: str, **params: str) -> FileVerdict:
    """The verdict on a file that no room can judge."""
    return FileVerdict(
        name, "unknown", (), (Check(CheckName.STRUCTURE, Outcome.UNDECIDED, reason, "", params),)
    )
