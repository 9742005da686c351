"""Writes verdicts as lines for people: each check on a line of its own, test anchors before all else."""

from __future__ import annotations

from collections.abc import Iterator

from signing.verdict import FileVerdict, Language, Outcome, SignatureVerdict, exit_status, say

_STEP = "  "
_RESULTS = ("verdict.file-valid", "verdict.file-broken", "verdict.file-undecided")


def lines(verdict: FileVerdict, language: Language) -> Iterator[str]:
    """The lines of one file, without line ends."""
    tests = sorted(set(_test_anchors(verdict)))
    for anchor in tests:
        yield say("verdict.test-anchor", language, anchor=anchor)
    yield from _file(verdict, language, "", bool(tests))


def _file(verdict: FileVerdict, language: Language, indent: str, test: bool) -> Iterator[str]:
    result = say(_RESULTS[exit_status([verdict])], language)
    yield f"{indent}{_mark(test, language)}{verdict.name}: {result}"
    for check in verdict.checks:
        yield f"{indent}{_STEP}{check.text(language)}"
    for signature in verdict.signatures:
        yield f"{indent}{_STEP}{_mark(signature.test_anchor, language)}{_heading(signature, language)}"
        for check in signature.checks:
            yield f"{indent}{_STEP}{_STEP}{check.text(language)}"
    for part in verdict.parts:
        yield from _file(part, language, indent + _STEP, any(_test_anchors(part)))


def _heading(signature: SignatureVerdict, language: Language) -> str:
    parts = [
        say("verify.signature", language, number=signature.number),
        signature.signer or say("verify.signer-unknown", language),
        signature.kind,
    ]
    if signature.signed_at:
        parts.append(say("verify.signed-at", language, time=signature.signed_at))
    if signature.stamped_at:
        parts.append(say("verify.stamped-at", language, time=signature.stamped_at))
    if signature.anchor:
        parts.append(say("verify.anchor", language, anchor=signature.anchor))
    outcome = {Outcome.FAIL: _RESULTS[1], Outcome.UNDECIDED: _RESULTS[2]}.get(signature.outcome, _RESULTS[0])
    parts.append(say(outcome, language))
    return " · ".join(parts)


def _mark(test: bool, language: Language) -> str:
    return say("verify.test-mark", language) + " " if test else ""


def _test_anchors(verdict: FileVerdict) -> Iterator[str]:
    for signature in verdict.signatures:
        yield from signature.test_anchors
    for part in verdict.parts:
        yield from _test_anchors(part)
