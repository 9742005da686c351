"""R43: a time board's sentences and pulse, over a real (pseudo) serial line."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_stub.clock import ClockError
from server_stub.clock.base import MachineBase
from server_stub.clock.board import (
    LINE_DELAY,
    LINE_ERROR,
    PULSE_ERROR,
    SentenceReader,
    SerialTransport,
    TimeBoard,
)
from server_stub.clock.nmea import checksum_of, parse_sentence
from server_stub.clock.packet import NANO

NOON = dt.datetime(2026, 11, 22, 12, 0, 0, tzinfo=dt.UTC)
NOON_NS = 1_795_348_800 * NANO


def sentence(body: str) -> bytes:
    return f"${body}*{checksum_of(body.encode()):02X}\r\n".encode()


RMC = sentence("BDRMC,120000.00,A,3148.1,N,11714.2,E,0.0,0.0,221126,,,A")
ZDA = sentence("GNZDA,120000.00,22,11,2026,00,00")
GGA = sentence("GBGGA,120000.00,3148.1,N,11714.2,E,1,12,0.8,40.0,M,0.0,M,,")
NO_FIX = sentence("GNGGA,120000.00,,,,,0,00,99.9,,,,,,")


class Line:
    """A transport whose pulse a test sets."""

    def __init__(self) -> None:
        self.last: int | None = None

    def read(self) -> bytes:
        return b""

    def pulse(self) -> int | None:
        return self.last

    def close(self) -> None:
        pass


class Counter:
    value = 0

    def read(self) -> int:
        return self.value

    def slept(self) -> int:
        return 0


def test_sentences_of_boards() -> None:
    assert parse_sentence(RMC).moment == NOON
    assert parse_sentence(ZDA).moment == NOON
    assert parse_sentence(ZDA).valid
    fix = parse_sentence(GGA)
    assert (fix.valid, fix.satellites, fix.moment) == (True, 12, None)
    assert not parse_sentence(NO_FIX).valid
    assert not parse_sentence(sentence("GPRMC,120000,V,,,,,,,221126,,,N")).valid
    assert parse_sentence(sentence("GPGSV,3,1,11")).kind == "GSV"
    assert (
        parse_sentence(b"$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03,61.7,M,55.2,M,,*76").satellites
        == 8
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (RMC.replace(b"120000", b"120001"), "checksum"),
        (b"GPRMC,1*00", "shape"),
        (b"$" + b"A" * 200, "length"),
        (sentence("GPRMC,120000"), "fields"),
        (sentence("GPRMC,250000.00,A,,,,,,,221126,,,A"), "time"),
        (sentence("GPRMC,235960.00,A,,,,,,,311226,,,A"), "time"),
        (sentence("GPRMC,120000.00,A,,,,,,,310226,,,A"), "time"),
        (sentence("GPRMC,120000.00,A,,,,,,,080407,,,A"), "date"),
        (sentence("GPZDA,120000.00,xx,11,2026,00,00"), "date"),
        (sentence("GPGGA,120000.00,,,,,x,00"), "fields"),
    ],
)
def test_a_bad_sentence_is_named(line: bytes, problem: str) -> None:
    """2007 in 2026 is a receiver whose week number has rolled over."""
    with pytest.raises(ClockError) as caught:
        parse_sentence(line)
    assert (caught.value.code, caught.value.params["problem"]) == ("clock.bad-sentence", problem)


@given(
    st.one_of(
        st.binary(max_size=150), st.text(st.characters(codec="ascii"), max_size=90).map(lambda t: t.encode())
    )
)
def test_any_bytes_end_in_a_sentence_or_the_documented_error(data: bytes) -> None:
    body = data.replace(b"$", b"").replace(b"*", b"")
    for line in (data, b"$GPRMC," + body + b"*%02X" % checksum_of(b"GPRMC," + body)):
        try:
            parse_sentence(line)
        except ClockError as error:
            assert error.code == "clock.bad-sentence"


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_a_torn_stream_still_gives_whole_lines(noise: list[bytes]) -> None:
    reader = SentenceReader()
    for index, piece in enumerate(noise):
        reader.feed(piece, index)
    assert len(reader._line) <= 122
    found = [item for octet in RMC for item in reader.feed(bytes([octet]), 1000)]
    assert found == [(RMC, 1000)]


def test_a_pulse_makes_the_sentence_exact() -> None:
    """The second that a sentence names began at the pulse before it."""
    line, counter = Line(), Counter()
    board = TimeBoard(line, counter)
    line.last = 5 * NANO
    counter.value = 5 * NANO + 400_000_000
    board.feed(GGA + RMC, counter.value)
    measured = board.poll()
    assert measured is not None
    assert (measured.base_ns, measured.utc_ns, measured.distance) == (5 * NANO, NOON_NS, PULSE_ERROR)
    assert board.poll() is None
    assert board.describe() == {"name": "board", "kind": "pps", "problem": "", "satellites": 12}


def test_without_a_pulse_the_sentence_is_good_to_a_third_of_a_second() -> None:
    line, counter = Line(), Counter()
    board = TimeBoard(line, counter)
    counter.value = 7 * NANO
    board.feed(RMC, 7 * NANO)
    measured = board.poll()
    assert measured is not None
    assert measured.utc_ns == NOON_NS + round(LINE_DELAY * NANO)
    assert measured.distance == LINE_ERROR
    assert board.describe()["kind"] == "nmea"


def test_a_stale_pulse_is_not_used() -> None:
    line, counter = Line(), Counter()
    line.last = NANO
    counter.value = 3 * NANO
    board = TimeBoard(line, counter)
    board.feed(RMC, counter.value)
    measured = board.poll()
    assert measured is not None
    assert measured.distance == LINE_ERROR


def test_without_a_fix_nothing_is_measured() -> None:
    line, counter = Line(), Counter()
    board = TimeBoard(line, counter)
    board.feed(NO_FIX + ZDA, 1)
    assert board.poll() is None
    assert board.describe()["problem"] == "no fix"
    board.feed(ZDA.replace(b"2026", b"2025"), 1)
    assert board.describe()["problem"] == "bad sentence: checksum"
    board.feed(RMC, 1)
    counter.value = 10 * NANO
    assert board.poll() is None  # older than three seconds


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_a_board_on_a_serial_line() -> None:
    """pyserial on a pseudo-terminal; the line's loss is told."""
    pytest.importorskip("serial")
    master, slave = os.openpty()
    board = TimeBoard(SerialTransport(os.ttyname(slave), MachineBase()), MachineBase())
    board.start()
    try:
        measured = None
        for _ in range(100):
            os.write(master, b"\xff\x00garbage" + GGA + RMC)
            time.sleep(0.05)
            measured = measured or board.poll()
            if measured is not None:
                break
        assert measured is not None
        assert measured.utc_ns == NOON_NS + round(LINE_DELAY * NANO)
    finally:
        board.close()
        os.close(master)
        os.close(slave)


def test_a_board_that_is_not_there() -> None:
    pytest.importorskip("serial")
    with pytest.raises(ClockError) as caught:
        SerialTransport("/nowhere/tty", MachineBase())
    assert caught.value.code == "clock.board-unreachable"
