"""The one error of signing an OFD that is not about the package itself."""

from signing.verdict import PenwardError


class OfdSignError(PenwardError):
    """A document that cannot be signed as asked; codes `ofdsign.*`."""
