"""Whether the event certificate's extension fits the document and the picture that are in the file."""

from __future__ import annotations

from signing.evidence import EVENT_BINDING_OID, check_binding
from signing.ofd.signatures.digest import digest_of_signature
from signing.ofd.signatures.errors import OfdSignError
from signing.ofd.signatures.listing import SignatureFile
from signing.ofd.signatures.picture import read_ink_seal_picture
from signing.pki import Certificate
from signing.seal import Picture
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
    try:
        if picture.type != "ofd":
            raise OfdSignError("ofdsign.not-ink-picture")
        drawn = read_ink_seal_picture(picture.data).to_bytes()
    except OfdSignError as error:
        checks = check_binding(certificate, document_digest=digest_of_signature(file))
        return [*checks, Check(CheckName.EVIDENCE_BINDING, Outcome.FAIL, error.code, "picture")]
    return list(check_binding(certificate, document_digest=digest_of_signature(file), picture_bytes=drawn))
