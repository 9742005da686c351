"""The one error that ink raises."""

from __future__ import annotations

from signing.verdict import PenwardError


class InkError(PenwardError):
    """An ink record or a picture that breaks its format or a limit; codes start with `ink.`."""
