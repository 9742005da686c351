"""Reads back what was just issued and compares it with what was asked for, before anybody gets it."""

from __future__ import annotations

import datetime as dt
import re

from server_stub.errors import ServerError
from signing.pki import Certificate, PublicKey

LONGEST_EVENT = dt.timedelta(hours=24)
NO_REV_AVAIL = "2.5.29.56"
EVENT_USAGE = frozenset({"digitalSignature", "nonRepudiation"})
_ID_NUMBER = re.compile(r"(?<!\d)\d{15}(\d{2}[\dXx])?(?!\d)")


class LintError(ServerError):
    """The certificate that was made is not the one that was asked for; it is not given out."""

    status = 500


def serial_text(certificate: Certificate) -> str:
    """The serial as it is kept in tables: lower-case hex without a sign."""
    return f"{certificate.serial:x}"


def check_name(name: str) -> None:
    """Refuse a subject that holds an ID number. Raises LintError `ca.id-number-in-name`."""
    if _ID_NUMBER.search(name):
        raise LintError("ca.id-number-in-name")


def lint_issued(
    certificate: Certificate,
    *,
    issuer_key: PublicKey,
    spki: bytes,
    common_name: str,
    usage: frozenset[str],
    not_before: dt.datetime,
    not_after: dt.datetime,
) -> Certificate:
    """Parse the bytes again and check every field that was asked for (times in whole seconds).

    Raises:
        LintError: `ca.lint-failed`, naming the field.
    """
    again = Certificate.from_der(certificate.der)
    findings = {
        "signature": issuer_key.verify(again.signature, again.tbs_der),
        "spki": again.spki_der == spki,
        "subject": again.common_name == common_name,
        "is_ca": not again.is_ca,
        "key_usage": again.key_usage == usage,
        "serial": 0 < again.serial < 1 << 159,
        "not_before": again.not_before == not_before,
        "not_after": again.not_after == not_after,
    }
    _require(findings)
    return again


def lint_event(certificate: Certificate, *, binding_oid: str, binding: bytes) -> None:
    """What an event certificate has beyond that: ≤ 24 h, noRevAvail, exactly the binding asked for.

    Raises:
        LintError: `ca.lint-failed`.
    """
    _require(
        {
            "validity": certificate.not_after - certificate.not_before <= LONGEST_EVENT,
            "noRevAvail": certificate.extension(NO_REV_AVAIL) is not None,
            "binding": certificate.extension(binding_oid) == binding,
            "subject": not _ID_NUMBER.search(certificate.subject_text),
        }
    )


def _require(findings: dict[str, bool]) -> None:
    for field, good in findings.items():
        if not good:
            raise LintError("ca.lint-failed", field=field)
