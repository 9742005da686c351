"""Whether the event certificate's extension fits the document and the picture that are in the file."""

from __future__ import annotations

from dataclasses import dataclass

from signing.evidence import EVENT_BINDING_OID, check_binding
from signing.ofd.errors import OfdError
from signing.ofd.package import open_package
from signing.ofd.signatures.digest import digest_of_signature
from signing.ofd.signatures.errors import OfdSignError
from signing.ofd.signatures.listing import SignatureFile, read_lists, read_signature_file
from signing.ofd.signatures.picture import read_ink_seal_picture
from signing.pki import Certificate, PkiError
from signing.seal import Picture, SealError, parse_seal_signature
from signing.verdict import Check, CheckName, Outcome

KNOWN_EXTENSIONS = frozenset({EVENT_BINDING_OID})
"""Certificate extensions that this check processes, so that they may be critical."""


def check_event_binding(certificate: Certificate, picture: Picture, file: SignatureFile) -> list[Check]:
    """Compare the bound document digest with the References, the bound picture with the seal's.

    Nothing for a certificate that binds no evidence. Ink and media can only be compared by whoever holds the
    evidence.
    """
    if certificate.extension(EVENT_BINDING_OID) is None:
        return []
    digest = digest_of_signature(file)
    drawn = _drawn(picture)
    if drawn is None:
        failed = Check(CheckName.EVIDENCE_BINDING, Outcome.FAIL, "ofdsign.not-ink-picture", "picture")
        return [*check_binding(certificate, document_digest=digest), failed]
    return list(check_binding(certificate, document_digest=digest, picture_bytes=drawn))


@dataclass(frozen=True, slots=True)
class EventSignature:
    """A signature by an event certificate, as whoever has the evidence compares it.

    `number` counts as in the verdict; `document_digest` (32 bytes) follows from the References, `picture` are
    the canonical bytes of the drawn ink, None when the seal's picture is no ink.
    """

    number: int
    certificate: Certificate
    document_digest: bytes
    picture: bytes | None


def event_signatures(data: bytes) -> list[EventSignature]:
    """The event signatures of an OFD, nothing verified; what cannot be read is left out."""
    try:
        package = open_package(data)
        entries = [entry for listing in read_lists(package) for entry in listing.entries]
    except (OfdError, OfdSignError):
        return []
    found = []
    for number, entry in enumerate(entries, start=1):
        if entry.member is None:
            continue
        try:
            file = read_signature_file(package, entry.member)
            signature = parse_seal_signature(package.read(file.value_member or ""))
            certificate = Certificate.from_der(signature.certificate)
        except (OfdError, SealError, PkiError):
            continue
        if certificate.extension(EVENT_BINDING_OID) is not None:
            picture = _drawn(signature.seal.picture)
            found.append(EventSignature(number, certificate, digest_of_signature(file), picture))
    return found


def _drawn(picture: Picture) -> bytes | None:
    try:
        return read_ink_seal_picture(picture.data).to_bytes() if picture.type == "ofd" else None
    except OfdSignError:
        return None
