"""The one error of this room."""

from signing.verdict import PenwardError


class PkiError(PenwardError):
    """A certificate, a key or a trust folder that cannot be used; codes are `pki.*`."""
