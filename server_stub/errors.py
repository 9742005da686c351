"""The errors that leave the server: a code of the catalogues and the HTTP status it is told with."""

from __future__ import annotations

from signing.verdict import PenwardError


class ServerError(PenwardError):
    """A refusal that the caller is told by name; `status` is the HTTP status of the answer."""

    status: int = 400


class Unauthenticated(ServerError):
    """The caller is not known, or could not prove who it is."""

    status = 401


class Forbidden(ServerError):
    """The caller is known and may not do this."""

    status = 403


class NotFound(ServerError):
    """There is no such thing, or not for this caller."""

    status = 404


class TooSlow(ServerError):
    """The request did not arrive in time."""

    status = 408


class Conflict(ServerError):
    """The thing is not in a state in which this can be done, or was already done otherwise."""

    status = 409


class TooLarge(ServerError):
    """More bytes than this endpoint takes."""

    status = 413


class Unprocessable(ServerError):
    """The content was understood as HTTP and cannot be used as what it claims to be."""

    status = 422


class Unavailable(ServerError):
    """The server cannot do this now; the same request may succeed later."""

    status = 503


class SetupError(ServerError):
    """Something in the server's folder or configuration is wrong; told on the command line."""

    status = 500


def status_of(error: PenwardError) -> int:
    """The HTTP status for any documented error: its own, or 422 for what `signing` refuses in content."""
    return error.status if isinstance(error, ServerError) else 422
