"""The one error of this room."""

from signing.verdict import PenwardError


class CmsError(PenwardError):
    """A message that cannot be read or made; codes are `cms.*`."""
