"""R53, R83: real packets over loopback; answers that prove nothing are not taken."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_stub.clock import ClockError
from server_stub.clock import packet as ntp
from server_stub.clock.base import MachineBase, system_utc_ns
from server_stub.clock.client import Address, SntpSource, ask, parse_address
from server_stub.clock.measurement import DelayFilter, Exchange
from tests.server_stub.clock.reference import Behaviour, ReferenceServer

BASE = MachineBase()


def offset_from_system(exchange: Exchange) -> float:
    """What the exchange says about the system's clock, in seconds."""
    return (exchange.offset_ns - (system_utc_ns() - BASE.read())) / ntp.NANO


def address(server: ReferenceServer) -> Address:
    return Address("127.0.0.1", server.port)


def test_offset_and_delay_are_those_of_the_rfc() -> None:
    """RFC 4330 §5: the server is 1000 ns ahead, 300 ns there, 100 ns back, 50 ns inside."""
    exchange = Exchange(t1=0, t2=1300, t3=1350, t4=450)
    assert exchange.delay == pytest.approx(400e-9)
    assert exchange.offset_ns == 1100  # half of the lopsided 200 ns is the error


def test_the_query_is_48_bytes_and_tells_nothing() -> None:
    with ReferenceServer() as server:
        ask(address(server), BASE)
        ask(address(server), BASE)
    first, second = server.asked
    assert len(first) == 48
    assert first[0] == 0b00_100_011
    assert first[1:40] == bytes(39)
    assert first[40:] != second[40:]


def test_the_truth_lies_within_half_the_delay() -> None:
    with ReferenceServer(Behaviour(delay=0.004, asymmetry=0.01, lie=5.0)) as server:
        exchange, kiss = ask(address(server), BASE)
    assert not kiss
    assert exchange.delay >= 0.014
    assert abs(offset_from_system(exchange) - 5.0) <= exchange.delay / 2 + 0.001
    assert offset_from_system(exchange) - 5.0 > 0.003  # lopsided by 10 ms: wrong by about 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: replace(p, mode=5), "mode"),
        (lambda p: replace(p, leap=3), "unsynchronised"),
        (lambda p: replace(p, stratum=16), "stratum"),
        (lambda p: replace(p, transmit=0), "time"),
        (lambda p: replace(p, receive=0), "time"),
        (lambda p: replace(p, transmit=p.transmit - (1 << 32)), "time"),
        (lambda p: replace(p, transmit=p.transmit + (5 << 32)), "delay"),
        (lambda p: replace(p, root_delay=3.0), "distance"),
        (lambda p: replace(p, root_dispersion=1.5), "distance"),
    ],
)
def test_an_unfit_answer_is_named(change, reason: str) -> None:  # type: ignore[no-untyped-def]
    with ReferenceServer(Behaviour(change=change)) as server, pytest.raises(ClockError) as caught:
        ask(address(server), BASE)
    assert (caught.value.code, caught.value.params["reason"]) == ("clock.source-unfit", reason)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: replace(p, origin=p.origin ^ 1),
        lambda p: replace(p, origin=0),
        lambda p: replace(p, origin=p.origin ^ 1, stratum=0, reference_id=b"DENY"),
        lambda _p: b"short",
        lambda _p: bytes(48),
        lambda _p: None,
    ],
)
def test_what_does_not_answer_the_question_is_not_heard(change) -> None:  # type: ignore[no-untyped-def]
    """R83: an answer with another originate stamp is spoofed, even when it is a kiss-o'-death."""
    with ReferenceServer(Behaviour(change=change)) as server, pytest.raises(ClockError) as caught:
        ask(address(server), BASE, timeout=0.2)
    assert caught.value.code == "clock.no-answer"


@pytest.mark.parametrize("code", [b"DENY", b"RSTR"])
def test_a_source_that_denies_is_not_asked_again(code: bytes) -> None:
    kiss = Behaviour(change=lambda p: replace(p, stratum=0, reference_id=code))
    with ReferenceServer(kiss) as server:
        source = SntpSource(address(server), BASE)
        assert [source.poll() for _ in range(5)] == [None] * 5
    assert len(server.asked) == 1
    assert code.decode() in str(source.describe()["problem"])


def test_a_source_that_wants_fewer_questions_gets_fewer() -> None:
    kiss = Behaviour(change=lambda p: replace(p, stratum=0, reference_id=b"RATE"))
    with ReferenceServer(kiss) as server:
        source = SntpSource(address(server), BASE)
        for _ in range(12):
            source.poll()
    assert len(server.asked) == 3  # pauses of 2, 4 and 8 rounds


def test_reach_shows_the_last_eight_polls() -> None:
    with ReferenceServer(Behaviour()) as server:
        source = SntpSource(address(server), BASE, timeout=0.2)
        assert source.poll() is not None
        server.behaviour.loss = 1.0
        assert source.poll() is None
        server.behaviour.loss = 0.0
        assert source.poll() is not None
    assert source.describe()["reach"] == "00000101"
    assert source.describe()["problem"] == ""


def test_a_slow_exchange_is_trusted_less() -> None:
    delays = DelayFilter("a")
    first = delays.take(Exchange(0, 500_000, 500_000, 1_000_000))
    assert first.noise == pytest.approx(0.5e-3, rel=0.01)  # who knows how long it queued
    for _ in range(50):
        quick = delays.take(Exchange(0, 500_000, 500_000, 1_000_000))
    slow = delays.take(Exchange(0, 5_000_000, 5_000_000, 10_000_000))
    assert quick.noise < 50e-6
    assert slow.noise == pytest.approx(4.5e-3, rel=0.05)
    assert slow.distance == pytest.approx(5e-3, rel=0.01)


def test_another_way_is_noticed() -> None:
    """All of the last 16 slower than most before, or one quicker than queues explain."""
    delays = DelayFilter("a")

    def take(delay_us: int) -> float:
        return delays.take(Exchange(0, 0, 0, delay_us * 1000)).moved

    assert not any(take(300 + 7 * (n * 13 % 31)) for n in range(100))
    moved = [take(1300 + 7 * (n * 13 % 31)) for n in range(20)]
    assert [n for n, value in enumerate(moved) if value] == [15]
    assert moved[15] == pytest.approx(0.5e-3, rel=0.05)
    assert not any(take(1300 + 7 * (n * 13 % 31)) for n in range(40))
    assert take(300) == pytest.approx(0.5e-3, rel=0.05)
    assert not any(take(300 + 7 * (n * 13 % 31)) for n in range(100))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ntp.ntsc.ac.cn", Address("ntp.ntsc.ac.cn", 123)),
        ("10.0.0.1:1123", Address("10.0.0.1", 1123)),
        ("[2001:db8::1]:1123", Address("2001:db8::1", 1123)),
        ("2001:db8::1", Address("2001:db8::1", 123)),
    ],
)
def test_addresses(text: str, expected: Address) -> None:
    assert parse_address(text) == expected
    assert parse_address(str(expected)) == expected


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_the_documented_error(text: str) -> None:
    try:
        parsed = parse_address(text)
    except ClockError as error:
        assert error.code == "clock.address-wrong"
    else:
        assert 0 < parsed.port < 65536
        assert parsed.host
