"""The hospital's time stamp authority in process: unique serials, no database on the way of a request."""

from __future__ import annotations

import datetime as dt
import itertools
import secrets
import threading
import time
from collections.abc import Callable, Sequence

from server_stub.clock import TimeSource
from server_stub.store import Clock
from signing.pki import Certificate, Signer
from signing.tsp import TimeStampAuthority, TspError

_NODE_BITS, _TIME_BITS, _COUNTER_BITS, _RANDOM_BITS = 16, 44, 20, 64
_NODE_MASK, _TIME_MASK, _COUNTER_MASK = (1 << _NODE_BITS) - 1, (1 << _TIME_BITS) - 1, (1 << _COUNTER_BITS) - 1


class SerialNumbers:
    """Serials of at most 144 bits: node | milliseconds | counter | random; never repeated by one node.

    `node` is the number of the audit writer that this process has leased (the 16 low bits count).
    """

    def __init__(
        self, node: int, *, milliseconds: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._node = node & _NODE_MASK
        self._milliseconds = milliseconds
        self._counter = itertools.count()
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """The next serial, above zero."""
        with self._lock:
            counter = next(self._counter) & _COUNTER_MASK
        value = self._node << _TIME_BITS | self._milliseconds() & _TIME_MASK
        return (value << _COUNTER_BITS | counter) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)


class CertainTime:
    """A clock for the authority that refuses while its source may be off by more than `accuracy`."""

    def __init__(self, source: TimeSource, accuracy: dt.timedelta) -> None:
        self._source = source
        # genTime is cut to milliseconds: the token is off by up to one more
        self._largest = (accuracy - dt.timedelta(milliseconds=1)).total_seconds()

    def __call__(self) -> dt.datetime:
        """The time, aware UTC. Raises TspError `tsp.time-not-available`."""
        moment = self._source.now()
        bound = self._source.bound()
        if bound is None or bound > self._largest:
            raise TspError("tsp.time-not-available")
        return moment


class LocalTimeStamper:
    """A `signing.tsp.TimeStamper` over the hospital's own TSA key, and its RFC 3161 responder."""

    def __init__(
        self,
        signer: Signer,
        certificate: Certificate,
        chain: Sequence[Certificate],
        *,
        clock: Clock,
        node: int,
        policy: str,
        accuracy_ms: int,
        source: TimeSource | None = None,
    ) -> None:
        """With a `source` the token states `accuracy_ms`, and none is made while its bound is larger.

        Without one the time is `clock`'s, nobody knows how right it is, and the token states no accuracy
        (RFC 3161 §2.4.2 lets it be left out).
        """
        accuracy = dt.timedelta(milliseconds=accuracy_ms)
        self._authority = TimeStampAuthority(
            signer,
            certificate,
            chain,
            policy=policy,
            clock=clock if source is None else CertainTime(source, accuracy),
            serial=SerialNumbers(node),
            accuracy=None if source is None else accuracy,
        )

    def stamp(self, message: bytes) -> bytes:
        """The token (DER) over `message`, imprint by SM3."""
        return self._authority.stamp(message)

    def respond(self, request: bytes) -> bytes:
        """The TimeStampResp (DER) to a TimeStampReq; a malformed request gets a rejection, not an error."""
        return self._authority.respond(request)
