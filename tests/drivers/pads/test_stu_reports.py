"""R10: the published reports of the STU pads, decoded and encoded byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.core.errors import DriverError
from drivers.pads.stu.reports import (
    Capability,
    Encoding,
    Information,
    PenReport,
    Status,
    decode_pen,
    encode_pen,
)

RECORDED = bytes.fromhex("b19101b91c5669fa366c")
"""The body of a report recorded from a real Wacom DTU-1031 (there with ID 0x11, laid out as 0x34)."""

words = st.integers(0, 0xFFFF)
pens = st.builds(
    PenReport,
    ready=st.booleans(),
    switches=st.integers(0, 7),
    pressure=st.integers(0, 4095),
    x=words,
    y=words,
    time_count=words,
    sequence=words,
)


def test_recorded_report_decodes_to_its_known_values() -> None:
    """R10: rdy 1, sw 3, pressure 401, x 441, y 7254, time 0x69FA, sequence 0x366C."""
    pen = decode_pen(b"\x34" + RECORDED)
    assert pen == PenReport(True, 3, 401, 441, 7254, 0x69FA, 0x366C)
    assert encode_pen(pen) == b"\x34" + RECORDED


def test_report_without_counters_has_seven_bytes() -> None:
    """R10: report 0x01 carries flags, x and y only."""
    pen = decode_pen(b"\x01" + RECORDED[:6])
    assert pen == PenReport(True, 3, 401, 441, 7254)
    assert encode_pen(pen) == b"\x01" + RECORDED[:6]


@given(pens)
def test_pen_reports_round_trip(pen: PenReport) -> None:
    """R10: what is encoded decodes to the same values, and padding changes nothing."""
    assert decode_pen(encode_pen(pen)) == pen
    assert decode_pen(encode_pen(pen) + bytes(50)) == pen


@given(st.binary(max_size=80))
def test_any_bytes_give_a_report_none_or_the_documented_error(data: bytes) -> None:
    """R10: nothing but `DriverError` escapes from the decoder."""
    try:
        pen = decode_pen(data)
    except DriverError as error:
        assert error.code == "drivers.report-malformed"
    else:
        assert (pen is None) == (data[0] not in (0x01, 0x34))


@pytest.mark.parametrize(
    "pen", [PenReport(True, 8, 0, 0, 0), PenReport(True, 0, 4096, 0, 0), PenReport(True, 0, 0, -1, 0)]
)
def test_values_that_do_not_fit_are_refused(pen: PenReport) -> None:
    """R10: an encoder never writes another value than it was given."""
    with pytest.raises(ValueError, match=r"."):
        encode_pen(pen)


def test_capability_information_and_status_are_big_endian() -> None:
    """R10: the feature reports as a STU-540 sends them."""
    capability = Capability.decode(bytes.fromhex("09 2a30 1950 03ff 0320 01e0 c8 09ec 0f 0000"))
    assert capability == Capability(10800, 6480, 1023, 800, 480, 200, 2540, Encoding(15))
    assert capability.encode() == bytes.fromhex("09 2a30 1950 03ff 0320 01e0 c8 09ec 0f 0000")
    information = Information.decode(b"\x08STU-540\0\0\x01\x08\x00\0\0\0\0")
    assert (information.model, information.firmware) == ("STU-540", "1.8")
    assert Status.decode(b"\x03\x02\x10\x12\x34") == Status(2, 0x10, 0x1234)


def test_old_firmware_sends_a_short_capability() -> None:
    """R10: ten bytes are five words; the rest is assumed mono."""
    capability = Capability.decode(bytes.fromhex("09 2580 1770 03ff 0140 00c8"))
    assert (capability.screen_width, capability.encodings) == (320, Encoding.MONO)


@given(st.binary(max_size=40), st.sampled_from([Capability, Information, Status]))
def test_feature_reports_give_a_value_or_the_documented_error(
    data: bytes, kind: type[Capability] | type[Information] | type[Status]
) -> None:
    """R10: a device that answers nonsense is told by name."""
    for report in (data, bytes([{Capability: 9, Information: 8, Status: 3}[kind]]) + data):
        try:
            kind.decode(report)
        except DriverError as error:
            assert error.code == "drivers.report-malformed"


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (0x01, "drivers.pad-wrong-report"),
        (0x10, "drivers.pad-wrong-encoding"),
        (0x77, "drivers.pad-unknown-error"),
    ],
)
def test_status_codes_are_sentences(result: int, code: str) -> None:
    """R10: the pad's error codes reach the person as one sentence each."""
    with pytest.raises(DriverError) as raised:
        Status(0, result, 0).check()
    assert raised.value.code == code
    assert raised.value.message("zh_CN").startswith("签名板")
