"""What each certificate of a path must satisfy: validity, usage, CA rights, extensions, revocation."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from datetime import datetime

from signing.pki import oids
from signing.pki.certificate import Certificate
from signing.pki.path_names import check_names
from signing.pki.path_policies import check_policies
from signing.pki.revocation import RevocationData, check_revocation
from signing.verdict import Check, CheckName, Outcome

# Extensions that this room processes, so that they may be critical.
PROCESSED = frozenset(
    {
        oids.BASIC_CONSTRAINTS,
        oids.KEY_USAGE,
        oids.EXTENDED_KEY_USAGE,
        oids.SUBJECT_KEY_IDENTIFIER,
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.SUBJECT_ALTERNATIVE_NAME,
        oids.NO_REV_AVAIL,
        oids.CERTIFICATE_POLICIES,
        oids.NAME_CONSTRAINTS,
        oids.POLICY_CONSTRAINTS,
        oids.POLICY_MAPPINGS,
        oids.INHIBIT_ANY_POLICY,
        oids.CRL_DISTRIBUTION_POINTS,
    }
)


class Usage(enum.Enum):
    """What the first certificate of the path was used for."""

    SIGNATURE = "signature"
    TIME_STAMP = "time-stamp"
    ENCRYPTION = "encryption"
    SERVER = "server"
    STATION = "station"
    OCSP = "ocsp"
    SEAL = "seal"
    ANY = "any"


_KEY_USAGES = {
    Usage.SIGNATURE: frozenset({"digitalSignature", "nonRepudiation"}),
    Usage.TIME_STAMP: frozenset({"digitalSignature", "nonRepudiation"}),
    Usage.ENCRYPTION: frozenset({"keyEncipherment", "dataEncipherment", "keyAgreement"}),
    Usage.SERVER: frozenset({"digitalSignature", "keyEncipherment", "keyAgreement"}),
    Usage.STATION: frozenset({"digitalSignature"}),
    Usage.OCSP: frozenset({"digitalSignature", "nonRepudiation"}),
    Usage.SEAL: frozenset({"digitalSignature", "nonRepudiation"}),
}
# A certificate made for one of these alone does not sign documents.
_OTHER_PURPOSES = frozenset({oids.SERVER_AUTH, oids.TIME_STAMPING, oids.OCSP_SIGNING, oids.SEAL_MAKING})


def check_certificates(
    path: tuple[Certificate, ...],
    at: datetime,
    usage: Usage,
    known_extensions: frozenset[str],
    *,
    has_anchor: bool,
    revocation: RevocationData | None = None,
    policies: frozenset[str] = frozenset(),
) -> Iterator[Check]:
    """All checks of all certificates, the signer's first; of an anchor only its validity, as a warning."""
    below = 0
    for index, certificate in enumerate(path):
        is_anchor = has_anchor and index == len(path) - 1
        yield _validity(certificate, at, is_anchor and index > 0)
        if index == 0:
            yield from _usage(certificate, usage)
        else:
            yield from _authority(certificate, below, is_anchor)
            below += not certificate.is_self_issued
        if not is_anchor:
            yield from _critical(certificate, known_extensions)
            issuer = path[index + 1] if index + 1 < len(path) else None
            yield check_revocation(certificate, issuer, at, revocation)
    yield from check_names(path)
    if has_anchor:
        yield from check_policies(path, policies)


def usage_allows(certificate: Certificate, usage: Usage) -> bool:
    """Whether key usage and extended key usage let the certificate be used so."""
    extended = frozenset(certificate.extended_key_usage)
    if usage is Usage.ANY:
        return True
    if certificate.key_usage and not certificate.key_usage & _KEY_USAGES[usage]:
        return False
    if usage is Usage.TIME_STAMP:
        stored = certificate.extensions.get(oids.EXTENDED_KEY_USAGE)
        return stored is not None and stored.critical and extended == {oids.TIME_STAMPING}
    if usage is Usage.OCSP:
        return oids.OCSP_SIGNING in extended
    if usage is Usage.SERVER:
        return not extended or bool(extended & {oids.SERVER_AUTH, oids.ANY_EXTENDED_KEY_USAGE})
    if usage is Usage.STATION:
        return not extended or bool(extended & {oids.CLIENT_AUTH, oids.ANY_EXTENDED_KEY_USAGE})
    if usage is Usage.SEAL:
        return oids.SEAL_MAKING in extended
    if extended and extended <= _OTHER_PURPOSES | {oids.CLIENT_AUTH}:
        # Personal certificates often name client authentication alone; a station's or device's does so
        # too, and differs in that it may not commit a person.
        return not extended <= _OTHER_PURPOSES and "nonRepudiation" in certificate.key_usage
    return True


def _validity(certificate: Certificate, at: datetime, is_anchor: bool) -> Check:
    params = {
        "at": _utc(at),
        "not_before": _utc(certificate.not_before),
        "not_after": _utc(certificate.not_after),
    }
    if certificate.not_before <= at <= certificate.not_after:
        return Check(CheckName.VALIDITY, Outcome.PASS, "pki.valid-at", certificate.common_name, params)
    reason = "pki.not-yet-valid" if at < certificate.not_before else "pki.expired"
    outcome = Outcome.WARNING if is_anchor else Outcome.FAIL
    return Check(CheckName.VALIDITY, outcome, reason, certificate.common_name, params)


def _usage(certificate: Certificate, usage: Usage) -> Iterator[Check]:
    if not usage_allows(certificate, usage):
        yield _fail("pki.wrong-usage", certificate, usage=usage.value)


def _authority(certificate: Certificate, below: int, is_anchor: bool) -> Iterator[Check]:
    """`below` counts the certificates that are not self-issued between this one and the signer's."""
    if not certificate.is_ca:
        # A version 1 root has no basicConstraints; the operator has chosen it all the same.
        if not is_anchor or oids.BASIC_CONSTRAINTS in certificate.extensions:
            yield _fail("pki.issuer-not-ca", certificate)
    elif certificate.key_usage and "keyCertSign" not in certificate.key_usage:
        yield _fail("pki.issuer-cannot-sign", certificate)
    if certificate.path_length is not None and below > certificate.path_length:
        yield _fail("pki.path-length", certificate, limit=str(certificate.path_length))


def _critical(certificate: Certificate, known: frozenset[str]) -> Iterator[Check]:
    for extension in certificate.extensions.values():
        if extension.critical and extension.oid not in PROCESSED | known:
            yield Check(
                CheckName.CERTIFICATE_PATH,
                Outcome.UNDECIDED,
                "pki.unknown-critical",
                certificate.common_name,
                {"extension": extension.oid},
            )


def _fail(reason: str, certificate: Certificate, **params: str) -> Check:
    return Check(CheckName.CERTIFICATE_PATH, Outcome.FAIL, reason, certificate.common_name, params)


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
