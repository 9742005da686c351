"""R83: the 48-byte packet of RFC 4330 and its time stamps."""

from __future__ import annotations

import datetime as dt
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_stub.clock import ClockError
from server_stub.clock import packet as ntp

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def test_fields_lie_where_the_rfc_puts_them() -> None:
    """RFC 5905 figure 8, octet by octet."""
    packet = ntp.Packet(
        leap=3,
        version=4,
        mode=4,
        stratum=2,
        poll=6,
        precision=-20,
        root_delay=1.5,
        root_dispersion=0.25,
        reference_id=b"GPS\0",
        reference=1,
        origin=2,
        receive=3,
        transmit=4,
    )
    data = ntp.encode(packet)
    assert len(data) == 48
    assert data[:4] == bytes([0b11_100_100, 2, 6, 256 - 20])
    assert data[4:12] == bytes.fromhex("00018000 00004000")
    assert data[12:16] == b"GPS\0"
    assert struct.unpack(">4Q", data[16:]) == (1, 2, 3, 4)
    assert ntp.decode(data) == packet
    assert ntp.decode(data + b"extension") == packet


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), 2_208_988_800),
        (dt.datetime(1999, 12, 31, tzinfo=dt.UTC), 3_155_587_200),  # the table of RFC 5905 figure 4
        (dt.datetime(2036, 2, 7, 6, 28, 15, tzinfo=dt.UTC), 0xFFFF_FFFF),
        (dt.datetime(2036, 2, 7, 6, 28, 16, tzinfo=dt.UTC), 0),
        (dt.datetime(2036, 2, 8, tzinfo=dt.UTC), 63_104),
    ],
)
def test_stamps_count_from_1900_and_begin_anew_in_2036(moment: dt.datetime, seconds: int) -> None:
    unix_ns = int((moment - EPOCH).total_seconds()) * ntp.NANO
    stamp = ntp.to_stamp(unix_ns)
    assert stamp == seconds << 32
    assert ntp.from_stamp(stamp) == unix_ns


@given(st.integers(0, 4_200_000_000 * ntp.NANO))
def test_stamps_keep_a_nanosecond(unix_ns: int) -> None:
    assert abs(ntp.from_stamp(ntp.to_stamp(unix_ns)) - unix_ns) <= 1


@given(st.binary(max_size=1100))
def test_any_bytes_are_a_packet_or_the_documented_error(data: bytes) -> None:
    try:
        packet = ntp.decode(data)
    except ClockError as error:
        assert error.code == "clock.bad-packet"
        assert not 48 <= len(data) <= 1024 or not 1 <= data[0] >> 3 & 7 <= 4
    else:
        assert ntp.encode(packet) == data[:48]


def test_a_kiss_has_a_readable_code() -> None:
    assert ntp.Packet(stratum=0, reference_id=b"RATE").kiss == "RATE"
    assert ntp.Packet(stratum=0, reference_id=b"\0\xffA ").kiss == "??A?"
    assert ntp.Packet(stratum=1, reference_id=b"RATE").kiss == ""
