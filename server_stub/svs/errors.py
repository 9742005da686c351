"""What can go wrong in the sign/verify service: each fault is one row of the table of response codes."""

from __future__ import annotations

from server_stub.errors import ServerError
from server_stub.svs.codes import Reply
from signing.verdict import PenwardError


class SvsFault(PenwardError):
    """An operation refused with a reply other than success; its sentence is `svs.<reply>`."""

    def __init__(self, reply: Reply, **params: object) -> None:
        super().__init__(f"svs.{reply.value}", **params)
        self.reply = reply

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.reply.value, self.params))


class UnknownOperation(ServerError):
    """The path names no operation of this form."""

    status = 404


def _rebuild(reply: str, params: dict[str, object]) -> SvsFault:
    return SvsFault(Reply(reply), **params)
