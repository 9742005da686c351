"""Strict read-back: the bytes must be the one form that `signing.cms.write` gives to their meaning.

A signature covers its attributes and content; the rest of the message (versions, algorithm lists,
certificates, unsigned attributes) is covered by nothing. Writing the message again from what was
verified and comparing byte for byte makes any change there visible.
"""

from __future__ import annotations

from signing.cms import oids
from signing.cms.attributes import attribute
from signing.cms.model import SignedData, SignerInfo
from signing.cms.write import DIGEST_IDENTIFIERS, SignerParts, encode_signed_data, signature_identifier_of
from signing.pki import Certificate, PathResult, PkiError
from signing.sm import SmError, check_der, der
from signing.verdict import Check, CheckName, Outcome


def check_strict(
    message: SignedData,
    signer: SignerInfo,
    certificate: Certificate,
    path: PathResult,
    content_type: str | None,
) -> Check:
    """PASS when `message` is exactly what we would have written for this one signer and path."""
    plain = oids.GM_DATA if message.dialect == "gbt35275" else oids.DATA
    if message.content_type != (content_type or plain):
        return Check(CheckName.STRUCTURE, Outcome.FAIL, "cms.strict-content-type")
    reason = _problem(message, signer, certificate, path)
    if reason:
        return Check(CheckName.STRUCTURE, Outcome.FAIL, reason)
    return Check(CheckName.STRUCTURE, Outcome.PASS, "cms.strict-right")


def _problem(message: SignedData, signer: SignerInfo, certificate: Certificate, path: PathResult) -> str:
    if not message.is_der:
        return "cms.strict-not-der"
    try:
        check_der(message.der)
    except SmError:
        return "cms.strict-not-der"
    if len(message.signers) != 1 or message.crls or message.unread_certificates:
        return "cms.strict-extra"
    tokens = signer.unsigned_attributes.get(oids.TIME_STAMP_TOKEN, ())
    if set(signer.unsigned_attributes) - {oids.TIME_STAMP_TOKEN} or len(tokens) > 1:
        return "cms.strict-extra"
    allowed = [set(path.path)]
    if path.anchor is not None:
        allowed.append(set(path.path) - {path.anchor})
    if set(message.certificates) not in allowed:
        return "cms.strict-certificates"
    if message.tolerated or signer.digest_algorithm not in DIGEST_IDENTIFIERS:
        return "cms.strict-form"
    try:
        algorithm = certificate.public_key.algorithm
        parts = SignerParts(
            certificate,
            DIGEST_IDENTIFIERS[signer.digest_algorithm],
            signature_identifier_of(algorithm, message.dialect),
            signer.signed_attributes_der,
            signer.signature,
            tuple(attribute(oids.TIME_STAMP_TOKEN, token) for token in tokens),
        )
    except (KeyError, PkiError):
        return "cms.strict-form"
    signed = signer.signed_attributes_der
    if signed is not None and signed != der.set_of(e.raw for e in der.read_one(signed).reader().rest()):
        return "cms.strict-form"
    expected = encode_signed_data(
        message.dialect, message.content_type, message.content, message.certificates, [parts]
    )
    return "" if expected == message.der else "cms.strict-form"
