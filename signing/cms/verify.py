"""Verifying SignedData: one result per signer, each thing that was looked at a check of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from signing.cms import oids
from signing.cms.attributes import names_certificate, protects_algorithms
from signing.cms.errors import CmsError
from signing.cms.model import SignedData, SignerInfo
from signing.cms.read import parse_signed_data
from signing.cms.strict import check_strict
from signing.pki import (
    Certificate,
    PathResult,
    PkiError,
    RevocationData,
    Usage,
    digest,
    parse_crl,
    validate_path,
    verify_signature,
)
from signing.sm import SmError, der, read_signature
from signing.verdict import Check, CheckName, Outcome

CLOCK_TOLERANCE = timedelta(minutes=5)


class TimestampResult(Protocol):
    """What a time stamp's verifier found (`signing.tsp.TokenResult`)."""

    @property
    def checks(self) -> tuple[Check, ...]: ...

    @property
    def gen_time(self) -> datetime | None: ...

    @property
    def outcome(self) -> Outcome: ...


TimestampVerifier = Callable[[bytes, bytes], TimestampResult]
"""(token DER, stamped bytes) → what was found; `signing.tsp.token_verifier(anchors)` makes one."""


@dataclass(frozen=True, slots=True)
class SignerResult:
    """What was found about one signer. Times are aware UTC; `signing_time` is only the signer's claim."""

    certificate: Certificate | None
    checks: tuple[Check, ...]
    signing_time: datetime | None
    timestamp_token: bytes | None
    timestamp: TimestampResult | None
    path: PathResult | None
    signer: SignerInfo

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of the checks."""
        return max(check.outcome for check in self.checks)


def verify_signed_data(
    data: bytes,
    *,
    content: bytes | None = None,
    anchors: Sequence[Certificate],
    extra_certificates: Sequence[Certificate] = (),
    at: datetime | None = None,
    usage: Usage = Usage.SIGNATURE,
    strict: bool = False,
    timestamp_verifier: TimestampVerifier | None = None,
    known_extensions: frozenset[str] = frozenset(),
    content_type: str | None = None,
    revocation: RevocationData | None = None,
) -> list[SignerResult]:
    """Verify every signer of `data`.

    The path is validated as of `at`; when None, as of the time stamp where one was verified, else of the
    claimed signing time, else of now. `strict` also asks that the bytes be exactly what this room would
    have written: DER, certificates exactly the path (with or without the anchor), digestAlgorithms the
    signer's, no CRL, no unsigned attribute but one time stamp, and the content type `content_type` (by
    default plain data of the dialect), which nothing signs when there are no attributes. A time stamp
    without a `timestamp_verifier` is undecided. With `revocation`, the lists that the message carries are
    used beside it. What was tolerated in reading is a note.

    Raises:
        CmsError: what `parse_signed_data` raises; `cms.no-signer`; `cms.content-missing` when the
            signature is detached and no `content` is given.
    """
    message = parse_signed_data(data)
    if not message.signers:
        raise CmsError("cms.no-signer")
    signed = message.content if content is None else content
    if signed is None:
        raise CmsError("cms.content-missing")
    verifier = _Verifier(
        message,
        signed,
        anchors,
        extra_certificates,
        at,
        usage,
        strict,
        timestamp_verifier,
        known_extensions,
        content_type,
        _with_carried(revocation, message),
    )
    return [verifier.verify(signer) for signer in message.signers]


@dataclass(frozen=True, slots=True)
class _Verifier:
    message: SignedData
    content: bytes
    anchors: Sequence[Certificate]
    extra: Sequence[Certificate]
    at: datetime | None
    usage: Usage
    strict: bool
    timestamp_verifier: TimestampVerifier | None
    known_extensions: frozenset[str]
    content_type: str | None
    revocation: RevocationData | None

    def verify(self, signer: SignerInfo) -> SignerResult:
        checks = [*self._content_checks(signer)]
        signing_time, time_check = _signing_time(signer)
        checks += time_check
        token, timestamp = self._timestamp(signer, checks)
        certificate = next((c for c in (*self.message.certificates, *self.extra) if signer.names(c)), None)
        if certificate is None:
            checks.append(Check(CheckName.CERTIFICATE_PATH, Outcome.UNDECIDED, "cms.no-certificate"))
            return SignerResult(None, tuple(checks), signing_time, token, timestamp, None, signer)
        checks += self._binding_checks(signer, certificate)
        checks.append(self._signature_check(signer, certificate))
        stamped = timestamp.gen_time if timestamp and timestamp.outcome < Outcome.UNDECIDED else None
        path = validate_path(
            certificate,
            (*self.message.certificates, *self.extra),
            self.anchors,
            at=self.at or stamped or signing_time or datetime.now(UTC),
            usage=self.usage,
            known_extensions=self.known_extensions,
            revocation=self.revocation,
        )
        checks += path.checks
        checks += _times(certificate, signing_time, stamped)
        if self.message.tolerated:
            quirks = {"quirks": ", ".join(self.message.tolerated)}
            checks.append(Check(CheckName.STRUCTURE, Outcome.NOTE, "cms.tolerated", params=quirks))
        if self.strict:
            checks.append(check_strict(self.message, signer, certificate, path, self.content_type))
        return SignerResult(certificate, tuple(checks), signing_time, token, timestamp, path, signer)

    def _content_checks(self, signer: SignerInfo) -> Iterator[Check]:
        if self.message.content is not None and self.message.content != self.content:
            yield Check(CheckName.DATA_HASH, Outcome.FAIL, "cms.content-differs")
        if signer.signed_attributes_der is None:
            return
        kind = signer.signed_attributes.get(oids.CONTENT_TYPE)
        if kind != (der.oid(self.message.content_type),):
            yield Check(CheckName.DATA_HASH, Outcome.FAIL, "cms.content-type-wrong")
        try:
            expected = der.octet_string(digest(signer.digest_algorithm, self.content))
        except PkiError as error:
            yield _unsupported(CheckName.DATA_HASH, error)
            return
        if signer.signed_attributes.get(oids.MESSAGE_DIGEST) == (expected,):
            yield Check(CheckName.DATA_HASH, Outcome.PASS, "cms.digest-right")
        else:
            yield Check(CheckName.DATA_HASH, Outcome.FAIL, "cms.digest-wrong")

    def _binding_checks(self, signer: SignerInfo, certificate: Certificate) -> Iterator[Check]:
        try:
            named = signer.signed_attributes.get(oids.SIGNING_CERTIFICATE_V2)
            if named is not None and not (len(named) == 1 and names_certificate(named[0], certificate)):
                yield Check(CheckName.SIGNATURE_VALUE, Outcome.FAIL, "cms.other-certificate")
            protected = signer.signed_attributes.get(oids.ALGORITHM_PROTECTION)
            if protected is not None and not (
                len(protected) == 1 and protects_algorithms(protected[0], signer)
            ):
                yield Check(CheckName.SIGNATURE_VALUE, Outcome.FAIL, "cms.other-algorithms")
        except SmError:
            yield Check(CheckName.STRUCTURE, Outcome.FAIL, "cms.bad-attribute")
        except PkiError as error:
            yield _unsupported(CheckName.SIGNATURE_VALUE, error)

    def _signature_check(self, signer: SignerInfo, certificate: Certificate) -> Check:
        stored = signer.signed_attributes_der
        value = signer.signature
        try:
            if certificate.public_key.algorithm == "sm2":
                value = read_signature(value)[0]
            for signed in (self.content,) if stored is None else _encodings(stored):
                if verify_signature(
                    certificate.public_key,
                    signer.signature_algorithm,
                    value,
                    signed,
                    digest_algorithm=signer.digest_algorithm,
                ):
                    return Check(CheckName.SIGNATURE_VALUE, Outcome.PASS, "cms.signature-right")
        except PkiError as error:
            return _unsupported(CheckName.SIGNATURE_VALUE, error)
        except SmError:
            pass
        return Check(CheckName.SIGNATURE_VALUE, Outcome.FAIL, "cms.signature-wrong")

    def _timestamp(
        self, signer: SignerInfo, checks: list[Check]
    ) -> tuple[bytes | None, TimestampResult | None]:
        tokens = signer.unsigned_attributes.get(oids.TIME_STAMP_TOKEN, ())
        if not tokens:
            return None, None
        if len(tokens) > 1 or self.timestamp_verifier is None:
            reason = "cms.time-stamp-not-checked" if len(tokens) == 1 else "cms.time-stamp-twice"
            checks.append(Check(CheckName.TIME_STAMP, Outcome.UNDECIDED, reason))
            return tokens[0], None
        result = self.timestamp_verifier(tokens[0], signer.signature)
        checks += result.checks
        return tokens[0], result


def _with_carried(revocation: RevocationData | None, message: SignedData) -> RevocationData | None:
    """`revocation` and the lists inside the message; one that cannot be read is as if it were not there."""
    if revocation is None:
        return None
    carried = []
    for crl in message.crls:
        try:
            carried.append(parse_crl(crl))
        except PkiError:
            continue
    return replace(revocation, crls=(*revocation.crls, *carried))


def _encodings(stored: bytes) -> tuple[bytes, ...]:
    """The attributes as stored and, where that is not DER, in DER order (RFC 5652 §5.4)."""
    ordered = der.set_of(element.raw for element in der.read_one(stored, der.SET).reader().rest())
    return (stored,) if ordered == stored else (ordered, stored)


def _signing_time(signer: SignerInfo) -> tuple[datetime | None, list[Check]]:
    values = signer.signed_attributes.get(oids.SIGNING_TIME)
    if values is None:
        return None, []
    try:
        if len(values) == 1:
            return der.read_one(values[0]).moment(), []
    except SmError:
        pass
    return None, [Check(CheckName.STRUCTURE, Outcome.FAIL, "cms.bad-attribute")]


def _times(
    certificate: Certificate, signing_time: datetime | None, stamped: datetime | None
) -> Iterator[Check]:
    """Claimed time and time stamp must lie inside the validity, the claim not after the stamp."""
    if stamped is not None and not certificate.not_before <= stamped <= certificate.not_after:
        params = {"at": stamped.strftime("%Y-%m-%dT%H:%M:%SZ")}
        yield Check(CheckName.TIME_STAMP, Outcome.FAIL, "cms.stamped-outside-validity", params=params)
    if signing_time is None:
        return
    claimed = {"at": signing_time.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if not certificate.not_before <= signing_time <= certificate.not_after:
        yield Check(CheckName.VALIDITY, Outcome.FAIL, "cms.signed-outside-validity", params=claimed)
    if stamped is not None and signing_time > stamped + CLOCK_TOLERANCE:
        yield Check(CheckName.TIME_STAMP, Outcome.WARNING, "cms.signed-after-stamp", params=claimed)


def _unsupported(name: CheckName, error: PkiError) -> Check:
    params = {key: str(value) for key, value in error.params.items()}
    return Check(name, Outcome.UNDECIDED, error.code, params=params)
