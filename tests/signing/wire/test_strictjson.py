"""R45: JSON has one meaning or is refused, within limits and before anything large is built."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.wire import WireError, dump_json, parse_json

TEXT = st.text(max_size=20).filter(lambda s: not any("\ud800" <= c <= "\udfff" for c in s))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_round_trip(value: object) -> None:
    """What is written is read back, whatever the strings hold."""
    assert parse_json(dump_json(value), max_bytes=100_000) == value


@given(VALUES)
def test_other_spellings_mean_the_same(value: object) -> None:
    """Escapes and white space of another writer change nothing."""
    assert parse_json(json.dumps(value, indent=1).encode(), max_bytes=1_000_000) == value


@given(st.binary(max_size=100))
def test_garbage(data: bytes) -> None:
    """Only the documented error escapes."""
    try:
        parse_json(data, max_bytes=1000)
    except WireError as error:
        assert error.code.startswith("wire.json-")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a":1,"a":1}', "wire.json-duplicate-key"),
        (b'{"x":{"a":1,"\\u0061":2}}', "wire.json-duplicate-key"),
        (b"1.0", "wire.json-float"),
        (b"1e3", "wire.json-float"),
        (b"NaN", "wire.json-float"),
        (b"-Infinity", "wire.json-float"),
        (b"9223372036854775808", "wire.json-number-too-large"),
        (b"9" * 5000, "wire.json-number-too-large"),
        (b'"\\ud800"', "wire.json-bad-text"),
        (b'{"\\udfff":1}', "wire.json-bad-text"),
        (b"\xef\xbb\xbf{}", "wire.json-malformed"),
        (b'"\xff"', "wire.json-malformed"),
        (b"{}{}", "wire.json-malformed"),
        (b"", "wire.json-malformed"),
        (b"[" * 40 + b"]" * 40, "wire.json-too-deep"),
        (b"[" * 50_000, "wire.json-too-deep"),
        (b"[" + b"0," * 200_000 + b"0]", "wire.json-too-many"),
        (b" " * 600_001, "wire.json-too-large"),
    ],
)
def test_refused(data: bytes, code: str) -> None:
    """Each refusal has its own code."""
    with pytest.raises(WireError) as caught:
        parse_json(data, max_bytes=600_000)
    assert caught.value.code == code


def test_brackets_in_strings_are_no_depth() -> None:
    """Depth counts structure, not text."""
    value = ["[" * 100 + '"' + "{" * 100 + "\\"]
    assert parse_json(dump_json(value), max_bytes=1000) == value


def test_floats_where_they_are_allowed() -> None:
    """Positions in mm may be fractions, but never infinite."""
    assert parse_json(b"[1.5,2]", max_bytes=100, allow_floats=True) == [1.5, 2]
    with pytest.raises(WireError, match="json-number-too-large"):
        parse_json(b"1e999", max_bytes=100, allow_floats=True)
    with pytest.raises(WireError, match="json-float"):
        parse_json(b"NaN", max_bytes=100, allow_floats=True)


@pytest.mark.parametrize(
    "data",
    [
        b'"' * 3_000_001,
        b'"' + b'\\"' * 1_500_000,
        b'"' + b"\\" * 3_000_000,
        b'["' + b'","' * 1_000_000,
        b"]" * 3_000_000,
        b"{" * 3_000_000,
        bytes(3_000_000),
    ],
)
def test_hostile_shapes_take_linear_time(data: bytes) -> None:
    """R45: strings that never end, quotes and brackets by the million: refused, not chewed on."""
    with pytest.raises(WireError):
        parse_json(data, max_bytes=len(data))
