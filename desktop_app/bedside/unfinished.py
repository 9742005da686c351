"""Records of a journal as values: written as the signing goes on, read after a crash."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from desktop_app.bedside.model import Signing, Unfinished
from desktop_app.errors import DesktopError
from desktop_app.offline.format import Record, RecordKind
from desktop_app.offline.journal import Journal, StoredJournal
from drivers.camera import Still
from signing.evidence import ReadingEntry
from signing.ink import InkError, InkRecord, decode_unfinished
from signing.wire import WireError, dump_json, parse_json

LOG = logging.getLogger("penward.desktop")
MAX_JSON = 1024 * 1024


def write_start(journal: Journal, signing: Signing, started_at: str) -> None:
    """First record: what is being signed, by whom."""
    journal.append(
        RecordKind.START,
        dump_json(
            {
                "task_id": signing.task.id,
                "title": signing.task.title,
                "patient_name": signing.task.patient.name,
                "signer_index": signing.signer.index,
                "signer_name": signing.signer.name,
                "document_sm3": signing.task.document_sm3.hex(),
                "started_at": started_at,
                "reading": _reading(signing.reading_entries),
            }
        ),
    )
    journal.sync()


def write_confirmed(journal: Journal, signing: Signing) -> None:
    """The signer confirmed what was written."""
    journal.append(RecordKind.CONFIRMED, dump_json({"reading": _reading(signing.reading_entries)}))
    journal.sync()


def write_photo(journal: Journal, photo: Still) -> None:
    """The photo that goes into the evidence."""
    head = {
        "width": photo.width,
        "height": photo.height,
        "simulated": int(photo.simulated),
        "brightness": int(photo.brightness),
        "sharpness": int(photo.sharpness),
    }
    journal.append(RecordKind.PHOTO, dump_json(head) + b"\n" + photo.jpeg)
    journal.sync()


def read_unfinished(stored: StoredJournal) -> Unfinished | None:
    """What a journal tells; None when it holds no signing at all.

    Raises:
        DesktopError: `desktop.journal-damaged`.
    """
    if not stored.records or stored.records[0].kind is not RecordKind.START:
        return None
    try:
        start = parse_json(stored.records[0].body, max_bytes=MAX_JSON)
        ink, confirmed, reading, photo = _walk(stored.records[1:])
        return Unfinished(
            stored=stored,
            task_id=start["task_id"],
            title=start["title"],
            patient_name=start["patient_name"],
            signer_index=start["signer_index"],
            signer_name=start["signer_name"],
            document_sm3=bytes.fromhex(start["document_sm3"]),
            started_at=start["started_at"],
            ink=ink,
            confirmed=confirmed and ink is not None,
            reading=reading or _entries(start["reading"]),
            photo=photo,
            incomplete=stored.cut,
        )
    except (WireError, InkError, KeyError, TypeError, ValueError) as error:
        LOG.error("journal %s: %s", stored.path.name, error)
        raise DesktopError("desktop.journal-damaged") from error


def _walk(
    records: Sequence[Record],
) -> tuple[InkRecord | None, bool, tuple[ReadingEntry, ...], Still | None]:
    pieces: list[bytes] = []
    confirmed = False
    reading: tuple[ReadingEntry, ...] = ()
    photo: Still | None = None
    for record in records:
        if record.kind is RecordKind.INK_HEADER:
            pieces, confirmed = [record.body], False
        elif record.kind is RecordKind.SAMPLES and pieces:
            pieces.append(record.body)
        elif record.kind is RecordKind.CLEARED:
            pieces, confirmed = [], False
        elif record.kind is RecordKind.CONFIRMED:
            confirmed = True
            reading = _entries(parse_json(record.body, max_bytes=MAX_JSON)["reading"])
        elif record.kind is RecordKind.PHOTO:
            photo = _photo(record.body)
    ink = decode_unfinished(b"".join(pieces)) if len(pieces) > 1 else None
    return ink, confirmed, reading, photo


def _photo(body: bytes) -> Still:
    head, _, jpeg = body.partition(b"\n")
    value: dict[str, Any] = parse_json(head, max_bytes=MAX_JSON)
    return Still(
        jpeg,
        value["width"],
        value["height"],
        float(value["brightness"]),
        float(value["sharpness"]),
        bool(value["simulated"]),
        (),
    )


def _reading(entries: Sequence[ReadingEntry]) -> list[dict[str, int]]:
    return [
        {"page": entry.page, "opened_at_us": entry.opened_at_us, "shown_ms": entry.shown_ms}
        for entry in entries
    ]


def _entries(value: Any) -> tuple[ReadingEntry, ...]:
    return tuple(
        ReadingEntry(int(item["page"]), int(item["opened_at_us"]), int(item["shown_ms"])) for item in value
    )
