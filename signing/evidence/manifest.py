"""The manifest: what one signing consisted of, signed by the station (`protocol.md`, Evidence package).

UTF-8 JSON of objects, lists, integers and strings in one canonical form (sorted keys, no spaces), so
that the stored bytes, which are what is digested and signed, can be read in one way only.
Members: `docs/evidence-format.md`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from signing.evidence.errors import EvidenceError, describe
from signing.sm import new_sm3, sm3
from signing.wire import (
    MEDIA_TYPES,
    OFD_MEDIA_TYPE,
    PDF_MEDIA_TYPE,
    Checkpoint,
    MediaType,
    Reader,
    SignerRole,
    WireError,
    dump_json,
    parse_json,
)
from signing.wire.requests import MessageSigner, MessageVerifier

VERSION = 1
MAX_MANIFEST_BYTES = 1024 * 1024
MAX_BLOBS = 16
MAX_BLOB_BYTES = 80 * 1024 * 1024
MAX_READING = 10_000
MAX_CONSENTS = 32
SALT_BYTES = 32
DIGEST_BYTES = 32

INK, PICTURE, PHOTO, FINGERPRINT, ID_DATA = "ink", "picture", "photo", "fingerprint", "id-data"
INK_MEDIA_TYPE = "application/vnd.penward.ink"
PICTURE_MEDIA_TYPE = "application/vnd.penward.picture"

_LABEL = b"PENWARD-MANIFEST-1\n"
_ID = re.compile(r"[!-~]{1,64}")
_BLOB_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
_TIME_LIMIT = (1 << 62) - 1


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """A blob as the manifest names it: `digest` is SM3(`salt` ‖ bytes), both 32 bytes.

    `simulated` is true when no real device captured it (a simulated pad, a photo from a file).
    """

    name: str
    media_type: str
    size: int
    salt: bytes
    digest: bytes
    simulated: bool

    def fits(self, data: bytes) -> bool:
        """Whether these are the bytes."""
        return len(data) == self.size and blob_digest(self.salt, data) == self.digest


@dataclass(frozen=True, slots=True)
class ReadingEntry:
    """A page that was shown: `page` from 0, when (µs since 1970 UTC, local clock as claimed), how long."""

    page: int
    opened_at_us: int
    shown_ms: int


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """A consent text that was agreed to; `digest` is SM3 of its UTF-8 bytes."""

    id: str
    version: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """One signing as the station saw it.

    `counter` is the station's own, from 1, never repeated. `challenge` and `document_digest` are 32
    bytes as given by the server. `started_at_us` and `finished_at_us` are µs since 1970 UTC by the
    station's clock. `blobs` are sorted by name and hold `ink` and `picture`. `previous_envelope` is
    the SM3 of the station's envelope before this one, empty for none, and `checkpoint` the last one of
    the server that the station has seen.
    """

    station_id: str
    counter: int
    task_id: str
    signer_index: int
    role: SignerRole
    signer_name: str
    relation: str
    challenge: bytes
    document_digest: bytes
    media_type: MediaType
    started_at_us: int
    finished_at_us: int
    reading: tuple[ReadingEntry, ...]
    consents: tuple[ConsentEntry, ...]
    blobs: tuple[BlobEntry, ...]
    previous_envelope: bytes = b""
    checkpoint: Checkpoint | None = None

    def blob(self, name: str) -> BlobEntry:
        """The entry of that name.

        Raises:
            LookupError: there is none.
        """
        for entry in self.blobs:
            if entry.name == name:
                return entry
        raise LookupError(name)

    @property
    def simulated(self) -> tuple[str, ...]:
        """Names of the blobs that no real device captured."""
        return tuple(entry.name for entry in self.blobs if entry.simulated)

    def to_bytes(self) -> bytes:
        """The canonical bytes.

        Raises:
            EvidenceError: a value breaks the format.
        """
        data = dump_json(self._to_dict())
        Manifest.parse(data)
        return data

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Read canonical bytes; `to_bytes` of the result gives `data` again.

        Raises:
            EvidenceError: `evidence.bad-manifest` with the reason, or `evidence.manifest-not-canonical`.
        """
        try:
            value = parse_json(data, max_bytes=MAX_MANIFEST_BYTES, max_depth=4)
            manifest = _read(Reader(value))
        except WireError as error:
            raise EvidenceError("evidence.bad-manifest", detail=describe(error)) from None
        if dump_json(manifest._to_dict()) != data:
            raise EvidenceError("evidence.manifest-not-canonical")
        return manifest

    def _to_dict(self) -> dict[str, object]:
        station: dict[str, object] = {
            "id": self.station_id,
            "counter": self.counter,
            "previous": self.previous_envelope.hex(),
        }
        if self.checkpoint is not None:
            station["checkpoint"] = self.checkpoint.to_dict()
        return {
            "version": VERSION,
            "station": station,
            "task": {"id": self.task_id},
            "signer": {
                "index": self.signer_index,
                "role": self.role.value,
                "name": self.signer_name,
                "relation": self.relation,
            },
            "challenge": self.challenge.hex(),
            "document": {"digest": self.document_digest.hex(), "media_type": self.media_type},
            "capture": {"started_at_us": self.started_at_us, "finished_at_us": self.finished_at_us},
            "reading": [
                {"page": entry.page, "opened_at_us": entry.opened_at_us, "shown_ms": entry.shown_ms}
                for entry in self.reading
            ],
            "consents": [
                {"id": entry.id, "version": entry.version, "digest": entry.digest.hex()}
                for entry in self.consents
            ],
            "blobs": [
                {
                    "name": entry.name,
                    "media_type": entry.media_type,
                    "size": entry.size,
                    "salt": entry.salt.hex(),
                    "digest": entry.digest.hex(),
                    "simulated": int(entry.simulated),
                }
                for entry in self.blobs
            ],
        }


def blob_digest(salt: bytes, data: bytes) -> bytes:
    """SM3(salt ‖ data)."""
    state = new_sm3(salt)
    state.update(data)
    return state.digest()


def describe_blob(
    name: str, data: bytes, media_type: str, *, simulated: bool, salt: bytes | None = None
) -> BlobEntry:
    """The manifest entry of a blob, with a fresh salt unless one is given."""
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    return BlobEntry(name, media_type, len(data), salt, blob_digest(salt, data), simulated)


def consent_digest(text: str) -> bytes:
    """SM3 of the UTF-8 bytes of a consent text, as it was shown."""
    return sm3(text.encode("utf-8"))


def manifest_message(manifest: bytes) -> bytes:
    """What a station signs for a manifest: a label, so that it can be nothing else, and the bytes."""
    return _LABEL + manifest


def sign_manifest(manifest: bytes, station: MessageSigner) -> bytes:
    """The station's signature over the manifest's stored bytes, in DER."""
    return station.sign(manifest_message(manifest))


def manifest_signature_fits(manifest: bytes, signature: bytes, public_key: MessageVerifier) -> bool:
    """Whether the station of that key signed these bytes."""
    return public_key.verify(signature, manifest_message(manifest))


def check_blobs(manifest: Manifest, blobs: Mapping[str, bytes]) -> None:
    """Compare blobs with their entries.

    Raises:
        EvidenceError: `evidence.blob-missing`, `evidence.blob-unknown`, `evidence.blob-changed`.
    """
    for name in blobs:
        if all(entry.name != name for entry in manifest.blobs):
            raise EvidenceError("evidence.blob-unknown", name=name)
    for entry in manifest.blobs:
        if entry.name not in blobs:
            raise EvidenceError("evidence.blob-missing", name=entry.name)
        if not entry.fits(blobs[entry.name]):
            raise EvidenceError("evidence.blob-changed", name=entry.name)


def _read(reader: Reader) -> Manifest:
    reader.integer("version", low=VERSION, high=VERSION)
    station, task, signer = reader.object("station"), reader.object("task"), reader.object("signer")
    document, capture = reader.object("document"), reader.object("capture")
    media = document.text("media_type", max_length=32, one_of=MEDIA_TYPES)
    previous = station.text("previous", max_length=64, min_length=0)
    manifest = Manifest(
        station_id=station.text("id", max_length=64, pattern=_ID),
        counter=station.integer("counter", low=1, high=_TIME_LIMIT),
        task_id=task.text("id", max_length=64, pattern=_ID),
        signer_index=signer.integer("index", low=0, high=255),
        role=SignerRole(signer.text("role", max_length=16, one_of=tuple(SignerRole))),
        signer_name=signer.text("name", max_length=64),
        relation=signer.text("relation", max_length=32, min_length=0),
        challenge=reader.hex_bytes("challenge", size=32),
        document_digest=document.hex_bytes("digest", size=DIGEST_BYTES),
        media_type=OFD_MEDIA_TYPE if media == OFD_MEDIA_TYPE else PDF_MEDIA_TYPE,
        started_at_us=capture.integer("started_at_us", low=0, high=_TIME_LIMIT),
        finished_at_us=capture.integer("finished_at_us", low=0, high=_TIME_LIMIT),
        reading=tuple(_read_reading(item) for item in reader.objects("reading", max_items=MAX_READING)),
        consents=tuple(_read_consent(item) for item in reader.objects("consents", max_items=MAX_CONSENTS)),
        blobs=tuple(_read_blob(item) for item in reader.objects("blobs", min_items=2, max_items=MAX_BLOBS)),
        previous_envelope=station.hex_bytes("previous", size=DIGEST_BYTES) if previous else b"",
        checkpoint=Checkpoint.read(station.object("checkpoint")) if station.has("checkpoint") else None,
    )
    for part in (reader, station, task, signer, document, capture):
        part.done()
    names = [entry.name for entry in manifest.blobs]
    if names != sorted(set(names)) or INK not in names or PICTURE not in names:
        raise EvidenceError("evidence.bad-manifest", detail="$.blobs")
    return manifest


def _read_reading(reader: Reader) -> ReadingEntry:
    entry = ReadingEntry(
        page=reader.integer("page", low=0, high=99_999),
        opened_at_us=reader.integer("opened_at_us", low=0, high=_TIME_LIMIT),
        shown_ms=reader.integer("shown_ms", low=0, high=_TIME_LIMIT),
    )
    reader.done()
    return entry


def _read_consent(reader: Reader) -> ConsentEntry:
    entry = ConsentEntry(
        id=reader.text("id", max_length=64, pattern=_ID),
        version=reader.text("version", max_length=32, pattern=_ID),
        digest=reader.hex_bytes("digest", size=DIGEST_BYTES),
    )
    reader.done()
    return entry


def _read_blob(reader: Reader) -> BlobEntry:
    entry = BlobEntry(
        name=reader.text("name", max_length=32, pattern=_BLOB_NAME),
        media_type=reader.text("media_type", max_length=64, pattern=_MEDIA_TYPE),
        size=reader.integer("size", low=0, high=MAX_BLOB_BYTES),
        salt=reader.hex_bytes("salt", size=SALT_BYTES),
        digest=reader.hex_bytes("digest", size=DIGEST_BYTES),
        simulated=bool(reader.integer("simulated", low=0, high=1)),
    )
    reader.done()
    return entry
