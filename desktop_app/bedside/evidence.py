"""The evidence of a signing: manifest and blobs, signed by the station, sealed to the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from desktop_app.bedside.model import Signing
from desktop_app.errors import DesktopError
from desktop_app.station import Station
from signing.evidence import (
    INK,
    INK_MEDIA_TYPE,
    PHOTO,
    PICTURE,
    PICTURE_MEDIA_TYPE,
    ConsentEntry,
    Manifest,
    check_encryption_chain,
    consent_digest,
    describe_blob,
    envelope_digest,
    make_package,
    seal_package,
)
from signing.ink import draw_picture
from signing.wire import Challenge, MediaType

PHOTO_MEDIA_TYPE = "image/jpeg"


class StationEvidence:
    """`EvidenceMaker` of an enrolled station. `digest` computes the document digest (`protocol.md`)."""

    def __init__(
        self,
        station: Station,
        digest: Callable[[MediaType, bytes], bytes],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._station = station
        self._digest = digest
        self._now = now

    def check_document(self, signing: Signing, challenge: Challenge) -> None:
        """See `EvidenceMaker`: also the recipient is checked, before a person writes anything."""
        if self._digest(signing.task.media_type, signing.document) != challenge.document_digest:
            raise DesktopError("desktop.document-differs")
        check_encryption_chain(challenge.encryption_chain, self._station.roots, at=self._now())

    def package(self, signing: Signing, challenge: Challenge) -> bytes:
        """See `EvidenceMaker`. Takes the station's next counter.

        Raises:
            DesktopError, EvidenceError, InkError: nothing was sent.
        """
        capture = signing.capture
        if capture is None or not capture.whole:
            raise DesktopError("desktop.ink-incomplete")
        record = capture.record
        recipient = check_encryption_chain(challenge.encryption_chain, self._station.roots, at=self._now())
        ink, picture = capture.record_bytes(), draw_picture(record).to_bytes()
        simulated = record.device.simulated
        blobs = {INK: ink, PICTURE: picture}
        entries = [
            describe_blob(INK, ink, INK_MEDIA_TYPE, simulated=simulated),
            describe_blob(PICTURE, picture, PICTURE_MEDIA_TYPE, simulated=simulated),
        ]
        if signing.photo is not None:
            blobs[PHOTO] = signing.photo.jpeg
            entries.append(
                describe_blob(PHOTO, signing.photo.jpeg, PHOTO_MEDIA_TYPE, simulated=signing.photo.simulated)
            )
        manifest = Manifest(
            station_id=self._station.id,
            counter=self._station.next_counter(),
            task_id=signing.task.id,
            signer_index=signing.signer.index,
            role=signing.signer.role,
            signer_name=signing.signer.name,
            relation=signing.signer.relation,
            challenge=challenge.challenge,
            document_digest=challenge.document_digest,
            media_type=signing.task.media_type,
            started_at_us=record.started_at_us,
            finished_at_us=int(self._now().timestamp() * 1e6),
            reading=signing.reading_entries,
            consents=tuple(
                ConsentEntry(c.id, c.version, consent_digest(c.text)) for c in signing.task.consents
            ),
            blobs=tuple(sorted(entries, key=lambda entry: entry.name)),
            previous_envelope=self._station.previous_envelope,
            checkpoint=self._station.last_checkpoint,
        )
        sealed = seal_package(make_package(manifest, blobs, self._station.signer), recipient=recipient)
        self._station.keep_envelope(envelope_digest(sealed))
        return sealed
