"""R28, R29: the package opens only with the server's key, whole, and under its own header."""

from __future__ import annotations

import dataclasses
import struct
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.evidence import (
    EnvelopeHeader,
    EvidenceError,
    Package,
    check_encryption_chain,
    decode_package,
    encode_package,
    envelope_digest,
    make_package,
    open_package,
    parse_header,
    recipient_key_id,
    seal_package,
)
from signing.evidence import package as package_module
from signing.evidence import sealed as sealed_module
from signing.pki import Profile
from signing.sm import SM2PrivateKey, sm3
from tests.signing.evidence.conftest import NOW, House


@pytest.fixture(scope="module")
def envelope(house: House, package: Package) -> bytes:
    """A sealed package."""
    return seal_package(package, recipient=house.encryption)


def test_round_trip(house: House, package: Package, envelope: bytes) -> None:
    """R28: what was sealed comes out, and the station's signature holds."""
    opened = open_package(envelope, house.encryption_key)
    assert opened == package
    assert opened.is_signed_by(house.station.public_key)
    assert not opened.is_signed_by(house.encryption.public_key)


def test_header_without_key(house: House, package: Package, envelope: bytes) -> None:
    """R28: task, station, counter and recipient can be read by who cannot open."""
    assert parse_header(envelope) == EnvelopeHeader(
        "task-1", "station-1", 7, recipient_key_id(house.encryption)
    )
    assert envelope_digest(envelope) == sm3(envelope)
    for secret in ("李永明".encode(), package.blobs["photo"], b"penward-picture"):
        assert secret not in envelope


def test_each_package_has_its_own_key(house: House, package: Package, envelope: bytes) -> None:
    """protocol.md: a fresh key for each package."""
    again = seal_package(package, recipient=house.encryption)
    assert again[-200:] != envelope[-200:]


@given(st.data())
def test_any_changed_bit_is_noticed(house: House, envelope: bytes, data: st.DataObject) -> None:
    """R29: header, wrapped key, nonce, ciphertext, tag: nothing can be changed."""
    at = data.draw(st.integers(0, 700) | st.integers(0, len(envelope) - 1))
    changed = bytearray(envelope)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(EvidenceError):
        open_package(bytes(changed), house.encryption_key)


def test_a_changed_header_does_not_open(house: House, envelope: bytes) -> None:
    """R29: the header is additional data: an envelope cannot be moved to another task or counter."""
    for old, new in (
        (b'"task-1"', b'"task-2"'),
        (b'"counter":7', b'"counter":8'),
        (b"station-1", b"station-2"),
    ):
        changed = envelope.replace(old, new, 1)
        assert parse_header(changed) != parse_header(envelope)
        with pytest.raises(EvidenceError, match="cannot-open"):
            open_package(changed, house.encryption_key)


@pytest.mark.parametrize("cut", [1, 16, 17, 500])
def test_a_cut_envelope_does_not_open(house: House, envelope: bytes, cut: int) -> None:
    """R29: no part of it is taken for the whole."""
    for data in (envelope[:-cut], envelope[:cut]):
        with pytest.raises(EvidenceError):
            open_package(data, house.encryption_key)


def test_another_key_does_not_open(envelope: bytes) -> None:
    """R28: only the recipient's."""
    with pytest.raises(EvidenceError, match="cannot-open"):
        open_package(envelope, SM2PrivateKey.generate())


def test_header_and_manifest_must_agree(
    house: House, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R29: a station cannot seal one task's manifest under another's header."""

    class Other(EnvelopeHeader):
        def to_bytes(self) -> bytes:
            return dataclasses.replace(
                EnvelopeHeader(self.task_id, self.station_id, 8, self.recipient)
            ).to_bytes()

    monkeypatch.setattr(sealed_module, "EnvelopeHeader", Other)
    envelope = seal_package(package, recipient=house.encryption)
    monkeypatch.undo()
    with pytest.raises(EvidenceError, match="header-mismatch"):
        open_package(envelope, house.encryption_key)


def test_limits_come_before_work(house: House, envelope: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """R45: announced sizes are checked before anything is copied or decrypted."""
    head = struct.Struct("<8sHHH")
    for sizes in ((65_535, 100), (100, 65_535), (100, 0)):
        with pytest.raises(EvidenceError, match="bad-envelope"):
            parse_header(head.pack(b"PWSEAL\r\n", 1, *sizes) + bytes(200_000))
    with pytest.raises(EvidenceError, match="unknown-version"):
        parse_header(head.pack(b"PWSEAL\r\n", 2, 10, 10) + bytes(100))
    monkeypatch.setattr(sealed_module, "MAX_ENVELOPE_BYTES", 1000)
    with pytest.raises(EvidenceError, match="envelope-too-large"):
        parse_header(envelope)


@given(st.binary(max_size=200))
def test_garbage(data: bytes) -> None:
    """Only the documented error escapes, from every parser here."""
    for candidate in (data, b"PWSEAL\r\n\x01\x00" + data):
        with pytest.raises(EvidenceError):
            parse_header(candidate)
    for candidate in (data, b"PWEVID\r\n\x01\x00" + data):
        with pytest.raises(EvidenceError):
            decode_package(candidate)
    with pytest.raises(EvidenceError):
        EnvelopeHeader.from_bytes(data)


def test_package_round_trip_and_limits(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    """R28: exact bytes; one more, one less or another size is refused."""
    data = encode_package(package)
    assert decode_package(data) == package
    for broken in (data[:-1], data + b"\0", data[:20], b"X" + data[1:]):
        with pytest.raises(EvidenceError):
            decode_package(broken)
    for old, new in ((b"\xff\xd8photo 1", b"\xff\xd8photo 2"),):
        with pytest.raises(EvidenceError, match="blob-changed"):
            decode_package(data.replace(old, new))
    monkeypatch.setattr(package_module, "MAX_PACKAGE_BYTES", len(data) - 1)
    for attempt in (lambda: decode_package(data), lambda: encode_package(package)):
        with pytest.raises(EvidenceError, match="package-too-large"):
            attempt()


def test_blobs_must_be_the_manifests(house: House, package: Package) -> None:
    """R28: a blob that is missing, unknown or changed is named when the package is made."""
    blobs = dict(package.blobs)
    for changed, code in (
        ({k: v for k, v in blobs.items() if k != "photo"}, "blob-missing"),
        (blobs | {"extra": b""}, "blob-unknown"),
        (blobs | {"ink": blobs["ink"] + b"\0"}, "blob-changed"),
    ):
        with pytest.raises(EvidenceError, match=code):
            make_package(package.manifest, changed, house.station_signer)


def test_the_client_checks_the_recipient(house: House) -> None:
    """protocol.md: path and key usage of the encryption certificate are checked before sealing."""
    good = [house.encryption.der]
    assert check_encryption_chain(good, [house.root], at=NOW) == house.encryption
    signing_key = house.issue(Profile.STAFF_SIGN, "签名", house.encryption_key.public_key.spki)
    for chain, anchors, at in (
        (good, [], NOW),
        (good, [house.station], NOW),
        ([signing_key.der], [house.root], NOW),
        (good, [house.root], NOW + timedelta(days=90)),
        ([b"no certificate"], [house.root], NOW),
        ([], [house.root], NOW),
    ):
        with pytest.raises(EvidenceError, match="bad-recipient"):
            check_encryption_chain(chain, anchors, at=at)
