"""Judges a seal signature: one check for each thing that can be wrong, none of them standing for another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from signing.cms import CmsError
from signing.pki import (
    Certificate,
    PkiError,
    Usage,
    digest,
    usage_allows,
    validate_path,
    verify_signature,
)
from signing.seal.der import single
from signing.seal.errors import SealError
from signing.seal.model import (
    CHAIN_OID,
    GBT35275_SIGNED_DATA,
    SM2_WITH_SM3,
    SM3,
    Seal,
    SealSignature,
)
from signing.sm import SmError, raw_to_der, sm3
from signing.tsp import TspError, verify_token
from signing.verdict import Check, CheckName, Outcome

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a claimed signing time may lie after its time stamp."""

_MAX_CHAIN = 20
_ALIASES = {"SM3": SM3, "sm3": SM3}


@dataclass(frozen=True, slots=True)
class SealSignatureResult:
    """What was found. `certificate` is the signer's, None when it cannot be read.

    `signed_at` is the claimed time, `stamped_at` that of a time stamp whose token holds (whether or not its
    authority is trusted), `anchor` the trust anchor of the signer's path.
    """

    checks: tuple[Check, ...]
    certificate: Certificate | None
    signed_at: datetime | None
    stamped_at: datetime | None
    anchor: Certificate | None


def verify_seal_signature(
    signature: SealSignature,
    data: bytes,
    *,
    anchors: Sequence[Certificate],
    at: datetime | None = None,
    strict: bool = False,
    known_extensions: frozenset[str] = frozenset(),
) -> SealSignatureResult:
    """Check a seal signature over `data`, the stored bytes of Signature.xml, and the seal inside it.

    Validity is judged at the time stamp's time, else at the claimed time, or at `at` when it is given.
    `strict` is for what we wrote: what is tolerated in the work of others fails there.
    `known_extensions` are OIDs of the signer's certificate that the caller processes.
    """
    checks = _remarks(signature.remarks, strict)
    checks.append(_data_hash(signature, data))
    certificate = _certificate(signature.certificate, CheckName.SIGNATURE_VALUE, checks)
    if certificate is not None:
        checks += check_value(
            CheckName.SIGNATURE_VALUE,
            certificate,
            signature.algorithm,
            signature.signature,
            signature.signed_bytes,
            strict=strict,
        )
    checks.append(_signer_in_seal(signature))
    stamp_checks, stamped_at = _time_stamp(signature, anchors, strict)
    checks += stamp_checks
    moment = at or stamped_at or signature.signed_at
    if moment is None:
        checks.append(Check(CheckName.VALIDITY, Outcome.UNDECIDED, "seal.no-time"))
        moment = signature.seal.created
    elif at is None and stamped_at is None:
        checks.append(Check(CheckName.VALIDITY, Outcome.NOTE, "seal.claimed-time"))
    candidates = _candidates(signature, checks)
    checks += verify_seal(signature.seal, anchors=anchors, at=moment, candidates=candidates, strict=strict)
    if certificate is None:
        return SealSignatureResult(tuple(checks), None, signature.signed_at, stamped_at, None)
    path = validate_path(
        certificate,
        candidates,
        anchors,
        at=moment,
        usage=Usage.SIGNATURE,
        known_extensions=known_extensions,
    )
    checks += path.checks
    checks += _claimed_time(signature, certificate)
    return SealSignatureResult(tuple(checks), certificate, signature.signed_at, stamped_at, path.anchor)


def verify_seal(
    seal: Seal,
    *,
    anchors: Sequence[Certificate],
    at: datetime,
    candidates: Sequence[Certificate] = (),
    strict: bool = False,
) -> list[Check]:
    """Check a seal by itself: its maker's signature, its period at `at`, its maker's path."""
    checks: list[Check] = []
    maker = _certificate(seal.maker_certificate, CheckName.SEAL, checks)
    if maker is None:
        return checks
    checks += check_value(
        CheckName.SEAL, maker, seal.algorithm, seal.signature, seal.signed_bytes, strict=strict
    )
    period = {"valid_from": _text(seal.valid_from), "valid_to": _text(seal.valid_to)}
    if seal.valid_from <= at <= seal.valid_to:
        checks.append(Check(CheckName.SEAL, Outcome.PASS, "seal.in-period", "", period))
    else:
        checks.append(Check(CheckName.SEAL, Outcome.FAIL, "seal.outside-period", "", period))
    if seal.time_stamp is not None:  # v5; no sample and no text at hand says what it covers
        checks.append(Check(CheckName.SEAL, Outcome.NOTE, "seal.seal-time-stamp"))
    # Others' seal-makers carry no mark of their purpose; ours must, so that no signer makes a seal.
    usage = Usage.SEAL if strict or usage_allows(maker, Usage.SEAL) else Usage.SIGNATURE
    path = validate_path(maker, candidates, anchors, at=at, usage=usage)
    return checks + list(path.checks)


def check_value(
    name: CheckName,
    certificate: Certificate,
    algorithm: str,
    value: bytes,
    message: bytes,
    *,
    strict: bool = False,
) -> list[Check]:
    """Check a signature value, as DER or as r‖s, with the one algorithm mix-up that is seen in the field."""
    checks = []
    loose = Outcome.FAIL if strict else Outcome.WARNING
    try:
        key = certificate.public_key
        if key.algorithm == "sm2":
            if algorithm != SM2_WITH_SM3:
                known = algorithm == GBT35275_SIGNED_DATA
                checks.append(
                    Check(
                        name,
                        loose if known else Outcome.FAIL,
                        "seal.wrong-algorithm",
                        "",
                        {"algorithm": algorithm},
                    )
                )
            if len(value) == 64 and value[:1] != b"\x30":
                value = raw_to_der(value)
                checks.append(Check(name, loose, "seal.raw-value"))
            good = key.verify(value, message)
        else:
            good = verify_signature(key, algorithm, value, message)
    except (PkiError, SmError) as error:
        outcome = Outcome.UNDECIDED if error.code.startswith("pki.unsupported") else Outcome.FAIL
        return [*checks, Check(name, outcome, "seal.value-unreadable", "", {"detail": error.code})]
    reason = {
        (CheckName.SEAL, True): "seal.seal-good",
        (CheckName.SEAL, False): "seal.seal-bad",
        (CheckName.SIGNATURE_VALUE, True): "seal.value-good",
        (CheckName.SIGNATURE_VALUE, False): "seal.value-bad",
    }[name, good]
    params = {"signer": certificate.common_name}
    checks.append(Check(name, Outcome.PASS if good else Outcome.FAIL, reason, "", params))
    return checks


def _remarks(remarks: Sequence[str], strict: bool) -> list[Check]:
    outcome = Outcome.FAIL if strict else Outcome.WARNING
    return [Check(CheckName.STRUCTURE, outcome, remark) for remark in remarks]


def _data_hash(signature: SealSignature, data: bytes) -> Check:
    good = signature.data_hash == sm3(data)
    return Check(
        CheckName.DATA_HASH,
        Outcome.PASS if good else Outcome.FAIL,
        "seal.data-hash-good" if good else "seal.data-hash-bad",
    )


def _certificate(der: bytes, name: CheckName, checks: list[Check]) -> Certificate | None:
    try:
        return Certificate.from_der(der)
    except PkiError as error:
        detail = str(error.params.get("problem", error.code))
        checks.append(Check(name, Outcome.FAIL, "seal.bad-certificate", "", {"detail": detail}))
        return None


def _signer_in_seal(signature: SealSignature) -> Check:
    seal, der = signature.seal, signature.certificate
    found = der in seal.certificates
    for algorithm, value in seal.digests:
        try:
            found = found or digest(_ALIASES.get(algorithm, algorithm), der) == value
        except PkiError:
            continue
    if found:
        return Check(CheckName.SIGNER_IN_SEAL, Outcome.PASS, "seal.signer-listed")
    return Check(CheckName.SIGNER_IN_SEAL, Outcome.FAIL, "seal.signer-not-listed")


def _time_stamp(
    signature: SealSignature, anchors: Sequence[Certificate], strict: bool
) -> tuple[list[Check], datetime | None]:
    if signature.time_stamp is None:
        outcome = Outcome.UNDECIDED if strict else Outcome.NOTE
        return [Check(CheckName.TIME_STAMP, outcome, "seal.no-time-stamp")], None
    candidates = _candidates(signature, [])
    try:
        token = verify_token(
            signature.time_stamp,
            signature.signature,
            anchors=anchors,
            extra_certificates=candidates,
            strict=strict,
        )
    except (TspError, CmsError, PkiError) as error:
        check = Check(CheckName.TIME_STAMP, Outcome.FAIL, "seal.bad-time-stamp", "", {"detail": error.code})
        return [check], None
    checks = list(token.checks)
    stamped, claimed = token.gen_time, signature.signed_at
    if stamped is None or any(check.outcome is Outcome.FAIL for check in checks):
        return checks, None
    if claimed is not None and claimed > stamped + CLOCK_TOLERANCE:
        checks.append(
            Check(
                CheckName.TIME_STAMP,
                Outcome.FAIL if strict else Outcome.WARNING,
                "seal.signed-after-stamp",
                "",
                {"signed_at": _text(claimed), "stamped_at": _text(stamped)},
            )
        )
    return checks, stamped


def _claimed_time(signature: SealSignature, certificate: Certificate) -> list[Check]:
    """The claimed time must lie in the certificate's validity too, not only the time stamp."""
    claimed = signature.signed_at
    if claimed is None or certificate.not_before <= claimed <= certificate.not_after:
        return []
    return [
        Check(
            CheckName.VALIDITY,
            Outcome.FAIL,
            "seal.claimed-outside-validity",
            certificate.common_name,
            {"signed_at": _text(claimed)},
        )
    ]


def _candidates(signature: SealSignature, checks: list[Check]) -> list[Certificate]:
    """Certificates that may lie on a path: those that travel with the signature, and those in the seal."""
    ders: list[bytes] = []
    value = signature.extension(CHAIN_OID)
    if value is not None:
        try:
            ders += [item.content for item in single(value).children()][:_MAX_CHAIN]
        except SealError:
            checks.append(Check(CheckName.STRUCTURE, Outcome.WARNING, "seal.bad-chain"))
    ders += [signature.seal.maker_certificate, *signature.seal.certificates]
    found = []
    for der in dict.fromkeys(ders):
        try:
            found.append(Certificate.from_der(der))
        except PkiError:
            continue  # what is not a certificate can be on no path
    return found


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
