"""The evidence ZIP: documents with everything needed to check offline how they were signed.

Layout (`docs/evidence-format.md`): `documents/`, `manifests/NNN.json` and `.sig`, `media/NNN/<blob>`,
`certificates/`, `timestamps/NNN.tst`, `log.json`, `index.json`, and `hashes.json` over all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from signing.evidence.archive import read_archive, valid_name, write_archive
from signing.evidence.errors import EvidenceError, describe
from signing.evidence.manifest import MAX_BLOBS, Manifest
from signing.sm import sm3
from signing.wire import Reader, WireError, dump_json, parse_json

VERSION = 1
HASHES, INDEX, LOG = "hashes.json", "index.json", "log.json"
MAX_SIGNINGS = 64
MAX_ISSUERS = 20
MAX_LOG_BYTES = 8 * 1024 * 1024
_MAX_JSON_BYTES = 1024 * 1024

_DOCUMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}\.(?:ofd|pdf)")
_ID = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True, slots=True)
class SigningEvidence:
    """One signing: which document (`consent.ofd`), the station's package, and the certificates (DER).

    `time_stamp` is a copy of the token (DER) that the document carries, for tools that want it apart;
    empty when there is none.
    """

    document: str
    manifest: bytes
    station_signature: bytes
    blobs: Mapping[str, bytes]
    event_certificate: bytes
    station_certificate: bytes
    time_stamp: bytes = b""


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """The parsed ZIP. `documents` by name without folder, `issuers` DER, `log` JSON, `entries` as stored."""

    task_id: str
    documents: Mapping[str, bytes]
    signings: tuple[SigningEvidence, ...]
    issuers: tuple[bytes, ...]
    log: bytes
    entries: Mapping[str, bytes]


def build_evidence_zip(
    *,
    task_id: str,
    documents: Mapping[str, bytes],
    signings: Sequence[SigningEvidence],
    issuers: Sequence[bytes],
    log: Sequence[Mapping[str, object]] = (),
) -> bytes:
    """The ZIP, the same bytes for the same evidence.

    `documents` maps file names (`consent.ofd`, ASCII, ending in .ofd or .pdf) to signed documents,
    `signings` are in order of signing, `issuers` the DER certificates between events or stations and
    an anchor, `log` the audit events of the task (objects of integers and strings).

    Raises:
        EvidenceError: a name, a count or a size is out of bounds, a blob is missing or unlisted, or a
            signing names a document that is not there.
    """
    entries: dict[str, bytes] = {}
    for name, data in documents.items():
        if not _DOCUMENT.fullmatch(name):
            raise EvidenceError("evidence.bad-entry-name", name=name[:100])
        entries[f"documents/{name}"] = data
    if not documents or not 0 < len(signings) <= MAX_SIGNINGS or len(issuers) > MAX_ISSUERS:
        raise EvidenceError("evidence.bad-index", detail="count")
    for number, signing in enumerate(signings, start=1):
        if signing.document not in documents:
            raise EvidenceError("evidence.bad-index", detail=signing.document)
        names = {entry.name for entry in Manifest.parse(signing.manifest).blobs}
        for missing in sorted(names - set(signing.blobs)):
            raise EvidenceError("evidence.blob-missing", name=missing)
        for unknown in sorted(set(signing.blobs) - names):
            raise EvidenceError("evidence.blob-unknown", name=unknown)
        entries[f"manifests/{number:03}.json"] = signing.manifest
        entries[f"manifests/{number:03}.sig"] = signing.station_signature
        for name, data in signing.blobs.items():
            entries[f"media/{number:03}/{name}"] = data
        entries[f"certificates/{number:03}-event.der"] = signing.event_certificate
        entries[f"certificates/{number:03}-station.der"] = signing.station_certificate
        if signing.time_stamp:
            entries[f"timestamps/{number:03}.tst"] = signing.time_stamp
    for number, der in enumerate(dict.fromkeys(issuers), start=1):
        entries[f"certificates/issuer-{number:02}.der"] = der
    entries[LOG] = dump_json({"version": VERSION, "events": [dict(event) for event in log]})
    entries[INDEX] = dump_json(
        {
            "version": VERSION,
            "task": task_id,
            "signings": [
                {"number": number, "document": signing.document}
                for number, signing in enumerate(signings, start=1)
            ],
        }
    )
    entries[HASHES] = _hash_list(entries)
    data = write_archive(entries)
    parse_evidence_zip(data)
    return data


def parse_evidence_zip(data: bytes) -> EvidenceFile:
    """Take the ZIP apart; nothing is compared yet but the form (`check_evidence_zip` compares).

    Raises:
        EvidenceError: as `read_archive`; `evidence.bad-index`, `evidence.missing-entry`,
            `evidence.unexpected-entry`, `evidence.bad-log`.
    """
    entries = read_archive(data)
    if HASHES not in entries:
        raise EvidenceError("evidence.missing-entry", name=HASHES)
    task_id, order = _read_index(_entry(entries, INDEX))
    log = _entry(entries, LOG)
    try:
        reader = Reader(parse_json(log, max_bytes=MAX_LOG_BYTES))
        reader.integer("version", low=VERSION, high=VERSION)
        reader.objects("events", max_items=100_000)
        reader.done()
    except WireError as error:
        raise EvidenceError("evidence.bad-log", detail=describe(error)) from None
    used = {HASHES, INDEX, LOG}
    documents = {
        name.removeprefix("documents/"): content
        for name, content in entries.items()
        if name.startswith("documents/")
    }
    used |= {f"documents/{name}" for name in documents if _DOCUMENT.fullmatch(name)}
    signings: list[SigningEvidence] = []
    for number, document in enumerate(order, start=1):
        if document not in documents:
            raise EvidenceError("evidence.missing-entry", name=f"documents/{document}")
        signing, names = _read_signing(entries, number, document)
        signings.append(signing)
        used |= names
    issuers: list[bytes] = []
    while (name := f"certificates/issuer-{len(issuers) + 1:02}.der") in entries and len(
        issuers
    ) < MAX_ISSUERS:
        issuers.append(entries[name])
        used.add(name)
    for name in sorted(set(entries) - used):
        raise EvidenceError("evidence.unexpected-entry", name=name)
    return EvidenceFile(task_id, documents, tuple(signings), tuple(issuers), log, entries)


def read_hashes(data: bytes) -> dict[str, tuple[int, bytes]]:
    """The list in `hashes.json`: path to (size, SM3).

    Raises:
        EvidenceError: `evidence.bad-hashes`.
    """
    try:
        reader = Reader(parse_json(data, max_bytes=_MAX_JSON_BYTES, max_depth=3))
        reader.integer("version", low=VERSION, high=VERSION)
        listed: dict[str, tuple[int, bytes]] = {}
        for item in reader.objects("files", max_items=1000):
            path = item.text("path", max_length=400)
            size, digest = item.integer("size", low=0, high=1 << 40), item.hex_bytes("sm3", size=32)
            item.done()
            if path in listed or not valid_name(path):
                raise EvidenceError("evidence.bad-hashes", detail=path[:100])
            listed[path] = (size, digest)
        reader.done()
    except WireError as error:
        raise EvidenceError("evidence.bad-hashes", detail=describe(error)) from None
    return listed


def _hash_list(entries: Mapping[str, bytes]) -> bytes:
    files = [
        {"path": name, "size": len(data), "sm3": sm3(data).hex()} for name, data in sorted(entries.items())
    ]
    return dump_json({"version": VERSION, "files": files})


def _read_index(data: bytes) -> tuple[str, list[str]]:
    try:
        reader = Reader(parse_json(data, max_bytes=_MAX_JSON_BYTES, max_depth=3))
        reader.integer("version", low=VERSION, high=VERSION)
        task_id = reader.text("task", max_length=64, pattern=_ID)
        order: list[str] = []
        for item in reader.objects("signings", min_items=1, max_items=MAX_SIGNINGS):
            item.integer("number", low=len(order) + 1, high=len(order) + 1)
            order.append(item.text("document", max_length=100, pattern=_DOCUMENT))
            item.done()
        reader.done()
    except WireError as error:
        raise EvidenceError("evidence.bad-index", detail=describe(error)) from None
    return task_id, order


def _read_signing(
    entries: Mapping[str, bytes], number: int, document: str
) -> tuple[SigningEvidence, set[str]]:
    folder = f"media/{number:03}/"
    media = {name: data for name, data in entries.items() if name.startswith(folder)}
    if len(media) > MAX_BLOBS:
        raise EvidenceError("evidence.unexpected-entry", name=folder)
    names = {
        "manifest": f"manifests/{number:03}.json",
        "signature": f"manifests/{number:03}.sig",
        "event": f"certificates/{number:03}-event.der",
        "station": f"certificates/{number:03}-station.der",
    }
    token = f"timestamps/{number:03}.tst"
    signing = SigningEvidence(
        document=document,
        manifest=_entry(entries, names["manifest"]),
        station_signature=_entry(entries, names["signature"]),
        blobs={name.removeprefix(folder): data for name, data in media.items()},
        event_certificate=_entry(entries, names["event"]),
        station_certificate=_entry(entries, names["station"]),
        time_stamp=entries.get(token, b""),
    )
    return signing, {*names.values(), *media, token}


def _entry(entries: Mapping[str, bytes], name: str) -> bytes:
    if name not in entries:
        raise EvidenceError("evidence.missing-entry", name=name)
    return entries[name]
