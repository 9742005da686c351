"""The one error of this room."""

from signing.verdict import PenwardError


class SmError(PenwardError):
    """A key, a ciphertext, a signature or DER bytes that cannot be used; codes are `sm.*`."""
