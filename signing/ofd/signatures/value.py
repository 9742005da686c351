"""Judges SignedValue.dat by what it is: a seal signature, a GB/T 35275 SignedData, or bare numbers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from signing.cms import CmsError, SignedData, SignerResult, oids, parse_signed_data, verify_signed_data
from signing.ofd.errors import OfdError
from signing.ofd.package import OfdPackage
from signing.ofd.signatures.listing import SignatureFile
from signing.pki import Certificate
from signing.seal import SealError, SealSignature, looks_like_seal_signature, parse_seal_signature
from signing.seal.der import INTEGER, OID, SEQUENCE, single
from signing.seal.verify import verify_seal_signature
from signing.sm import der, sm3
from signing.tsp import token_verifier
from signing.verdict import Check, CheckName, Outcome

_RAW_SIZE = 64
_DATA_TYPES = (oids.DATA, oids.GM_DATA)
_CHINA = timezone(timedelta(hours=8))
_TIMES = (
    ("%Y%m%d%H%M%SZ", UTC),
    ("%Y-%m-%dT%H:%M:%SZ", UTC),
    ("%Y-%m-%d %H:%M:%S", _CHINA),
    ("%Y-%m-%dT%H:%M:%S", _CHINA),
    ("%Y%m%d%H%M%S", _CHINA),
)


@dataclass(frozen=True, slots=True)
class ValueResult:
    """What a signature value says.

    `kind` is `ses-v1`, `ses-v4`, `ses-v5`, `gbt35275`, `bare` or `unreadable`.
    """

    kind: str
    checks: list[Check] = field(default_factory=list)
    certificate: Certificate | None = None
    signed_at: datetime | None = None
    stamped_at: datetime | None = None
    anchor: Certificate | None = None
    seal_signature: SealSignature | None = None


def judge_value(
    package: OfdPackage,
    file: SignatureFile,
    *,
    anchors: Sequence[Certificate],
    at: datetime | None,
    strict: bool,
    known_extensions: frozenset[str],
) -> ValueResult:
    """Read and check the value of one signature over the stored bytes of its Signature.xml."""
    if file.value_member is None:
        return _unreadable("ofdsign.value-missing", file.value_location)
    try:
        value = package.read(file.value_member)
    except OfdError:
        return _unreadable("ofdsign.member-damaged", file.value_member)
    if looks_like_seal_signature(value):
        return _seal_signature(value, file, anchors, at, strict, known_extensions)
    if _is_content_info(value):
        return _signed_data(value, file, anchors, at)
    if _is_bare(value):
        check = Check(CheckName.SIGNATURE_VALUE, Outcome.UNDECIDED, "ofdsign.no-certificate")
        return ValueResult("bare", [check])
    return _unreadable("ofdsign.value-unknown", file.value_member)


def _seal_signature(
    value: bytes,
    file: SignatureFile,
    anchors: Sequence[Certificate],
    at: datetime | None,
    strict: bool,
    known_extensions: frozenset[str],
) -> ValueResult:
    try:
        signature = parse_seal_signature(value)
    except SealError as error:
        params = {key: str(item) for key, item in error.params.items()}
        check = Check(CheckName.SIGNATURE_VALUE, Outcome.FAIL, error.code, file.value_member or "", params)
        return ValueResult("unreadable", [check])
    result = verify_seal_signature(
        signature, file.data, anchors=anchors, at=at, strict=strict, known_extensions=known_extensions
    )
    return ValueResult(
        kind=f"ses-{signature.layout}",
        checks=list(result.checks),
        certificate=result.certificate,
        signed_at=result.signed_at,
        stamped_at=result.stamped_at,
        anchor=result.anchor,
        seal_signature=signature,
    )


def _signed_data(
    value: bytes, file: SignatureFile, anchors: Sequence[Certificate], at: datetime | None
) -> ValueResult:
    """GB/T 35275: the content is the digest of Signature.xml, or absent and Signature.xml itself is meant."""
    try:
        message = parse_signed_data(value)
        checks = [] if message.content is None else [_content_check(message.content, file.data)]
        timed = any(oids.SIGNING_TIME in signer.signed_attributes for signer in message.signers)
        claimed = None if timed else claimed_time(file.date_time)
        results = verify_signed_data(
            value,
            content=file.data if message.content is None else None,
            anchors=anchors,
            at=at or claimed,
            timestamp_verifier=token_verifier(anchors),
        )
    except CmsError as error:
        params = {key: str(item) for key, item in error.params.items()}
        check = Check(CheckName.SIGNATURE_VALUE, Outcome.FAIL, error.code, file.value_member or "", params)
        return ValueResult("gbt35275", [check])
    for result in results:
        checks += _tolerated(message, result)
    first = results[0]
    anchor = first.path.anchor if first.path else None
    return ValueResult(
        kind="gbt35275",
        checks=checks,
        certificate=first.certificate,
        signed_at=first.signing_time or claimed,
        stamped_at=first.timestamp.gen_time if first.timestamp else None,
        anchor=anchor,
    )


def _tolerated(message: SignedData, result: SignerResult) -> list[Check]:
    """The signer's checks; a content type attribute of the other dialect, which real ones have, warns."""
    signer = result.signer
    checks = []
    for check in result.checks:
        if check.reason == "cms.content-type-wrong" and message.content_type in _DATA_TYPES:
            written = signer.signed_attributes.get(oids.CONTENT_TYPE)
            if written in [(der.oid(kind),) for kind in _DATA_TYPES]:
                check = Check(CheckName.DATA_HASH, Outcome.WARNING, "ofdsign.content-type")
        checks.append(check)
    return checks


def claimed_time(text: str) -> datetime | None:
    """SignatureDateTime as people write it; without a zone it is taken as China's (UTC+8)."""
    for pattern, zone in _TIMES:
        try:
            return datetime.strptime(text.strip(), pattern).replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _content_check(content: bytes, data: bytes) -> Check:
    due = sm3(data)
    good = content == due
    if not good:
        try:
            good = base64.b64decode(content.strip(), validate=True) == due
        except (binascii.Error, ValueError):
            good = False
    return Check(
        CheckName.DATA_HASH,
        Outcome.PASS if good else Outcome.FAIL,
        "ofdsign.content-good" if good else "ofdsign.content-bad",
    )


def _is_content_info(value: bytes) -> bool:
    try:
        root = single(value)
        return root.tag == SEQUENCE and root.children()[0].tag == OID
    except (SealError, IndexError):
        return False


def _is_bare(value: bytes) -> bool:
    """SM2Signature {r, s}, or r‖s, without any certificate."""
    if len(value) == _RAW_SIZE:
        return True
    try:
        root = single(value)
        return root.tag == SEQUENCE and [item.tag for item in root.children()] == [INTEGER, INTEGER]
    except SealError:
        return False


def _unreadable(reason: str, subject: str) -> ValueResult:
    return ValueResult("unreadable", [Check(CheckName.SIGNATURE_VALUE, Outcome.FAIL, reason, subject)])
