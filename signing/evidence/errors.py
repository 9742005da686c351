"""The one error that evidence raises."""

from __future__ import annotations

from signing.verdict import PenwardError


class EvidenceError(PenwardError):
    """Evidence that breaks its format, a limit or a binding; codes start with `evidence.`."""


def describe(error: PenwardError) -> str:
    """Code and place of an error from a room below, as the `detail` of one of ours."""
    place = error.params.get("path") or error.params.get("problem") or ""
    return f"{error.code} {place}".strip()
