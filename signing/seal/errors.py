"""The one error that leaves this room."""

from signing.verdict import PenwardError


class SealError(PenwardError):
    """A seal or a seal signature that cannot be read or made; codes `seal.*`."""
