"""The sealed envelope: a package that only the server's encryption key opens.

SM4-GCM with a fresh key for each package; everything before the ciphertext is additional data, so the
header (version, task, station, counter, recipient key id) cannot be changed; the key by SM2 to the
server's encryption certificate (`protocol.md`, Evidence package; `docs/evidence-format.md`).
"""

from __future__ import annotations

import re
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from signing.evidence.errors import EvidenceError, describe
from signing.evidence.package import MAX_PACKAGE_BYTES, Package, decode_package, encode_package
from signing.pki import Certificate, PkiError, Usage, validate_path
from signing.sm import SM2PublicKey, SmError, sm3, sm4_gcm_decrypt, sm4_gcm_encrypt
from signing.verdict import Outcome
from signing.wire import Reader, WireError, dump_json, parse_json

MAGIC = b"PWSEAL\r\n"
VERSION = 1
MAX_HEADER_BYTES = 1024
MAX_KEY_BYTES = 512
MAX_ENVELOPE_BYTES = MAX_PACKAGE_BYTES + 4096

_HEAD = struct.Struct("<8sHHH")
_NONCE = 12
_TAG = 16
_KEY = 16
_ID = re.compile(r"[!-~]{1,64}")


class KeyOpener(Protocol):
    """Whoever holds the encryption key: `signing.sm.SM2PrivateKey` fits."""

    def decrypt(self, ciphertext: bytes, /) -> bytes:
        """The plaintext of a DER SM2Cipher; raises SmError."""


@dataclass(frozen=True, slots=True)
class EnvelopeHeader:
    """What can be read of an envelope without a key. `recipient` is `recipient_key_id` of the server's."""

    task_id: str
    station_id: str
    counter: int
    recipient: bytes

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return dump_json(
            {
                "version": VERSION,
                "task": self.task_id,
                "station": self.station_id,
                "counter": self.counter,
                "recipient": self.recipient.hex(),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> EnvelopeHeader:
        """Read canonical JSON.

        Raises:
            EvidenceError: `evidence.bad-envelope`.
        """
        try:
            reader = Reader(parse_json(data, max_bytes=MAX_HEADER_BYTES, max_depth=1))
            reader.integer("version", low=VERSION, high=VERSION)
            header = cls(
                task_id=reader.text("task", max_length=64, pattern=_ID),
                station_id=reader.text("station", max_length=64, pattern=_ID),
                counter=reader.integer("counter", low=1, high=(1 << 62) - 1),
                recipient=reader.hex_bytes("recipient", size=32),
            )
            reader.done()
        except WireError as error:
            raise EvidenceError("evidence.bad-envelope", detail=describe(error)) from None
        if header.to_bytes() != data:
            raise EvidenceError("evidence.bad-envelope", detail="header")
        return header


def recipient_key_id(certificate: Certificate) -> bytes:
    """SM3 of the certificate's SubjectPublicKeyInfo, 32 bytes."""
    return sm3(certificate.spki_der)


def envelope_digest(envelope: bytes) -> bytes:
    """SM3 of an envelope: what the station's next manifest names as `previous_envelope`."""
    return sm3(envelope)


def check_encryption_chain(
    chain: Sequence[bytes], anchors: Sequence[Certificate], *, at: datetime
) -> Certificate:
    """The server's encryption certificate out of a challenge, once path and key usage are right.

    Raises:
        EvidenceError: `evidence.bad-recipient` with the reason of the first check that did not pass.
    """
    try:
        certificates = [Certificate.from_der(der) for der in chain]
    except PkiError as error:
        raise EvidenceError("evidence.bad-recipient", detail=describe(error)) from None
    if not certificates:
        raise EvidenceError("evidence.bad-recipient", detail="")
    result = validate_path(certificates[0], certificates[1:], anchors, at=at, usage=Usage.ENCRYPTION)
    for check in result.checks:
        if check.outcome >= Outcome.UNDECIDED:
            raise EvidenceError("evidence.bad-recipient", detail=check.reason)
    _public_key(certificates[0])
    return certificates[0]


def seal_package(package: Package, *, recipient: Certificate) -> bytes:
    """Seal a package to a certificate that `check_encryption_chain` has accepted.

    Raises:
        EvidenceError: the package breaks a limit, or the certificate has no SM2 key.
    """
    manifest = package.manifest
    header = EnvelopeHeader(
        task_id=manifest.task_id,
        station_id=manifest.station_id,
        counter=manifest.counter,
        recipient=recipient_key_id(recipient),
    ).to_bytes()
    key = secrets.token_bytes(_KEY)
    nonce = secrets.token_bytes(_NONCE)
    wrapped = _public_key(recipient).encrypt(key)
    front = _HEAD.pack(MAGIC, VERSION, len(header), len(wrapped)) + header + wrapped + nonce
    return front + sm4_gcm_encrypt(key, nonce, encode_package(package), front)


def parse_header(envelope: bytes) -> EnvelopeHeader:
    """Read the header without a key; nothing of it is authentic before `open_package`.

    Raises:
        EvidenceError: `evidence.envelope-too-large`, `evidence.unknown-version`, `evidence.bad-envelope`.
    """
    return _split(envelope)[0]


def open_package(envelope: bytes, key: KeyOpener) -> Package:
    """Open an envelope in memory.

    Raises:
        EvidenceError: as `parse_header` and `decode_package`; `evidence.cannot-open` when the key or a
            bit is wrong; `evidence.header-mismatch` when header and manifest differ.
    """
    header, wrapped, nonce, at = _split(envelope)
    try:
        content_key = key.decrypt(wrapped)
        if len(content_key) != _KEY:
            raise EvidenceError("evidence.cannot-open")
        plain = sm4_gcm_decrypt(content_key, nonce, envelope[at:], envelope[:at])
    except SmError:
        raise EvidenceError("evidence.cannot-open") from None
    package = decode_package(plain)
    manifest = package.manifest
    if (manifest.task_id, manifest.station_id, manifest.counter) != (
        header.task_id,
        header.station_id,
        header.counter,
    ):
        raise EvidenceError("evidence.header-mismatch")
    return package


def _split(envelope: bytes) -> tuple[EnvelopeHeader, bytes, bytes, int]:
    if len(envelope) > MAX_ENVELOPE_BYTES:
        raise EvidenceError("evidence.envelope-too-large", limit=MAX_ENVELOPE_BYTES)
    if len(envelope) < _HEAD.size:
        raise EvidenceError("evidence.bad-envelope", detail="size")
    magic, version, header_size, key_size = _HEAD.unpack_from(envelope)
    if magic != MAGIC:
        raise EvidenceError("evidence.bad-envelope", detail="magic")
    if version != VERSION:
        raise EvidenceError("evidence.unknown-version", version=version)
    if header_size > MAX_HEADER_BYTES or not 0 < key_size <= MAX_KEY_BYTES:
        raise EvidenceError("evidence.bad-envelope", detail="size")
    at_key = _HEAD.size + header_size
    at_nonce = at_key + key_size
    at = at_nonce + _NONCE
    if len(envelope) < at + _TAG:
        raise EvidenceError("evidence.bad-envelope", detail="size")
    header = EnvelopeHeader.from_bytes(envelope[_HEAD.size : at_key])
    return header, envelope[at_key:at_nonce], envelope[at_nonce:at], at


def _public_key(certificate: Certificate) -> SM2PublicKey:
    try:
        key = certificate.public_key
    except PkiError as error:
        raise EvidenceError("evidence.bad-recipient", detail=describe(error)) from None
    if not isinstance(key, SM2PublicKey):
        raise EvidenceError("evidence.bad-recipient", detail=key.algorithm)
    return key
