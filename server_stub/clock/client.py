"""The SNTP client (RFC 4330 §5): asks one source, and takes nothing that the source did not answer."""

from __future__ import annotations

import math
import secrets
import socket
import threading
from dataclasses import dataclass

from server_stub.clock import packet as ntp
from server_stub.clock.base import Base
from server_stub.clock.errors import ClockError
from server_stub.clock.measurement import DelayFilter, Exchange, Measurement

NTP_PORT = 123
MAX_DISTANCE = 1.0  # seconds from the source to its root (RFC 5905 MAXDIST, rounded down)
REFUSING = frozenset({"DENY", "RSTR"})
MAX_BACK_OFF = 64


@dataclass(frozen=True, slots=True)
class Address:
    """Where a source listens."""

    host: str
    port: int = NTP_PORT

    def __str__(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == NTP_PORT else f"{name}:{self.port}"


def parse_address(text: str) -> Address:
    """`host`, `host:port`, `address6` or `[address6]:port`.

    Raises:
        ClockError: `clock.address-wrong`.
    """
    host, port = text.strip(), ""
    if host.startswith("["):
        host, bracket, port = host[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ClockError("clock.address-wrong", text=text)
        port = port[1:]
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
        if not port:
            raise ClockError("clock.address-wrong", text=text)
    good_port = not port or (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536)
    if not host or any(letter.isspace() or letter in "/[]@" for letter in host) or not good_port:
        raise ClockError("clock.address-wrong", text=text)
    return Address(host, int(port) if port else NTP_PORT)


def ask(address: Address, base: Base, *, timeout: float = 1.0) -> tuple[Exchange, str]:
    """One exchange with a server, and the code of its kiss-o'-death if it sent one (no exchange then).

    The transmit time stamp sent is 64 random bits: what comes back in the originate field proves the answer
    (a spoofed or late one is skipped), and nobody learns this machine's clock.

    Raises:
        ClockError: `clock.no-answer`, `clock.source-unfit` (reason: mode, unsynchronised, stratum, time,
            delay, distance).
    """
    cookie = secrets.randbits(64) or 1
    query = ntp.encode(ntp.Packet(mode=ntp.CLIENT, transmit=cookie))
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, protocol) as link:
            link.connect(target)
            sent = base.read()
            link.send(query)
            while True:
                left = timeout - (base.read() - sent) / ntp.NANO
                if left <= 0:
                    raise TimeoutError
                link.settimeout(left)
                data = link.recv(ntp.MAX_SIZE + 1)
                received = base.read()
                try:
                    answer = ntp.decode(data)
                except ClockError:
                    continue
                if answer.origin == cookie:
                    break
    except OSError as error:
        raise ClockError("clock.no-answer", source=str(address)) from error
    if answer.mode == ntp.SERVER and answer.kiss:
        return Exchange(sent, sent, received, received), answer.kiss
    exchange = Exchange(
        t1=sent,
        t2=ntp.from_stamp(answer.receive),
        t3=ntp.from_stamp(answer.transmit),
        t4=received,
        root_delay=answer.root_delay,
        root_dispersion=answer.root_dispersion + math.ldexp(1.0, min(answer.precision, 0)),
        stratum=answer.stratum,
    )
    problem = _unfit(answer, exchange)
    if problem:
        raise ClockError("clock.source-unfit", source=str(address), reason=problem)
    return exchange, ""


def _unfit(answer: ntp.Packet, exchange: Exchange) -> str:
    """Why a proven answer cannot be used (RFC 4330 §5, RFC 5905 §7.3 and A.5.5.4)."""
    if answer.mode != ntp.SERVER:
        return "mode"
    if answer.leap == ntp.UNSYNCHRONISED:
        return "unsynchronised"
    if not 1 <= answer.stratum <= ntp.MAX_STRATUM:
        return "stratum"
    if not answer.transmit or not answer.receive or exchange.t3 < exchange.t2:
        return "time"
    if exchange.delay < -2e-3 or exchange.t3 - exchange.t2 > exchange.t4 - exchange.t1 + 2_000_000:
        return "delay"
    if answer.root_delay / 2 + answer.root_dispersion >= MAX_DISTANCE:
        return "distance"
    return ""


class SntpSource:
    """One server of the list: its delays, its reachability, and how long it wants to be left alone."""

    def __init__(self, address: Address, base: Base, *, timeout: float = 1.0, name: str = "") -> None:
        self.name = name or str(address)
        self.address = address
        self._base = base
        self._timeout = timeout
        self._filter = DelayFilter(self.name)
        self._lock = threading.Lock()
        self._reach = 0
        self._problem = ""
        self._denied = False
        self._skip = 0
        self._back_off = 1
        self._last: Measurement | None = None

    def poll(self) -> Measurement | None:
        """One measurement; None when it gave none (`describe` says why), or is being left alone."""
        with self._lock:
            if self._denied:
                return None
            if self._skip:
                self._skip -= 1
                return None
            try:
                exchange, kiss = ask(self.address, self._base, timeout=self._timeout)
            except ClockError as error:
                self._failed(str(error.params.get("reason", "no answer")))
                return None
            if kiss:
                self._kissed(kiss)
                return None
            self._reach = (self._reach << 1 | 1) & 0xFF
            self._problem, self._back_off = "", 1
            self._last = self._filter.take(exchange)
            return self._last

    def describe(self) -> dict[str, object]:
        """What is told of this source: `reach` are the last eight polls as bits, times in seconds."""
        with self._lock:
            last = self._last
            return {
                "name": self.name,
                "kind": "sntp",
                "reach": f"{self._reach:08b}",
                "problem": self._problem,
                "stratum": last.stratum if last else None,
                "delay_s": last.delay if last else None,
                "distance_s": last.distance if last else None,
            }

    def _failed(self, problem: str) -> None:
        self._reach = self._reach << 1 & 0xFF
        self._problem = problem

    def _kissed(self, kiss: str) -> None:
        self._failed(f"kiss-o'-death {kiss}")
        if kiss in REFUSING:
            self._denied = True  # until the server is started again: RFC 4330 §8 forbids to ask on
        elif kiss == "RATE":
            self._back_off = min(self._back_off * 2, MAX_BACK_OFF)
            self._skip = self._back_off
