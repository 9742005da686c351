"""The SNTP server for the hospital's machines: tells the time with its bound, or that it does not know it."""

from __future__ import annotations

import logging
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from server_stub.clock import packet as ntp
from server_stub.clock.base import Base
from server_stub.clock.client import Address
from server_stub.clock.errors import ClockError
from server_stub.clock.keeper import ClockKeeper, Standing

log = logging.getLogger("penward.clock")

PRECISION = -20  # about a microsecond
BURST = 8
A_SECOND = 0.5
KNOWN_CLIENTS = 10_000
KISS_SECONDS = 2.0


class RateLimit:
    """A bucket of 8 packets for each client that fills by one every two seconds; knows 10,000 clients.

    `seconds` is a monotonic clock.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._kissed: OrderedDict[str, float] = OrderedDict()

    def allow(self, client: str) -> bool:
        """Whether this packet of a client is answered."""
        now = self._seconds()
        level, seen = self._buckets.pop(client, (float(BURST), now))
        level = min(level + (now - seen) * A_SECOND, float(BURST))
        allowed = level >= 1
        self._buckets[client] = (level - 1 if allowed else level, now)
        if len(self._buckets) > KNOWN_CLIENTS:
            self._buckets.popitem(last=False)
        return allowed

    def kiss(self, client: str) -> bool:
        """Whether a refused client is told so: once in two seconds, else it hears nothing."""
        now = self._seconds()
        if now - self._kissed.get(client, -KISS_SECONDS) < KISS_SECONDS:
            return False
        self._kissed.pop(client, None)
        self._kissed[client] = now
        if len(self._kissed) > KNOWN_CLIENTS:
            self._kissed.popitem(last=False)
        return True


def answer(query: ntp.Packet, standing: Standing, *, receive_ns: int, transmit_ns: int) -> ntp.Packet:
    """The answer to a client's packet; without a bound it says LI 3 and stratum 16.

    Root dispersion is the clock's bound less half the root delay, so that a client that adds both up
    (RFC 5905 §11.1) comes to the bound or more.
    """
    plain = ntp.Packet(
        version=query.version,
        mode=ntp.SERVER,
        poll=query.poll,
        precision=PRECISION,
        origin=query.transmit,
        receive=ntp.to_stamp(receive_ns),
        transmit=ntp.to_stamp(transmit_ns),
    )
    if standing.reading.bound is None or standing.stratum > ntp.MAX_STRATUM:
        return replace(plain, leap=ntp.UNSYNCHRONISED, stratum=16, root_dispersion=16.0)
    delay = min(standing.root_delay, 2 * standing.reading.bound)
    age_ns = round((standing.age or 0.0) * ntp.NANO)
    return replace(
        plain,
        stratum=standing.stratum,
        root_delay=delay,
        root_dispersion=standing.reading.bound - delay / 2 + 2 / 65536,
        reference_id=b"PENW",
        reference=ntp.to_stamp(transmit_ns - age_ns),
    )


class SntpServer:
    """Answers on a UDP socket in a thread of its own until `close`."""

    def __init__(self, address: Address, keeper: ClockKeeper, base: Base) -> None:
        """Bind.

        Raises:
            ClockError: `clock.listen-failed`.
        """
        self._keeper = keeper
        self._base = base
        self._limit = RateLimit(lambda: base.read() / ntp.NANO)
        self._closing = threading.Event()
        try:
            family, kind, protocol, _, target = socket.getaddrinfo(
                address.host, address.port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
            )[0]
            self._socket = socket.socket(family, kind, protocol)
        except OSError as error:
            raise ClockError("clock.listen-failed", address=str(address)) from error
        try:
            self._socket.bind(target)
        except OSError as error:
            self._socket.close()
            raise ClockError("clock.listen-failed", address=str(address)) from error
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="penward-sntp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._closing.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                data, sender = self._socket.recvfrom(ntp.MAX_SIZE + 1)
                received = self._base.read()
                reply = self._reply(data, str(sender[0]), received)
                if reply is not None:
                    self._socket.sendto(reply, sender)
            except TimeoutError:
                continue
            except OSError as error:  # a client that is gone (Windows reports it here), or no route to it
                log.debug("a packet could not be answered: %s", error)

    def _reply(self, data: bytes, client: str, received: int) -> bytes | None:
        """The bytes to send: never more than were sent to us, nothing to what is not a client's packet."""
        try:
            query = ntp.decode(data)
        except ClockError:
            return None
        if query.mode != ntp.CLIENT or not query.transmit:
            return None
        if not self._limit.allow(client):
            if not self._limit.kiss(client):
                return None
            kiss = ntp.Packet(
                leap=ntp.UNSYNCHRONISED,
                version=query.version,
                mode=ntp.SERVER,
                poll=query.poll,
                reference_id=b"RATE",
                origin=query.transmit,
            )
            return ntp.encode(kiss)
        standing = self._keeper.standing()
        transmit_ns = standing.reading.utc_ns
        receive_ns = transmit_ns - (self._base.read() - received)
        return ntp.encode(answer(query, standing, receive_ns=receive_ns, transmit_ns=transmit_ns))
