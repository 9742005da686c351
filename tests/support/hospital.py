"""A small test hospital: root, issuing CA, seal-maker, TSA, event certificates bound to real ink.

Its root says 测试. Keys are fresh for each `Hospital`, times are given, so a test says when things happen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from signing.evidence import (
    EVENT_BINDING_OID,
    INK,
    INK_MEDIA_TYPE,
    PICTURE,
    PICTURE_MEDIA_TYPE,
    EventBinding,
    Manifest,
    SigningEvidence,
    describe_blob,
    sign_manifest,
)
from signing.ink import InkPicture, decode_record, draw_picture
from signing.ofd.signatures import SealMaker, document_digest, sign_ofd
from signing.pki import Certificate, Profile, Signer, Sm2Signer, event_validity, issue_certificate
from signing.sm import SM2PrivateKey
from signing.tsp import TimeStampAuthority
from signing.wire import OFD_MEDIA_TYPE, SignerRole, StampBox
from tests.support.strokes import record_bytes

NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Event:
    """One signing's key, certificate and evidence."""

    signer: Signer
    certificate: Certificate
    picture: InkPicture
    evidence: SigningEvidence


class Hospital:
    """Test certificates and everything needed to sign with them."""

    def __init__(self, *, name: str = "测试医院", now: datetime = NOON) -> None:
        self.now = now
        self._start, self._end = now - timedelta(days=30), now + timedelta(days=3650)
        self.root_signer = self.key()
        self.root = issue_certificate(
            profile=Profile.ROOT,
            subject=[("C", "CN"), ("O", name), ("CN", f"{name}根证书")],
            spki_der=self.root_signer.public_key_spki,
            issuer=None,
            issuer_signer=self.root_signer,
            not_before=self._start,
            not_after=self._end,
        )
        self.ca_signer = self.key()
        self.ca = self.issue(Profile.ISSUING_CA, f"{name}签发", self.ca_signer, self.root, self.root_signer)
        self.maker_signer = self.key()
        self.maker = self.issue(Profile.SEAL_MAKER, f"{name}制章", self.maker_signer)
        self.tsa_signer = self.key()
        self.tsa_certificate = self.issue(Profile.TSA, f"{name}时间戳", self.tsa_signer)
        self.station_signer = self.key()
        self.station = self.issue(Profile.STATION, "station-1", self.station_signer)
        self._serials = count(1)
        self.tsa = TimeStampAuthority(
            self.tsa_signer,
            self.tsa_certificate,
            [self.ca],
            policy="1.2.3.4",
            clock=lambda: self.now,
            serial=lambda: next(self._serials),
        )

    @staticmethod
    def key() -> Sm2Signer:
        """A fresh SM2 signer."""
        return Sm2Signer(SM2PrivateKey.generate())

    def issue(
        self,
        profile: Profile,
        name: str,
        signer: Signer,
        issuer: Certificate | None = None,
        issuer_signer: Signer | None = None,
    ) -> Certificate:
        """A long-lived certificate, by the issuing CA unless another issuer is given."""
        return issue_certificate(
            profile=profile,
            subject=[("C", "CN"), ("CN", name)],
            spki_der=signer.public_key_spki,
            issuer=issuer or self.ca,
            issuer_signer=issuer_signer or self.ca_signer,
            not_before=self._start,
            not_after=self._end - timedelta(days=10 if issuer else 20),
        )

    def event(
        self,
        digest: bytes,
        *,
        name: str = "王小明",
        seed: int = 1,
        document: str = "consent.ofd",
        task: str = "task-1",
        media_type: str = OFD_MEDIA_TYPE,
        blobs: Mapping[str, bytes] | None = None,
    ) -> Event:
        """Ink, manifest and an event certificate bound to them and to the document digest."""
        ink = record_bytes(name, seed=seed)
        picture = draw_picture(decode_record(ink))
        media = {INK: ink, PICTURE: picture.to_bytes(), **(blobs or {})}
        kinds = {INK: INK_MEDIA_TYPE, PICTURE: PICTURE_MEDIA_TYPE}
        now_us = int(self.now.timestamp()) * 1_000_000
        manifest = Manifest(
            station_id="station-1",
            counter=1,
            task_id=task,
            signer_index=0,
            role=SignerRole.PATIENT,
            signer_name=name,
            relation="",
            challenge=bytes(32),
            document_digest=digest,
            media_type=media_type,  # type: ignore[arg-type]
            started_at_us=now_us - 5_000_000,
            finished_at_us=now_us,
            reading=(),
            consents=(),
            blobs=tuple(
                describe_blob(key, media[key], kinds.get(key, "image/jpeg"), simulated=True)
                for key in sorted(media)
            ),
        ).to_bytes()
        signer = self.key()
        not_before, not_after = event_validity(self.now)
        certificate = issue_certificate(
            profile=Profile.PATIENT_EVENT,
            subject=[("C", "CN"), ("CN", name)],
            spki_der=signer.public_key_spki,
            issuer=self.ca,
            issuer_signer=self.ca_signer,
            not_before=not_before,
            not_after=not_after,
            extensions=[(EVENT_BINDING_OID, False, EventBinding.of(manifest).to_der())],
        )
        evidence = SigningEvidence(
            document=document,
            manifest=manifest,
            station_signature=sign_manifest(manifest, self.station_signer),
            blobs=media,
            event_certificate=certificate.der,
            station_certificate=self.station.der,
        )
        return Event(signer, certificate, picture, evidence)

    def sign(
        self,
        data: bytes,
        *,
        boxes: Sequence[StampBox] = (StampBox(0, 20.0, 20.0, 60.0, 20.0),),
        event: Event | None = None,
        name: str = "王小明",
        seed: int = 1,
    ) -> bytes:
        """Sign a normalised OFD with a fresh event."""
        event = event or self.event(document_digest(data), name=name, seed=seed)
        return sign_ofd(
            data,
            boxes=boxes,
            picture=event.picture,
            signer=event.signer,
            certificate=event.certificate,
            chain=[self.ca],
            seal_maker=SealMaker(self.maker_signer, self.maker, (self.ca,)),
            stamper=self.tsa,
            signed_at=self.now,
        )
