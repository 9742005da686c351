"""R43, R83: the hospital's own SNTP server tells the time, its bound, or that it does not know."""

from __future__ import annotations

import socket

from server_stub.clock import ClockError
from server_stub.clock import packet as ntp
from server_stub.clock.base import MachineBase, system_utc_ns
from server_stub.clock.client import Address, SntpSource, ask
from server_stub.clock.discipline import Discipline
from server_stub.clock.keeper import ClockKeeper
from server_stub.clock.measurement import Measurement
from server_stub.clock.oscillator import CLASSES
from server_stub.clock.sntpserver import BURST, RateLimit, SntpServer

BASE = MachineBase()
HERE = Address("127.0.0.1", 0)


def locked(ahead: float = 3.0) -> ClockKeeper:
    """A keeper whose time is `ahead` seconds before the system's."""
    keeper = ClockKeeper(Discipline(CLASSES["pc"], stale_after=1000))
    for _ in range(4):
        now = BASE.read()
        utc_ns = system_utc_ns() + round(ahead * ntp.NANO)
        keeper.take([Measurement("a", now, utc_ns, 1e-3, 2e-3, stratum=1, root_delay=1e-3)])
    return keeper


def exchange(port: int, data: bytes) -> bytes | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(0.25)
        link.sendto(data, ("127.0.0.1", port))
        try:
            return link.recv(2048)
        except TimeoutError:
            return None


def test_our_client_reads_our_server() -> None:
    server = SntpServer(HERE, locked(), BASE)
    try:
        found, kiss = ask(Address("127.0.0.1", server.port), BASE)
    finally:
        server.close()
    offset = (found.offset_ns - (system_utc_ns() - BASE.read())) / ntp.NANO
    assert not kiss
    assert found.stratum == 2
    assert abs(offset - 3.0) < found.delay / 2 + 0.05
    assert found.root_delay / 2 + found.root_dispersion >= 2e-3


def test_a_clock_without_a_bound_says_so() -> None:
    keeper = ClockKeeper(Discipline(CLASSES["pc"], stale_after=1000))
    server = SntpServer(HERE, keeper, BASE)
    try:
        reply = exchange(server.port, ntp.encode(ntp.Packet(transmit=7)))
        assert reply is not None
        packet = ntp.decode(reply)
        assert (packet.leap, packet.stratum, packet.mode, packet.origin) == (3, 16, 4, 7)
        source = SntpSource(Address("127.0.0.1", server.port), BASE)
        assert source.poll() is None
        assert source.describe()["problem"] == "unsynchronised"
    finally:
        server.close()


def test_what_is_not_a_question_gets_no_answer() -> None:
    """No packet is answered that another server could have sent: two of them would talk for ever."""
    server = SntpServer(HERE, locked(), BASE)
    try:
        for data in (
            b"",
            bytes(48),
            ntp.encode(ntp.Packet(mode=ntp.SERVER, transmit=1)),
            ntp.encode(ntp.Packet(mode=6, transmit=1)),
            ntp.encode(ntp.Packet(mode=ntp.CLIENT, transmit=0)),
        ):
            assert exchange(server.port, data) is None
        for version in (1, 3, 4):
            reply = exchange(server.port, ntp.encode(ntp.Packet(version=version, transmit=9)))
            assert reply is not None
            assert ntp.decode(reply).version == version
    finally:
        server.close()


def test_who_asks_too_often_is_told_rate() -> None:
    server = SntpServer(HERE, locked(), BASE)
    query = ntp.encode(ntp.Packet(transmit=1))
    try:
        replies = [exchange(server.port, query) for _ in range(BURST + 1)]
        kisses = [ntp.decode(reply).kiss for reply in replies if reply is not None]
        assert "RATE" in kisses
        source = SntpSource(Address("127.0.0.1", server.port), BASE, timeout=0.3)
        assert source.poll() is None
    finally:
        server.close()


def test_rate_limit_by_client() -> None:
    clock = [0.0]
    limit = RateLimit(lambda: clock[0])
    assert [limit.allow("a") for _ in range(10)] == [True] * 8 + [False] * 2
    assert limit.allow("b")
    assert [limit.kiss("a"), limit.kiss("a"), limit.kiss("b")] == [True, False, True]
    clock[0] += 2.0
    assert [limit.allow("a"), limit.allow("a")] == [True, False]
    assert limit.kiss("a")
    for number in range(20_000):
        limit.allow(f"c{number}")
        limit.kiss(f"c{number}")
    assert len(limit._buckets) <= 10_000
    assert len(limit._kissed) <= 10_000


def test_a_port_in_use_is_an_error_of_ours() -> None:
    server = SntpServer(HERE, locked(), BASE)
    try:
        try:
            SntpServer(Address("127.0.0.1", server.port), locked(), BASE).close()
        except ClockError as error:
            assert error.code == "clock.listen-failed"
        else:
            raise AssertionError("two servers on one port")
    finally:
        server.close()
