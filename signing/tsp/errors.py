"""The one error of this room."""

from signing.verdict import PenwardError


class TspError(PenwardError):
    """A time-stamp request, response or token that cannot be used; codes are `tsp.*`."""
