"""What a signature protects and what it does not: its References, and the members that none of them names."""

from __future__ import annotations

from collections.abc import Callable, Collection

from signing.ofd.errors import OfdError
from signing.ofd.package import OfdPackage
from signing.ofd.signatures.listing import Reference, SignatureFile
from signing.pki import PkiError, digest
from signing.seal import SM3
from signing.sm import sm3
from signing.verdict import Check, CheckName, Outcome

_NAMES = {
    "sm3": SM3,
    SM3: SM3,
    "1.2.156.10197.1.401.2": SM3,  # HMAC-SM3 by its number; written by mistake for SM3
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha-256": "2.16.840.1.101.3.4.2.1",
    "2.16.840.1.101.3.4.2.1": "2.16.840.1.101.3.4.2.1",
}
_WEAK = frozenset({"md5", "1.2.840.113549.2.5", "sha1", "sha-1", "1.3.14.3.2.26"})
_LENGTH = 32
_MAX_LISTED = 200
"""Members of one kind that a verdict names; of more it tells the count."""


class Members:
    """Member digests, computed once for all signatures of a package."""

    def __init__(self, package: OfdPackage) -> None:
        self._package = package
        self._kept: dict[tuple[str, str], bytes] = {}

    def digest(self, member: str, algorithm: str) -> bytes:
        """The digest of a member.

        Raises:
            OfdError: the member is damaged.
            PkiError: unknown algorithm.
        """
        key = (member, algorithm)
        if key not in self._kept:
            data = self._package.read(member)
            self._kept[key] = sm3(data) if algorithm == SM3 else digest(algorithm, data)
        return self._kept[key]


def check_references(file: SignatureFile, members: Members, *, strict: bool) -> list[Check]:
    """One check for each protected file that is not as it was signed, and one for all that are."""
    algorithm, checks = _algorithm(file, strict)
    if algorithm is None:
        return checks
    if not file.references:
        return [*checks, _integrity(Outcome.FAIL, "ofdsign.no-references")]
    good = 0
    bad = []
    for reference in file.references:
        problem = _problem(reference, members, algorithm)
        if problem is None and strict and reference.location != f"/{reference.member}":
            problem = "ofdsign.inexact-reference"
        if problem is None:
            good += 1
        else:
            bad.append(_integrity(Outcome.FAIL, problem, reference.member or reference.location))
    checks += _capped(bad)
    if len({reference.location for reference in file.references}) < len(file.references):
        outcome = Outcome.FAIL if strict else Outcome.WARNING
        checks.append(_integrity(outcome, "ofdsign.reference-twice"))
    if good:
        params = {"count": str(good), "total": str(len(file.references))}
        whole = good == len(file.references)
        reason = "ofdsign.members-good" if whole else "ofdsign.members-partly-good"
        checks.append(Check(CheckName.INTEGRITY, Outcome.PASS if whole else Outcome.NOTE, reason, "", params))
    return checks


def _algorithm(file: SignatureFile, strict: bool) -> tuple[str | None, list[Check]]:
    written = file.check_method
    name = written.casefold()
    if name in _NAMES:
        if strict and written != SM3:
            return SM3, [_integrity(Outcome.FAIL, "ofdsign.odd-digest", algorithm=written)]
        return _NAMES[name], []
    long_enough = all(len(r.digest or b"") == _LENGTH for r in file.references)
    if not written and file.references and long_enough:
        return SM3, [_integrity(Outcome.WARNING, "ofdsign.no-check-method")]
    if name in _WEAK or not written:
        return None, [_integrity(Outcome.UNDECIDED, "ofdsign.weak-digest", algorithm=written or "MD5")]
    return None, [_integrity(Outcome.UNDECIDED, "ofdsign.unknown-digest", algorithm=written)]


def _problem(reference: Reference, members: Members, algorithm: str) -> str | None:
    if reference.member is None:
        return "ofdsign.member-missing"
    if reference.digest is None:
        return "ofdsign.bad-check-value"
    try:
        found = members.digest(reference.member, algorithm)
    except OfdError:
        return "ofdsign.member-damaged"
    except PkiError:
        return "ofdsign.unknown-digest"
    return None if found == reference.digest else "ofdsign.member-changed"


def check_unprotected(
    package: OfdPackage,
    file: SignatureFile,
    open_members: Collection[str],
    reached: Callable[[], frozenset[str]],
) -> list[Check]:
    """One check for each member that this signature does not protect: does a page draw from it?

    `open_members` are those that may be unprotected: signature lists, and the files of the listed
    signatures, each of which has a verdict of its own.
    """
    protected = {reference.member for reference in file.references}
    loose = [name for name in package.names() if name not in protected and name not in open_members]
    if not loose:
        return [Check(CheckName.UNPROTECTED, Outcome.PASS, "ofdsign.all-protected")]
    drawn = reached()
    used = [name for name in loose if name in drawn]
    unused = [name for name in loose if name not in drawn]
    return [
        *_capped([_loose(Outcome.UNDECIDED, "ofdsign.unprotected-reached", name) for name in used]),
        *_capped([_loose(Outcome.WARNING, "ofdsign.unprotected", name) for name in unused]),
    ]


def _loose(outcome: Outcome, reason: str, name: str) -> Check:
    return Check(CheckName.UNPROTECTED, outcome, reason, name)


def _capped(checks: list[Check]) -> list[Check]:
    """The checks, a long list cut short and its rest counted with the same outcome."""
    rest = checks[_MAX_LISTED:]
    if not rest:
        return checks
    more = Check(rest[0].name, rest[0].outcome, "ofdsign.and-more", "", {"count": str(len(rest))})
    return [*checks[:_MAX_LISTED], more]


def _integrity(outcome: Outcome, reason: str, subject: str = "", **params: str) -> Check:
    return Check(CheckName.INTEGRITY, outcome, reason, subject, params)
