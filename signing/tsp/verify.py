"""Reading responses and verifying tokens: bound to the message, to one certificate, to an anchor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signing.cms import CmsError, SignedData, TimestampVerifier, parse_signed_data, verify_signed_data
from signing.cms.oids import SIGNING_CERTIFICATE_V2, TST_INFO
from signing.pki import Certificate, PathResult, Usage, digest
from signing.sm import SmError, der
from signing.tsp.errors import TspError
from signing.tsp.token import TstInfo, parse_tst_info
from signing.verdict import Check, CheckName, Outcome

MAX_RESPONSE = 1024 * 1024
_GRANTED = (0, 1)


@dataclass(frozen=True, slots=True)
class TokenResult:
    """What was found about one token. `gen_time` is what the token states, trusted only as far as `checks`.

    Every check is named `TIME_STAMP`, so that a token inside a signature does not hide behind the
    signature's own lines.
    """

    checks: tuple[Check, ...]
    info: TstInfo | None
    certificate: Certificate | None
    path: PathResult | None

    @property
    def gen_time(self) -> datetime | None:
        """genTime, aware UTC."""
        return self.info.gen_time if self.info else None

    @property
    def serial(self) -> int | None:
        """The token's serial number."""
        return self.info.serial if self.info else None

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of the checks."""
        return max(check.outcome for check in self.checks)


def token_from_response(data: bytes, *, nonce: int | None = None) -> bytes:
    """The DER token of a granted TimeStampResp of at most 1 MiB; its nonce must be `nonce` when given.

    Raises:
        TspError: `tsp.bad-response`, `tsp.rejected` with the status and failure, `tsp.wrong-nonce`,
            `tsp.bad-token`.
    """
    if len(data) > MAX_RESPONSE:
        raise TspError("tsp.bad-response", problem="larger than 1 MiB")
    try:
        reader = der.read_sequence(data)
        status_info = reader.take(der.SEQUENCE).reader()
        status = status_info.take(der.INTEGER).integer()
        status_info.optional(der.SEQUENCE)
        failure = status_info.optional(der.BIT_STRING)
        if status not in _GRANTED:
            raise TspError("tsp.rejected", status=status, failure=_failure_bit(failure))
        token = reader.take(der.SEQUENCE).raw
        reader.end()
    except SmError as error:
        problem = str(error.params.get("problem", error.code))
        raise TspError("tsp.bad-response", problem=problem) from None
    if nonce is not None and parse_token(token)[1].nonce != nonce:
        raise TspError("tsp.wrong-nonce")
    return token


def parse_token(token: bytes) -> tuple[SignedData, TstInfo]:
    """The parts of a DER token, nothing verified.

    Raises:
        TspError: `tsp.bad-token`.
    """
    try:
        message = parse_signed_data(token)
    except CmsError as error:
        raise TspError("tsp.bad-token", problem=error.code) from None
    if message.content_type != TST_INFO or message.content is None or len(message.signers) != 1:
        raise TspError("tsp.bad-token", problem="content")
    return message, parse_tst_info(message.content)


def verify_token(
    token: bytes,
    message: bytes,
    *,
    anchors: Sequence[Certificate],
    extra_certificates: Sequence[Certificate] = (),
    at: datetime | None = None,
    strict: bool = False,
) -> TokenResult:
    """Verify that `token` stamps `message` and was made by a TSA under one of `anchors`.

    The path is validated as of `at`, by default the token's own genTime. The TSA's certificate must have
    time stamping as sole, critical extended key usage, and signingCertificateV2 must name exactly it.
    `strict` is that of `signing.cms.verify_signed_data`.
    """
    try:
        parsed, info = parse_token(token)
    except TspError as error:
        failed = Check(CheckName.TIME_STAMP, Outcome.FAIL, error.code, params=_strings(error.params))
        return TokenResult((failed,), None, None, None)
    checks = [_imprint_check(info, message)]
    if SIGNING_CERTIFICATE_V2 not in parsed.signers[0].signed_attributes:
        checks.append(Check(CheckName.TIME_STAMP, Outcome.FAIL, "tsp.not-bound-to-certificate"))
    result = verify_signed_data(
        token,
        anchors=anchors,
        extra_certificates=extra_certificates,
        at=at or info.gen_time,
        usage=Usage.TIME_STAMP,
        strict=strict,
        content_type=TST_INFO,
    )[0]
    checks += [
        Check(CheckName.TIME_STAMP, check.outcome, check.reason, check.subject, check.params)
        for check in result.checks
    ]
    return TokenResult(tuple(checks), info, result.certificate, result.path)


def token_verifier(
    anchors: Sequence[Certificate],
    extra_certificates: Sequence[Certificate] = (),
    *,
    strict: bool = False,
) -> TimestampVerifier:
    """`verify_token` with the anchors filled in, as `signing.cms.verify_signed_data` wants it."""

    def verify(token: bytes, message: bytes) -> TokenResult:
        return verify_token(
            token, message, anchors=anchors, extra_certificates=extra_certificates, strict=strict
        )

    return verify


def _imprint_check(info: TstInfo, message: bytes) -> Check:
    params = {"time": info.gen_time.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if digest(info.digest_algorithm, message) == info.digest:
        return Check(CheckName.TIME_STAMP, Outcome.PASS, "tsp.imprint-right", params=params)
    return Check(CheckName.TIME_STAMP, Outcome.FAIL, "tsp.imprint-wrong", params=params)


def _failure_bit(failure: der.Element | None) -> int:
    """The first PKIFailureInfo bit that is set, −1 when none is."""
    octets = failure.content[1:] if failure else b""
    bits = "".join(f"{octet:08b}" for octet in octets[:8])
    return bits.find("1")


def _strings(params: dict[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in params.items()}
