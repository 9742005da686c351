"""The event certificate's extension: what was signed with, bound for good (`docs/evidence-format.md`).

    EventBinding ::= SEQUENCE {
        version   INTEGER { v1(1) },
        document  Digest,
        manifest  Digest,
        ink       Digest,
        picture   SaltedDigest,
        others    SEQUENCE SIZE (0..14) OF NamedDigest }
    Digest       ::= OCTET STRING (SIZE (32))
    SaltedDigest ::= SEQUENCE { salt OCTET STRING (SIZE (32)), digest Digest }
    NamedDigest  ::= SEQUENCE { name IA5String, digest Digest }

Only the picture's salt is in the certificate: the picture is visible in the document anyway, and so
anyone can check it; ink, photo and the rest can be matched only by who has the manifest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from signing.evidence.errors import EvidenceError
from signing.evidence.manifest import (
    DIGEST_BYTES,
    INK,
    MAX_BLOBS,
    PICTURE,
    SALT_BYTES,
    Manifest,
    blob_digest,
)
from signing.pki import Certificate
from signing.sm import SmError, der, sm3
from signing.verdict import Check, CheckName, Outcome

EVENT_BINDING_OID = "2.25.122219849785894548970529618056445012443"
"""UUID 5bf2afd5-68c3-4805-944a-6ac1ae71a9db under 2.25 (ITU-T X.667), minted once for this extension."""

MAX_BINDING_BYTES = 4096

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class EventBinding:
    """The digests that an event certificate carries, each 32 bytes.

    `document` is the document digest, `manifest` SM3 of the manifest's bytes, `ink` and each of
    `others` the salted digests out of the manifest, `picture` with its salt.
    """

    document: bytes
    manifest: bytes
    ink: bytes
    picture_salt: bytes
    picture: bytes
    others: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def of(cls, manifest_bytes: bytes) -> EventBinding:
        """The binding that belongs to a manifest.

        Raises:
            EvidenceError: as `Manifest.parse`.
        """
        manifest = Manifest.parse(manifest_bytes)
        picture = manifest.blob(PICTURE)
        return cls(
            document=manifest.document_digest,
            manifest=sm3(manifest_bytes),
            ink=manifest.blob(INK).digest,
            picture_salt=picture.salt,
            picture=picture.digest,
            others=tuple(
                (entry.name, entry.digest) for entry in manifest.blobs if entry.name not in (INK, PICTURE)
            ),
        )

    def to_der(self) -> bytes:
        """The extension's value."""
        return der.sequence(
            der.integer(1),
            der.octet_string(self.document),
            der.octet_string(self.manifest),
            der.octet_string(self.ink),
            der.sequence(der.octet_string(self.picture_salt), der.octet_string(self.picture)),
            der.sequence(
                *(
                    der.sequence(der.tlv(der.IA5_STRING, name.encode("ascii")), der.octet_string(digest))
                    for name, digest in self.others
                )
            ),
        )

    @classmethod
    def from_der(cls, data: bytes) -> EventBinding:
        """Read the extension's value; `to_der` of the result gives `data` again.

        Raises:
            EvidenceError: `evidence.bad-binding`.
        """
        try:
            binding = cls._read(data)
        except SmError:
            raise EvidenceError("evidence.bad-binding") from None
        if binding.to_der() != data:
            raise EvidenceError("evidence.bad-binding")
        return binding

    @classmethod
    def of_certificate(cls, certificate: Certificate) -> EventBinding | None:
        """The binding in a certificate, None when it has none.

        Raises:
            EvidenceError: `evidence.bad-binding`.
        """
        value = certificate.extension(EVENT_BINDING_OID)
        return None if value is None else cls.from_der(value)

    @classmethod
    def _read(cls, data: bytes) -> EventBinding:
        if len(data) > MAX_BINDING_BYTES:
            raise EvidenceError("evidence.bad-binding")
        reader = der.read_sequence(data)
        if reader.take(der.INTEGER).integer() != 1:
            raise EvidenceError("evidence.bad-binding")
        document = _octets(reader, DIGEST_BYTES)
        manifest = _octets(reader, DIGEST_BYTES)
        ink = _octets(reader, DIGEST_BYTES)
        picture = reader.take(der.SEQUENCE).reader()
        salt, picture_digest = _octets(picture, SALT_BYTES), _octets(picture, DIGEST_BYTES)
        picture.end()
        others: list[tuple[str, bytes]] = []
        for item in reader.take(der.SEQUENCE).reader().rest(MAX_BLOBS - 2):
            inner = item.reader()
            name = inner.take(der.IA5_STRING).content.decode("ascii", "replace")
            if not _NAME.fullmatch(name):
                raise EvidenceError("evidence.bad-binding")
            others.append((name, _octets(inner, DIGEST_BYTES)))
            inner.end()
        reader.end()
        names = [name for name, _ in others]
        if names != sorted(set(names)) or INK in names or PICTURE in names:
            raise EvidenceError("evidence.bad-binding")
        return cls(document, manifest, ink, salt, picture_digest, tuple(others))


def check_binding(
    certificate: Certificate,
    *,
    document_digest: bytes | None = None,
    picture_bytes: bytes | None = None,
    manifest: bytes | None = None,
    blobs: Mapping[str, bytes] | None = None,
) -> tuple[Check, ...]:
    """Compare an event certificate with whatever of the evidence is at hand, one check a binding.

    `document_digest` as computed from the document (32 bytes), `picture_bytes` the canonical picture,
    `manifest` its stored bytes, `blobs` all blobs by name (salts come from `manifest`, without which
    only the picture among them can be checked). The checks' subjects are `document`, `manifest`,
    `ink`, `picture`, `photo`, …; a broken one is FAIL with the reason `evidence.<subject>-not-bound`.
    """
    try:
        binding = EventBinding.of_certificate(certificate)
    except EvidenceError as error:
        return (_check("certificate", Outcome.FAIL, error.code),)
    if binding is None:
        return (_check("certificate", Outcome.FAIL, "evidence.binding-missing"),)
    checks: list[Check] = []
    if document_digest is not None:
        checks.append(_compare("document", document_digest, binding.document))
    if picture_bytes is not None:
        checks.append(_compare(PICTURE, blob_digest(binding.picture_salt, picture_bytes), binding.picture))
    if manifest is not None:
        checks += _check_manifest(binding, manifest, document_digest is None)
    if blobs is not None:
        checks += _check_blobs(binding, manifest, blobs)
    return tuple(checks)


def _check_manifest(binding: EventBinding, data: bytes, alone: bool) -> list[Check]:
    checks = [_compare("manifest", sm3(data), binding.manifest)]
    try:
        manifest = Manifest.parse(data)
    except EvidenceError as error:
        return [*checks, _check("manifest", Outcome.FAIL, error.code, **_texts(error))]
    if alone or manifest.document_digest != binding.document:
        checks.append(_compare("document", manifest.document_digest, binding.document))
    return checks


def _check_blobs(
    binding: EventBinding, manifest_bytes: bytes | None, blobs: Mapping[str, bytes]
) -> list[Check]:
    salts: dict[str, bytes] = {PICTURE: binding.picture_salt}
    if manifest_bytes is not None:
        try:
            salts |= {entry.name: entry.salt for entry in Manifest.parse(manifest_bytes).blobs}
        except EvidenceError:
            salts = {PICTURE: binding.picture_salt}
    bound = {INK: binding.ink, PICTURE: binding.picture, **dict(binding.others)}
    checks: list[Check] = []
    for name, digest in bound.items():
        if name not in blobs:
            checks.append(_check(name, Outcome.FAIL, "evidence.blob-missing", name=name))
        elif name in salts:
            checks.append(_compare(name, blob_digest(salts[name], blobs[name]), digest))
        else:
            checks.append(_check(name, Outcome.UNDECIDED, "evidence.no-salt", name=name))
    for name in sorted(set(blobs) - set(bound)):
        checks.append(_check(name, Outcome.FAIL, "evidence.blob-not-bound", name=name))
    return checks


def _compare(name: str, found: bytes, bound: bytes) -> Check:
    if found == bound:
        return _check(name, Outcome.PASS, "evidence.bound")
    known = ("document", "manifest", INK, PICTURE, "photo", "fingerprint", "id-data")
    reason = f"evidence.{name}-not-bound" if name in known else "evidence.blob-not-bound"
    return _check(name, Outcome.FAIL, reason, name=name)


def _check(subject: str, outcome: Outcome, reason: str, **params: str) -> Check:
    return Check(CheckName.EVIDENCE_BINDING, outcome, reason, subject, params)


def _texts(error: EvidenceError) -> dict[str, str]:
    return {key: str(value) for key, value in error.params.items()}


def _octets(reader: der.Reader, size: int) -> bytes:
    content = reader.take(der.OCTET_STRING).content
    if len(content) != size:
        raise EvidenceError("evidence.bad-binding")
    return content
