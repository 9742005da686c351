"""The one error that wire raises."""

from __future__ import annotations

from signing.verdict import PenwardError


class WireError(PenwardError):
    """A message that breaks the wire format or cannot be authenticated; codes start with `wire.`."""
