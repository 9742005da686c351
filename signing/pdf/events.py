"""What the event signatures of a PDF say of themselves, for whoever has the evidence to compare."""

from __future__ import annotations

from dataclasses import dataclass

from signing.cms import CmsError, parse_signed_data
from signing.evidence import EVENT_BINDING_OID
from signing.pdf.appearance import read_appearance
from signing.pdf.errors import PdfError, PdfSignError
from signing.pdf.limits import DEFAULT_LIMITS, Limits
from signing.pdf.reading import FOREIGN, open_reader, reading
from signing.pdf.signatures import Found, find_signatures
from signing.pki import Certificate
from signing.sm import sm3


@dataclass(frozen=True, slots=True)
class EventSignature:
    """A signature by an event certificate.

    `number` counts as in the verdict; `document_digest` is the SM3 of all bytes before the increment, None
    where the signature does not say where that begins; `picture` are the canonical bytes of the ink that the
    field shows, None when it shows none.
    """

    number: int
    certificate: Certificate
    document_digest: bytes | None
    picture: bytes | None


def event_signatures(data: bytes, limits: Limits = DEFAULT_LIMITS) -> list[EventSignature]:
    """The event signatures of a PDF, nothing verified; what cannot be read is left out."""
    signatures: list[EventSignature] = []
    try:
        reader = open_reader(data, limits)
        with reading():
            found = find_signatures(reader, data)
    except PdfError:
        return []
    for number, item in enumerate(found, start=1):
        certificate = _certificate(item)
        if certificate is not None and certificate.extension(EVENT_BINDING_OID) is not None:
            digest = None if item.base is None else sm3(data[: item.base])
            signatures.append(EventSignature(number, certificate, digest, _picture(item)))
    return signatures


def _certificate(found: Found) -> Certificate | None:
    try:
        message = parse_signed_data(found.cms)
    except CmsError:
        return None
    if len(message.signers) != 1:
        return None
    return next((c for c in message.certificates if message.signers[0].names(c)), None)


def _picture(found: Found) -> bytes | None:
    try:
        picture = read_appearance(found.widget).picture
    except PdfSignError:
        return None
    except FOREIGN:
        return None
    return None if picture is None else picture.to_bytes()
