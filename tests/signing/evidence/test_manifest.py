"""R18, R28: the manifest names everything, can be read in one way only, and is signed by the station."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.evidence import (
    BlobEntry,
    ConsentEntry,
    EvidenceError,
    Manifest,
    Package,
    ReadingEntry,
    blob_digest,
    describe_blob,
    manifest_signature_fits,
    sign_manifest,
)
from signing.sm import SM2PrivateKey, sm3
from signing.wire import MEDIA_TYPES, SignerRole, sign_checkpoint

ID = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)
NAME = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
HASH = st.binary(min_size=32, max_size=32)
NUMBER = st.integers(0, 2**62 - 1)
BLOBS = st.builds(
    lambda extra, entry: tuple(
        dataclasses.replace(entry, name=n) for n in sorted({"ink", "picture"} | extra)
    ),
    st.sets(st.sampled_from(["photo", "fingerprint", "id-data"])),
    st.builds(
        BlobEntry, st.just("x"), st.just("image/png"), st.integers(0, 80 * 2**20), HASH, HASH, st.booleans()
    ),
)
MANIFESTS = st.builds(
    Manifest,
    station_id=ID,
    counter=st.integers(1, 2**62 - 1),
    task_id=ID,
    signer_index=st.integers(0, 255),
    role=st.sampled_from(SignerRole),
    signer_name=NAME,
    relation=st.just("") | NAME,
    challenge=HASH,
    document_digest=HASH,
    media_type=st.sampled_from(MEDIA_TYPES),
    started_at_us=NUMBER,
    finished_at_us=NUMBER,
    reading=st.lists(st.builds(ReadingEntry, st.integers(0, 99_999), NUMBER, NUMBER), max_size=4).map(tuple),
    consents=st.lists(st.builds(ConsentEntry, ID, ID.map(lambda s: s[:32]), HASH), max_size=3).map(tuple),
    blobs=BLOBS,
    previous_envelope=st.just(b"") | HASH,
)


@given(MANIFESTS)
def test_round_trip(manifest: Manifest) -> None:
    """R18: one manifest, one byte string."""
    data = manifest.to_bytes()
    assert Manifest.parse(data) == manifest


def _leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


@given(MANIFESTS)
def test_only_integers_and_strings(manifest: Manifest) -> None:
    """protocol.md: integers and strings only: no float, no true, no null."""
    assert {type(leaf) for leaf in _leaves(json.loads(manifest.to_bytes()))} <= {int, str}


@given(MANIFESTS, st.data())
def test_any_changed_byte_is_another_manifest_or_refused(manifest: Manifest, data: st.DataObject) -> None:
    """R18: a changed byte never passes as the same manifest."""
    original = manifest.to_bytes()
    at = data.draw(st.integers(0, len(original) - 1))
    changed = original[:at] + bytes([original[at] ^ data.draw(st.integers(1, 255))]) + original[at + 1 :]
    try:
        other = Manifest.parse(changed)
    except EvidenceError:
        return
    assert other != manifest and other.to_bytes() == changed


@given(st.binary(max_size=200))
def test_garbage(data: bytes) -> None:
    """Only the documented error escapes."""
    with pytest.raises(EvidenceError):
        Manifest.parse(data)


def test_other_spellings_are_refused(package: Package) -> None:
    """R18: white space, another order, duplicate keys, floats, unknown members."""
    value = json.loads(package.manifest_bytes)
    spaced = json.dumps(value, ensure_ascii=False, sort_keys=True).encode()
    ascii_only = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    turned = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    turned = turned if turned != package.manifest_bytes else b" " + turned
    for data in (spaced, ascii_only, turned + b"\n"):
        with pytest.raises(EvidenceError, match="manifest-not-canonical"):
            Manifest.parse(data)
    text = package.manifest_bytes
    for data in (
        text.replace(b'"version":1', b'"version":1,"version":1'),
        text.replace(b'"version":1', b'"version":1.0'),
        text.replace(b'"version":1', b'"version":2'),
        text.replace(b'"version":1', b'"version":1,"x":0'),
        text.replace(b'"simulated":1', b'"simulated":true'),
        text.replace(b'"name":"ink"', b'"name":"zink"'),
        text.replace(b'"name":"photo"', b'"name":"picture"'),
        text.replace(b'"name":"photo"', b'"name":"../x"'),
    ):
        assert data != text
        with pytest.raises(EvidenceError, match="bad-manifest"):
            Manifest.parse(data)


def test_the_checkpoint_travels(package: Package) -> None:
    """protocol.md, Offline: the last checkpoint and the envelope before are named."""
    key = SM2PrivateKey.generate()
    manifest = dataclasses.replace(
        package.manifest,
        checkpoint=sign_checkpoint("w", 3, bytes(32), key),
        previous_envelope=sm3(b"envelope"),
    )
    assert Manifest.parse(manifest.to_bytes()) == manifest


def test_digests_are_salted() -> None:
    """protocol.md: SM3(32-byte salt ‖ bytes), a fresh salt each time."""
    first = describe_blob("id-data", b"secret", "text/plain", simulated=False)
    second = describe_blob("id-data", b"secret", "text/plain", simulated=False)
    assert first.digest == sm3(first.salt + b"secret") == blob_digest(first.salt, b"secret")
    assert len(first.salt) == 32 and first.digest != second.digest
    assert first.fits(b"secret") and not first.fits(b"secreT") and not first.fits(b"secret ")


def test_the_station_signs_the_bytes(package: Package) -> None:
    """R28: the signature covers a label and the manifest's bytes, so it is nothing else's signature."""
    key = SM2PrivateKey.generate()
    signature = sign_manifest(package.manifest_bytes, key)
    assert manifest_signature_fits(package.manifest_bytes, signature, key.public_key)
    assert not key.public_key.verify(signature, package.manifest_bytes)
    assert not manifest_signature_fits(package.manifest_bytes + b" ", signature, key.public_key)
    assert not manifest_signature_fits(package.manifest_bytes, signature, SM2PrivateKey.generate().public_key)


def test_what_is_simulated_is_said(package: Package) -> None:
    """R10: the names of blobs that no real device captured."""
    assert package.manifest.simulated == ("ink", "picture")
    assert package.manifest.blob("photo").media_type == "image/jpeg"
    with pytest.raises(LookupError):
        package.manifest.blob("fingerprint")
