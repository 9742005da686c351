"""PKCS#7: signed messages of GM/T 0010 (= GB/T 35275) for SM2 and of PKCS #7 for RSA, made and verified."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from server_stub.svs.codes import Reply
from server_stub.svs.digests import DigestSigner, Running, verify_digest
from server_stub.svs.errors import SvsFault
from server_stub.svs.keys import ServiceKey
from server_stub.svs.trust import CHAIN, Trust
from signing.cms import CmsError, SignedData, build_signed_data, parse_signed_data, verify_signed_data
from signing.cms.oids import MESSAGE_DIGEST
from signing.pki import Certificate, PkiError, Signer, verify_signature
from signing.sm import SmError, der
from signing.verdict import Outcome


def build_message(
    key: ServiceKey,
    content: bytes,
    *,
    digest: bytes | None = None,
    original: bool = False,
    chain: bool = False,
    attributes: bool = False,
    now: dt.datetime,
) -> bytes:
    """A signed message (DER) by a key of the service.

    `original` puts the content inside, `chain` the issuers' certificates, `attributes` asks for signed
    attributes (content type, digest, time). `digest` is what is signed in the place of the content: e of
    SM2 or SHA-256; with attributes it is the plain digest of the content.

    Raises:
        SvsFault: `PARAMETERS` for a digest together with `original`; `MESSAGE_FAILED`.
    """
    signer: Signer = key.signer
    if digest is not None:
        if original:
            raise SvsFault(Reply.PARAMETERS, field="originalText")
        if not attributes:
            signer = DigestSigner(key, digest)
    try:
        return build_signed_data(
            None if digest is not None and attributes else content,
            signer=signer,
            certificate=key.certificate,
            chain=key.chain if chain else (),
            dialect="gbt35275" if key.signer.algorithm == "sm2" else "rfc5652",
            detached=not original,
            attributes=attributes,
            signing_time=now if attributes else None,
            content_digest=digest if attributes else None,
        )
    except (CmsError, PkiError, SmError) as error:
        raise SvsFault(Reply.MESSAGE_FAILED) from error


def verify_message(
    message: bytes, content: bytes | None, trust: Trust, known: Sequence[Certificate] = ()
) -> list[Certificate]:
    """Verify every signer of a message and the state of their certificates; return these.

    `content` None takes what the message carries. `known` are certificates that the message may leave out.

    Raises:
        SvsFault: `DATA_FORMAT`, `CERTIFICATE`, `INVALID_SIGNATURE`, `VERIFY_FAILED`, those of `Trust.check`.
    """
    parsed, signers = _signers(message, trust, known)
    if content is None and parsed.content is None:
        raise SvsFault(Reply.PARAMETERS, field="inData")
    if content is not None and parsed.content is not None and content != parsed.content:
        raise SvsFault(Reply.INVALID_SIGNATURE)
    try:
        results = verify_signed_data(
            message, content=content, anchors=signers, extra_certificates=signers, at=trust.clock()
        )
    except CmsError as error:
        raise SvsFault(Reply.DATA_FORMAT, field="signedMessage") from error
    for result in results:
        if result.outcome is Outcome.FAIL:
            raise SvsFault(Reply.INVALID_SIGNATURE)
        if result.outcome is Outcome.UNDECIDED:
            raise SvsFault(Reply.VERIFY_FAILED)
    return signers


def verify_digested_message(
    message: bytes, running: Running, trust: Trust, known: Sequence[Certificate] = ()
) -> list[Certificate]:
    """Verify a message over content that was digested piece by piece.

    Raises:
        SvsFault: as `verify_message`; `PARAMETERS` when the SM2 key was not named at the beginning.
    """
    parsed, signers = _signers(message, trust, known)
    plain = running.plain.copy().finalize()
    for signer, certificate in zip(parsed.signers, signers, strict=True):
        if certificate.public_key.algorithm != running.algorithm:
            raise SvsFault(Reply.SIGN_METHOD, method=certificate.public_key.algorithm)
        if signer.signed_attributes_der is None:
            point = getattr(certificate.public_key, "point", None)
            if point is not None and running.point is not None and point != running.point:
                raise SvsFault(Reply.INVALID_SIGNATURE)
            right = verify_digest(certificate.public_key, signer.signature, running.to_sign())
        else:
            stored = signer.signed_attributes.get(MESSAGE_DIGEST, ())
            try:
                right = (
                    len(stored) == 1
                    and der.read_one(stored[0], der.OCTET_STRING).content == plain
                    and verify_signature(
                        certificate.public_key,
                        signer.signature_algorithm,
                        signer.signature,
                        signer.signed_attributes_der,
                        digest_algorithm=signer.digest_algorithm,
                    )
                )
            except (PkiError, SmError):
                right = False
        if not right:
            raise SvsFault(Reply.INVALID_SIGNATURE)
    return signers


def _signers(
    message: bytes, trust: Trust, known: Sequence[Certificate]
) -> tuple[SignedData, list[Certificate]]:
    """The parsed message and the checked certificate of each signer, in order."""
    try:
        parsed = parse_signed_data(message)
    except CmsError as error:
        raise SvsFault(Reply.DATA_FORMAT, field="signedMessage") from error
    if not parsed.signers:
        raise SvsFault(Reply.DATA_FORMAT, field="signedMessage")
    found = []
    for signer in parsed.signers:
        for certificate in (*parsed.certificates, *known):
            if signer.names(certificate):
                break
        else:
            raise SvsFault(Reply.CERTIFICATE)
        found.append(trust.check(certificate.der, CHAIN))
    return parsed, found
