"""Certificate path validation with a reason for each step (RFC 5280 §6, RFC 9608), in bounded work.

The path is searched from the signer up to an anchor; what is then checked of each certificate is in
`signing.pki.path_checks`. Anchors are given by the caller and nobody else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from signing.pki.algorithms import verify_signature
from signing.pki.certificate import Certificate
from signing.pki.errors import PkiError
from signing.pki.path_checks import Usage, check_certificates
from signing.pki.revocation import RevocationData
from signing.verdict import Check, CheckName, Outcome

MAX_DEPTH = 8
MAX_CANDIDATES = 20
MAX_SIGNATURES = 100
DEADLINE_S = 5.0
TEST_MARK = "测试"


@dataclass(frozen=True, slots=True)
class PathResult:
    """What was found. `path` runs from the signer up, with the anchor last when there is one."""

    checks: tuple[Check, ...]
    path: tuple[Certificate, ...]
    anchor: Certificate | None

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of the checks."""
        return max(check.outcome for check in self.checks)

    @property
    def is_test_anchor(self) -> bool:
        """The anchor's common name says 测试."""
        return self.anchor is not None and TEST_MARK in self.anchor.common_name


def validate_path(
    certificate: Certificate,
    candidates: Sequence[Certificate],
    anchors: Sequence[Certificate],
    *,
    at: datetime,
    usage: Usage,
    known_extensions: frozenset[str] = frozenset(),
    deadline_s: float = DEADLINE_S,
    revocation: RevocationData | None = None,
    policies: frozenset[str] = frozenset(),
) -> PathResult:
    """Find and check a path from `certificate` over `candidates` to one of `anchors`, as of `at` (aware).

    At most 8 certificates deep, 20 distinct candidates, 100 signature checks, `deadline_s` seconds: what
    lies beyond is undecided, not passed. `known_extensions` are OIDs that the caller itself processes,
    so that they may be critical. `revocation` is what is known of revoked certificates; without it each
    certificate gets a note. Of `policies` (OIDs) one must hold when any are given. Of several complete
    paths the best is taken, the first of equals.
    """
    search = _Search(certificate, candidates, anchors, deadline_s)
    best: PathResult | None = None
    for path in search.paths():
        checks = (
            *_links(path),
            Check(
                CheckName.CERTIFICATE_PATH,
                Outcome.PASS,
                "pki.anchor",
                path[0].common_name,
                {"anchor": path[-1].subject_text},
            ),
            *check_certificates(
                path,
                at,
                usage,
                known_extensions,
                has_anchor=True,
                revocation=revocation,
                policies=policies,
            ),
        )
        result = PathResult(checks, path, path[-1])
        if result.outcome < Outcome.UNDECIDED:
            return result
        if best is None or result.outcome < best.outcome:
            best = result
    if best is not None:
        return best
    path = search.longest
    checks = (
        *_links(path),
        search.why_not(),
        *check_certificates(path, at, usage, known_extensions, has_anchor=False, revocation=revocation),
    )
    return PathResult(checks, path, None)


def _links(path: tuple[Certificate, ...]) -> Iterator[Check]:
    for lower, upper in pairwise(path):
        yield Check(
            CheckName.CERTIFICATE_PATH,
            Outcome.PASS,
            "pki.issued-by",
            lower.common_name,
            {"issuer": upper.common_name},
        )


class _Search:
    """Depth-first search for complete paths, with its own budget."""

    def __init__(
        self,
        certificate: Certificate,
        candidates: Sequence[Certificate],
        anchors: Sequence[Certificate],
        deadline_s: float,
    ) -> None:
        self._start = certificate
        self._anchors = set(anchors)
        distinct = dict.fromkeys(c for c in candidates if c not in self._anchors and c != certificate)
        self._too_many = len(distinct) > MAX_CANDIDATES
        self._issuers = [*dict.fromkeys(anchors), *list(distinct)[:MAX_CANDIDATES]]
        self._deadline = time.monotonic() + deadline_s
        self._signatures = 0
        self._exhausted = ""
        self._broken: tuple[Certificate, Certificate] | None = None
        self._unsupported: tuple[Certificate, str] | None = None
        self.longest: tuple[Certificate, ...] = (certificate,)

    def paths(self) -> Iterator[tuple[Certificate, ...]]:
        """Each path that ends in an anchor."""
        yield from self._extend((self._start,))

    def why_not(self) -> Check:
        """Why no path was complete: the heaviest reason that was met."""
        top = self.longest[-1]
        if self._broken is not None:
            lower, upper = self._broken
            return _path_check(Outcome.FAIL, "pki.bad-issuer-signature", lower, issuer=upper.common_name)
        if self._exhausted:
            return _path_check(Outcome.UNDECIDED, self._exhausted, top)
        if self._unsupported is not None:
            lower, algorithm = self._unsupported
            return _path_check(Outcome.UNDECIDED, "pki.unsupported-algorithm", lower, algorithm=algorithm)
        if self._too_many:
            return _path_check(Outcome.UNDECIDED, "pki.too-many-candidates", top, limit=str(MAX_CANDIDATES))
        return _path_check(Outcome.UNDECIDED, "pki.no-anchor", top, issuer=top.issuer_text)

    def _extend(self, path: tuple[Certificate, ...]) -> Iterator[tuple[Certificate, ...]]:
        if len(path) > len(self.longest):
            self.longest = path
        top = path[-1]
        if top in self._anchors:
            yield path
            return
        if len(path) >= MAX_DEPTH:
            self._exhausted = self._exhausted or "pki.path-too-deep"
            return
        for issuer in self._issuers_of(top):
            if issuer not in path and self._signed(top, issuer):
                yield from self._extend((*path, issuer))

    def _issuers_of(self, certificate: Certificate) -> list[Certificate]:
        """By name, those with the named key first."""
        wanted = certificate.authority_key_id
        named = [c for c in self._issuers if c.is_issuer_name_of(certificate)]
        return sorted(named, key=lambda c: wanted is not None and c.subject_key_id != wanted)

    def _signed(self, lower: Certificate, upper: Certificate) -> bool:
        if self._signatures >= MAX_SIGNATURES or time.monotonic() > self._deadline:
            self._exhausted = "pki.path-deadline"
            return False
        self._signatures += 1
        try:
            if verify_signature(upper.public_key, lower.signature_algorithm, lower.signature, lower.tbs_der):
                return True
        except PkiError as error:
            algorithm = str(error.params.get("algorithm", error.code))
            self._unsupported = self._unsupported or (lower, algorithm)
            return False
        # Another key of an issuer with the same name is no sign of damage; the named key's failure is.
        wanted, has = lower.authority_key_id, upper.subject_key_id
        if (wanted is None or has is None or wanted == has) and not _is_self_signed(lower):
            self._broken = self._broken or (lower, upper)
        return False


def _is_self_signed(certificate: Certificate) -> bool:
    """A root is whole by its own key, whoever else bears its name."""
    try:
        return certificate.is_self_issued and verify_signature(
            certificate.public_key,
            certificate.signature_algorithm,
            certificate.signature,
            certificate.tbs_der,
        )
    except PkiError:
        return False


def _path_check(outcome: Outcome, reason: str, certificate: Certificate, **params: str) -> Check:
    return Check(CheckName.CERTIFICATE_PATH, outcome, reason, certificate.common_name, params)
