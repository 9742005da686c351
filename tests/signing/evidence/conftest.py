"""A small hospital for evidence: test root, station, encryption key, and whole signings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from signing.evidence import (
    EVENT_BINDING_OID,
    INK_MEDIA_TYPE,
    PICTURE_MEDIA_TYPE,
    ConsentEntry,
    EventBinding,
    Manifest,
    Package,
    ReadingEntry,
    SigningEvidence,
    consent_digest,
    describe_blob,
    make_package,
)
from signing.ink import decode_record, draw_picture
from signing.pki import Certificate, Profile, Signer, Sm2Signer, event_validity, issue_certificate
from signing.sm import SM2PrivateKey
from signing.wire import OFD_MEDIA_TYPE, SignerRole
from tests.support.strokes import record_bytes

NOW = datetime(2026, 11, 22, 4, 0, 0, tzinfo=UTC)
YEAR = timedelta(days=365)


class House:
    """Keys and certificates of one test hospital, and what is signed in it."""

    def __init__(self) -> None:
        self.root_signer, self.station_signer = _signer(), _signer()
        self.encryption_key = SM2PrivateKey.generate()
        self.root = issue_certificate(
            profile=Profile.ROOT,
            subject=[("CN", "测试根")],
            spki_der=self.root_signer.public_key_spki,
            issuer=None,
            issuer_signer=self.root_signer,
            not_before=NOW - YEAR,
            not_after=NOW + YEAR,
        )
        self.station = self.issue(Profile.STATION, "station-1", self.station_signer.public_key_spki)
        self.encryption = self.issue(Profile.ENCRYPTION, "加密", self.encryption_key.public_key.spki)

    def issue(self, profile: Profile, name: str, spki: bytes, **options: object) -> Certificate:
        """A certificate under the root."""
        validity = {"not_before": NOW - timedelta(days=1), "not_after": NOW + timedelta(days=30)}
        return issue_certificate(
            profile=profile,
            subject=[("CN", name)],
            spki_der=spki,
            issuer=self.root,
            issuer_signer=self.root_signer,
            **(validity | options),  # type: ignore[arg-type]
        )

    def event(self, manifest: bytes) -> Certificate:
        """The event certificate for a manifest."""
        begin, end = event_validity(NOW)
        return self.issue(
            Profile.PATIENT_EVENT,
            "李永明",
            SM2PrivateKey.generate().public_key.spki,
            not_before=begin,
            not_after=end,
            extensions=[(EVENT_BINDING_OID, False, EventBinding.of(manifest).to_der())],
        )

    def signing(self, *, seed: int = 1, index: int = 0, document: str = "consent.ofd") -> SigningEvidence:
        """A whole signing with ink, picture and photo."""
        package = make_signing(self.station_signer, seed=seed, index=index)
        return SigningEvidence(
            document=document,
            manifest=package.manifest_bytes,
            station_signature=package.station_signature,
            blobs=package.blobs,
            event_certificate=self.event(package.manifest_bytes).der,
            station_certificate=self.station.der,
            time_stamp=b"token",
        )


def _signer() -> Sm2Signer:
    return Sm2Signer(SM2PrivateKey.generate())


def make_signing(station: Signer, *, seed: int = 1, index: int = 0, counter: int = 7) -> Package:
    """The package of one signing."""
    ink = record_bytes("永", seed=seed)
    picture = draw_picture(decode_record(ink)).to_bytes()
    blobs = {"ink": ink, "photo": b"\xff\xd8photo %d" % seed, "picture": picture}
    manifest = Manifest(
        station_id="station-1",
        counter=counter,
        task_id="task-1",
        signer_index=index,
        role=SignerRole.PATIENT,
        signer_name="李永明",
        relation="",
        challenge=b"c" * 32,
        document_digest=b"d" * 32,
        media_type=OFD_MEDIA_TYPE,
        started_at_us=1_780_000_000_000_000,
        finished_at_us=1_780_000_009_000_000,
        reading=(ReadingEntry(0, 1_780_000_000_000_000, 5_000),),
        consents=(ConsentEntry("e-sign", "2", consent_digest("本人同意。")),),
        blobs=(
            describe_blob("ink", ink, INK_MEDIA_TYPE, simulated=True),
            describe_blob("photo", blobs["photo"], "image/jpeg", simulated=False),
            describe_blob("picture", picture, PICTURE_MEDIA_TYPE, simulated=True),
        ),
    )
    return make_package(manifest, blobs, station)


@dataclass(frozen=True)
class Signed:
    """The house, one signing, and its event certificate."""

    house: House
    signing: SigningEvidence
    event: Certificate


@pytest.fixture(scope="session")
def house() -> House:
    """One hospital for all tests here; nothing in it changes."""
    return House()


@pytest.fixture(scope="session")
def signed(house: House) -> Signed:
    """One finished signing."""
    signing = house.signing()
    return Signed(house, signing, Certificate.from_der(signing.event_certificate))


@pytest.fixture(scope="session")
def package(house: House) -> Package:
    """One station's package."""
    return make_signing(house.station_signer)
