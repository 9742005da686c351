"""Whether a certificate was revoked, by lists and OCSP answers that the caller gives; nothing is fetched.

Lists and answers prove themselves by their signatures, so it does not matter where they came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from signing.pki import oids
from signing.pki.certificate import Certificate
from signing.pki.crl import CertificateList, Reason, Revoked, parse_crl, read_points
from signing.pki.errors import PkiError
from signing.pki.ocsp import OcspResponse, SingleStatus, Status, parse_ocsp_response, responder_of
from signing.sm import SmError
from signing.verdict import Check, CheckName, Outcome

MAX_SOURCES = 64
_POINTERS = (oids.CRL_DISTRIBUTION_POINTS, oids.FRESHEST_CRL)


@dataclass(frozen=True, slots=True)
class RevocationData:
    """What is known. With `required`, a certificate of which nothing is known is undecided, else a note."""

    crls: tuple[CertificateList, ...] = ()
    ocsp: tuple[OcspResponse, ...] = ()
    required: bool = True

    @classmethod
    def load(
        cls, crls: Iterable[bytes] = (), ocsp: Iterable[bytes] = (), *, required: bool = True
    ) -> RevocationData:
        """From stored lists (DER or PEM) and OCSP responses (DER), at most 64 of each.

        Raises:
            PkiError: `pki.bad-crl`, `pki.bad-ocsp`, `pki.too-many-sources`.
        """
        lists = tuple(map(parse_crl, crls))
        answers = tuple(map(parse_ocsp_response, ocsp))
        if max(len(lists), len(answers)) > MAX_SOURCES:
            raise PkiError("pki.too-many-sources", limit=MAX_SOURCES)
        return cls(lists, answers, required)


def check_revocation(
    certificate: Certificate, issuer: Certificate | None, at: datetime, data: RevocationData | None
) -> Check:
    """The one check of `certificate`'s revocation as of `at`; `issuer` None when it is not known.

    A certificate with noRevAvail (RFC 9608) has none. An OCSP answer that decides is preferred to a list.
    A revocation after `at` leaves the certificate good as of `at` and is told.
    """
    if oids.NO_REV_AVAIL in certificate.extensions:
        misused = certificate.is_ca or any(oid in certificate.extensions for oid in _POINTERS)
        if misused:
            return _check(certificate, Outcome.FAIL, "pki.no-rev-avail-misused")
        return _check(certificate, Outcome.PASS, "pki.no-rev-avail")
    if data is None:
        return _check(certificate, Outcome.NOTE, "pki.revocation-not-checked")
    verdicts = (
        []
        if issuer is None
        else [
            *_by_ocsp(certificate, issuer, at, data.ocsp),
            *_by_lists(certificate, issuer, at, data.crls),
        ]
    )
    decided = [verdict for verdict in verdicts if isinstance(verdict, Check)]
    # Only a hold is ever taken back: any other revocation stands, whatever a later answer says.
    if decided:
        return next((check for check in decided if check.reason == "pki.revoked"), decided[0])
    reasons = [verdict for verdict in verdicts if isinstance(verdict, str)]
    if not data.required:
        return _check(certificate, Outcome.NOTE, reasons[0] if reasons else "pki.revocation-unknown")
    return _check(certificate, Outcome.UNDECIDED, reasons[0] if reasons else "pki.revocation-unknown")


def _by_ocsp(
    certificate: Certificate, issuer: Certificate, at: datetime, answers: tuple[OcspResponse, ...]
) -> Iterator[Check | str]:
    """Decisions, revoked ones first, then reasons why an answer does not decide."""
    good: list[Check] = []
    for answer in answers:
        for single in answer.statuses:
            if not single.cert_id.names(certificate.serial, issuer):
                continue
            found = _one_answer(certificate, issuer, at, answer, single)
            if isinstance(found, str) or found.outcome is not Outcome.PASS:
                yield found
            else:
                good.append(found)
    yield from good


def _one_answer(
    certificate: Certificate, issuer: Certificate, at: datetime, answer: OcspResponse, single: SingleStatus
) -> Check | str:
    responder, reason = responder_of(answer, issuer, at)
    if responder is None:
        return reason
    if single.unknown_critical or any(
        extension.critical and extension.oid != oids.OCSP_NONCE
        for extension in (answer.extensions or {}).values()
    ):
        return "pki.ocsp-unknown-critical"
    if single.status is Status.UNKNOWN:
        return "pki.ocsp-unknown"
    if single.status is Status.REVOKED:
        return _revoked(certificate, at, single.revoked_at or single.this_update, single.reason)
    if (single.next_update or single.this_update) < at:
        return "pki.ocsp-stale"
    return _check(certificate, Outcome.PASS, "pki.ocsp-good", responder=responder.common_name)


def _by_lists(
    certificate: Certificate, issuer: Certificate, at: datetime, lists: tuple[CertificateList, ...]
) -> Iterator[Check | str]:
    usable: list[CertificateList] = []
    for crl in lists:
        reason = _unusable(certificate, issuer, crl)
        if not reason:
            usable.append(crl)
        elif reason != "pki.crl-other-issuer":
            yield reason
    stale = ""
    # The newest first: what it says stands.
    full = sorted((c for c in usable if c.base_number is None), key=_age, reverse=True)
    for crl in full:
        delta = _delta_to(crl, usable)
        try:
            entry, newest = _entry(certificate.serial, crl, delta)
        except PkiError as error:
            yield error.code
            continue
        if entry is not None and entry.unknown_critical:
            yield "pki.crl-unknown-critical"
        elif entry is not None:
            yield _revoked(certificate, at, entry.date, entry.reason)
        elif newest.next_update is None or newest.next_update < at:
            stale = "pki.crl-stale"
        elif newest.this_update > certificate.not_after:
            # An expired certificate may have left the list (RFC 5280 §3.3).
            stale = "pki.crl-after-expiry"
        elif crl.scope.some_reasons:
            stale = "pki.crl-some-reasons"
        else:
            params = {"at": _utc(newest.this_update), "number": str(newest.number or "")}
            yield _check(certificate, Outcome.PASS, "pki.crl-not-listed", **params)
    if stale:
        yield stale


def _unusable(certificate: Certificate, issuer: Certificate, crl: CertificateList) -> str:
    """Why `crl` says nothing of `certificate`; empty when it does."""
    try:
        if crl.scope.indirect:
            return "pki.crl-indirect"
        if not crl.is_signed_by(issuer):
            return "pki.crl-other-issuer" if crl.issuer_der != issuer.subject_der else "pki.crl-bad-signature"
        if crl.unknown_critical:
            return "pki.crl-unknown-critical"
        points = certificate.extension(oids.CRL_DISTRIBUTION_POINTS)
        names, other_issuer = read_points(points) if points else (frozenset[bytes](), False)
    except PkiError as error:
        return error.code
    except SmError:
        return "pki.crl-out-of-scope"
    scope = crl.scope
    if other_issuer:
        return "pki.crl-indirect"
    if (
        (scope.only_user and certificate.is_ca)
        or (scope.only_ca and not certificate.is_ca)
        or scope.only_attribute
        or (scope.points and not scope.points & names)
    ):
        return "pki.crl-out-of-scope"
    return ""


def _delta_to(full: CertificateList, usable: list[CertificateList]) -> CertificateList | None:
    """The newest delta list that extends `full` (RFC 5280 §5.2.4): same scope, its base not after `full`."""
    fitting = [
        crl
        for crl in usable
        if crl.base_number is not None
        and full.number is not None
        and crl.number is not None
        and crl.base_number <= full.number < crl.number
        and crl.scope == full.scope
    ]
    return max(fitting, key=_age, default=None)


def _entry(
    serial: int, full: CertificateList, delta: CertificateList | None
) -> tuple[Revoked | None, CertificateList]:
    if delta is not None and (entry := delta.find(serial)) is not None:
        return (None if entry.reason is Reason.REMOVE_FROM_CRL else entry), delta
    return full.find(serial), delta or full


def _revoked(certificate: Certificate, at: datetime, when: datetime, reason: Reason | None) -> Check:
    params = {"at": _utc(when), "cause": (reason or Reason.UNSPECIFIED).name.lower().replace("_", "-")}
    if when > at:
        return _check(certificate, Outcome.NOTE, "pki.revoked-later", **params)
    code = "pki.on-hold" if reason is Reason.CERTIFICATE_HOLD else "pki.revoked"
    return _check(certificate, Outcome.FAIL, code, **params)


def _check(certificate: Certificate, outcome: Outcome, reason: str, **params: str) -> Check:
    return Check(CheckName.REVOCATION, outcome, reason, certificate.common_name, params)


def _age(crl: CertificateList) -> datetime:
    return crl.this_update


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
