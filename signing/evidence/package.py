"""The evidence package: manifest, station signature and blobs in one run of bytes.

Little-endian, length before content, in the order of the manifest (`docs/evidence-format.md`).
Every length is checked against the limits and against what is left before anything is copied.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from signing.evidence.errors import EvidenceError
from signing.evidence.manifest import (
    MAX_BLOB_BYTES,
    MAX_BLOBS,
    MAX_MANIFEST_BYTES,
    Manifest,
    check_blobs,
    manifest_signature_fits,
    sign_manifest,
)
from signing.wire.requests import MessageSigner, MessageVerifier

MAGIC = b"PWEVID\r\n"
VERSION = 1
MAX_PACKAGE_BYTES = 96 * 1024 * 1024
MAX_SIGNATURE_BYTES = 1024

_HEAD = struct.Struct("<8sHHII")


@dataclass(frozen=True, slots=True)
class Package:
    """One signing's evidence. `manifest_bytes` are the bytes that were signed; `blobs` by name."""

    manifest_bytes: bytes
    station_signature: bytes
    blobs: Mapping[str, bytes]

    @property
    def manifest(self) -> Manifest:
        """The manifest, parsed.

        Raises:
            EvidenceError: as `Manifest.parse`.
        """
        return Manifest.parse(self.manifest_bytes)

    def is_signed_by(self, public_key: MessageVerifier) -> bool:
        """Whether the station of that key signed the manifest."""
        return manifest_signature_fits(self.manifest_bytes, self.station_signature, public_key)


def make_package(manifest: Manifest, blobs: Mapping[str, bytes], station: MessageSigner) -> Package:
    """Sign the manifest and put it together with its blobs.

    Raises:
        EvidenceError: the manifest or a blob breaks a limit, or a blob is not what the manifest says.
    """
    check_blobs(manifest, blobs)
    data = manifest.to_bytes()
    return Package(data, sign_manifest(data, station), dict(blobs))


def encode_package(package: Package) -> bytes:
    """The bytes of a package.

    Raises:
        EvidenceError: as `decode_package` would.
    """
    manifest = package.manifest
    check_blobs(manifest, package.blobs)
    if not 0 < len(package.station_signature) <= MAX_SIGNATURE_BYTES:
        raise EvidenceError("evidence.bad-package")
    pieces = [
        _HEAD.pack(
            MAGIC,
            VERSION,
            len(manifest.blobs),
            len(package.manifest_bytes),
            len(package.station_signature),
        ),
        package.manifest_bytes,
        package.station_signature,
    ]
    for entry in manifest.blobs:
        pieces.append(struct.pack("<I", entry.size))
        pieces.append(package.blobs[entry.name])
    if sum(map(len, pieces)) > MAX_PACKAGE_BYTES:
        raise EvidenceError("evidence.package-too-large", limit=MAX_PACKAGE_BYTES)
    return b"".join(pieces)


def decode_package(data: bytes) -> Package:
    """Read a package; every blob is compared with the manifest, the signature is not checked.

    Raises:
        EvidenceError: `evidence.package-too-large`, `evidence.unknown-version`, `evidence.bad-package`,
            `evidence.blob-changed`, or what `Manifest.parse` raises.
    """
    if len(data) > MAX_PACKAGE_BYTES:
        raise EvidenceError("evidence.package-too-large", limit=MAX_PACKAGE_BYTES)
    if len(data) < _HEAD.size:
        raise EvidenceError("evidence.bad-package")
    magic, version, count, manifest_size, signature_size = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise EvidenceError("evidence.bad-package")
    if version != VERSION:
        raise EvidenceError("evidence.unknown-version", version=version)
    if (
        manifest_size > MAX_MANIFEST_BYTES
        or not 0 < signature_size <= MAX_SIGNATURE_BYTES
        or count > MAX_BLOBS
    ):
        raise EvidenceError("evidence.bad-package")
    cursor = _Cursor(data, _HEAD.size)
    manifest_bytes = cursor.take(manifest_size)
    signature = cursor.take(signature_size)
    manifest = Manifest.parse(manifest_bytes)
    if count != len(manifest.blobs):
        raise EvidenceError("evidence.bad-package")
    blobs: dict[str, bytes] = {}
    for entry in manifest.blobs:
        (size,) = struct.unpack("<I", cursor.take(4))
        if size != entry.size or size > MAX_BLOB_BYTES:
            raise EvidenceError("evidence.blob-changed", name=entry.name)
        blobs[entry.name] = cursor.take(size)
    cursor.end()
    check_blobs(manifest, blobs)
    return Package(manifest_bytes, signature, blobs)


class _Cursor:
    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise EvidenceError("evidence.bad-package")
        self._at += size
        return self._data[self._at - size : self._at]

    def end(self) -> None:
        if self._at != len(self._data):
            raise EvidenceError("evidence.bad-package")
