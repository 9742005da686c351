"""R60: one DER form for each (r, s); r‖s of tokens is read by way of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.sm import SmError, decode_signature, der, der_to_raw, encode_signature, raw_to_der
from signing.sm.curve import N

SCALARS = st.integers(1, N - 1)


@given(SCALARS, SCALARS)
def test_round_trips(r: int, s: int) -> None:
    encoded = encode_signature(r, s)
    assert decode_signature(encoded) == (r, s)
    assert raw_to_der(der_to_raw(encoded)) == encoded
    assert len(der_to_raw(encoded)) == 64


def test_high_bits_and_leading_zeros() -> None:
    raw = bytes([0x80]) + bytes(30) + b"\x01" + bytes(31) + b"\x02"
    assert raw_to_der(raw).hex() == "3026022100" + "80" + "00" * 30 + "01" + "020102"


@given(st.binary(max_size=80))
def test_only_the_documented_error_escapes(data: bytes) -> None:
    for read in (decode_signature, der_to_raw, raw_to_der):
        try:
            read(data)
        except SmError as error:
            assert error.code == "sm.bad-signature"


@pytest.mark.parametrize(
    "encoded",
    [
        "300702020001020101",  # r not minimal
        "30810602010102010100",  # length not minimal, one byte too many
        "3006020101020101" + "00",  # a byte after
        "3009020101020101020101",  # a third integer
        "3003020101",  # s is missing
        "3106020101020101",  # a SET
        "30800201010201010000",  # indefinite length
    ],
)
def test_other_forms_are_refused(encoded: str) -> None:
    with pytest.raises(SmError) as caught:
        decode_signature(bytes.fromhex(encoded))
    assert caught.value.code == "sm.bad-signature"


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (N, 1), (1, N), (-1, 1)])
def test_range(r: int, s: int) -> None:
    with pytest.raises(SmError):
        encode_signature(r, s)
    with pytest.raises(SmError):
        decode_signature(der.sequence(der.integer(r), der.integer(s)))
