"""Checks, verdicts and the exit status that follows from them (`docs/verifying.md`)."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from signing.verdict.messages import Language, say

ANCHORED = "pki.anchor"
"""The reason of the check that names the trust anchor which a certificate path ended in."""

TEST_MARK = "测试"
"""What the subject of a trust anchor says when it has no legal force."""


class Outcome(enum.IntEnum):
    """What a check found, in order of weight."""

    PASS = 0
    NOTE = 1
    WARNING = 2
    UNDECIDED = 3
    FAIL = 4


class CheckName(enum.StrEnum):
    """What a check is about. Every verifier uses these names; labels are in the `verdict` catalogue."""

    STRUCTURE = "structure"
    INTEGRITY = "integrity"
    DATA_HASH = "data-hash"
    SIGNATURE_VALUE = "signature-value"
    SEAL = "seal"
    SIGNER_IN_SEAL = "signer-in-seal"
    CERTIFICATE_PATH = "certificate-path"
    REVOCATION = "revocation"
    VALIDITY = "validity"
    TIME_STAMP = "time-stamp"
    EVIDENCE_BINDING = "evidence-binding"
    UNPROTECTED = "unprotected"
    LATER_CHANGES = "later-changes"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    `reason` is a message code (`pki.no-anchor`) and `params` fill its sentence; `subject` names the
    part of the file that the check speaks of (a member path, a blob name), empty when it is the whole.
    """

    name: CheckName
    outcome: Outcome
    reason: str
    subject: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    def text(self, language: Language = "zh_CN") -> str:
        """The line a person reads: label, outcome, reason."""
        label = say(f"verdict.check-{self.name.value}", language)
        outcome = say(f"verdict.outcome-{self.outcome.name.lower()}", language)
        reason = say(self.reason, language, subject=self.subject, **self.params)
        subject = f" [{self.subject}]" if self.subject else ""
        return f"{label}{subject}: {outcome}: {reason}"

    def as_dict(self) -> dict[str, object]:
        """JSON form; keys are stable."""
        return {
            "name": self.name.value,
            "outcome": self.outcome.name.lower(),
            "reason": self.reason,
            "subject": self.subject,
            "params": dict(self.params),
        }


@dataclass(frozen=True, slots=True)
class SignatureVerdict:
    """All checks of one signature.

    `number` counts from 1 in the order of signing; `kind` is `ses-v4`, `gbt35275`, `pdf-cms`,
    `evidence`, …; `signed_at` and `stamped_at` are RFC 3339 in UTC or empty; `anchor` is the subject
    of the trust anchor that the signer's path ended in.
    """

    number: int
    kind: str
    signer: str
    checks: tuple[Check, ...]
    signed_at: str = ""
    stamped_at: str = ""
    anchor: str = ""
    label: str = ""

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of its checks."""
        return worst(self.checks)

    @property
    def test_anchors(self) -> tuple[str, ...]:
        """Subjects of the anchors that call themselves tests: of any path that was followed, be it the
        signer's, the seal-maker's or the time stamp authority's.
        """
        anchors = (check.params.get("anchor", "") for check in self.checks if check.reason == ANCHORED)
        return tuple(dict.fromkeys(anchor for anchor in anchors if TEST_MARK in anchor))

    @property
    def test_anchor(self) -> bool:
        """Whether any anchor that it rests on calls itself a test."""
        return bool(self.test_anchors)

    def as_dict(self) -> dict[str, object]:
        """JSON form; keys are stable."""
        return {
            "number": self.number,
            "label": self.label,
            "kind": self.kind,
            "signer": self.signer,
            "signed_at": self.signed_at,
            "stamped_at": self.stamped_at,
            "anchor": self.anchor,
            "test_anchor": self.test_anchor,
            "outcome": self.outcome.name.lower(),
            "checks": [check.as_dict() for check in self.checks],
        }


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What was found about one file: each signature, and checks that belong to the whole file.

    `media` is `ofd`, `pdf` or `evidence`. A file that holds other signed files (the evidence ZIP)
    lists their verdicts in `parts`.
    """

    name: str
    media: str
    signatures: tuple[SignatureVerdict, ...]
    checks: tuple[Check, ...] = ()
    parts: tuple[FileVerdict, ...] = ()

    def all_checks(self) -> Iterable[Check]:
        """Every check of the file, its signatures and its parts."""
        yield from self.checks
        for signature in self.signatures:
            yield from signature.checks
        for part in self.parts:
            yield from part.all_checks()

    @property
    def outcome(self) -> Outcome:
        """The worst outcome anywhere in the file."""
        return worst(self.all_checks())

    def only(self, number: int) -> FileVerdict:
        """The verdict narrowed to one signature (`--signature N`).

        Raises:
            LookupError: there is no such signature.
        """
        chosen = tuple(s for s in self.signatures if s.number == number)
        if not chosen:
            raise LookupError(number)
        return FileVerdict(self.name, self.media, chosen, self.checks, self.parts)

    def as_dict(self) -> dict[str, object]:
        """JSON form; keys are stable."""
        return {
            "file": self.name,
            "media": self.media,
            "outcome": self.outcome.name.lower(),
            "exit_status": exit_status([self]),
            "checks": [check.as_dict() for check in self.checks],
            "signatures": [signature.as_dict() for signature in self.signatures],
            "parts": [part.as_dict() for part in self.parts],
        }


def worst(checks: Iterable[Check]) -> Outcome:
    """The heaviest outcome; PASS when there is none."""
    return max((check.outcome for check in checks), default=Outcome.PASS)


def exit_status(verdicts: Iterable[FileVerdict]) -> int:
    """0 valid, 1 something is broken, 2 not decidable (`protocol.md`, Verifying).

    A file without any signature is not decidable: its verifier says so by an UNDECIDED check.
    """
    outcome = max((verdict.outcome for verdict in verdicts), default=Outcome.PASS)
    if outcome is Outcome.FAIL:
        return 1
    return 2 if outcome is Outcome.UNDECIDED else 0
