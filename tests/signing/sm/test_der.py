"""R60: DER is written in one form, read strictly, and nothing but SmError escapes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from signing.sm import SmError, check_der, der


@given(st.integers(-(1 << 300), 1 << 300) | st.integers(0, 64).map(lambda bits: -(1 << bits)))
def test_integers_round_trip_and_agree_with_asn1crypto(value: int) -> None:
    encoded = der.integer(value)
    assert encoded == core.Integer(value).dump()
    assert der.read_one(encoded, der.INTEGER).integer() == value
    check_der(encoded)


@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 1 << 128), max_size=8))
def test_object_identifiers_round_trip(first: int, second: int, rest: list[int]) -> None:
    """Arcs of `2.25.<UUID>` are 128 bits wide."""
    dotted = ".".join(map(str, [first, second, *rest]))
    try:
        assert der.read_one(der.oid(dotted), der.OID).dotted() == dotted
    except SmError:
        assert len(der.oid(dotted)) > 66
    assert der.oid(dotted) == core.ObjectIdentifier(dotted).dump()


@given(st.sets(st.integers(0, 20)))
def test_named_bits_drop_trailing_zeros(bits: set[int]) -> None:
    encoded = der.named_bits(bits)
    check_der(encoded)
    content = der.read_one(encoded, der.BIT_STRING).content
    text = "".join(f"{octet:08b}" for octet in content[1:])
    assert {index for index, bit in enumerate(text) if bit == "1"} == bits
    assert not bits or content[0] == 7 - max(bits) % 8


@given(st.datetimes(datetime(1950, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_times_round_trip(moment: datetime) -> None:
    assert der.read_one(der.generalized_time(moment)).moment() == moment
    assert der.read_one(der.time(moment)).moment() == moment.replace(microsecond=0)
    check_der(der.generalized_time(moment))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_sets_are_in_order(values: list[bytes]) -> None:
    encoded = der.set_of(map(der.octet_string, values))
    check_der(encoded)
    assert sorted(e.content for e in der.read_one(encoded, der.SET).reader().rest()) == sorted(values)


@given(st.binary(max_size=200))
def test_only_the_documented_error_escapes(data: bytes) -> None:
    for parse in (check_der, der.read_one, der.read_sequence):
        try:
            parse(data)
        except SmError as error:
            assert error.code == "sm.not-der"


@given(st.sampled_from([1, 2, 3, 6, 10, 12, 0x17, 0x18]), st.binary(max_size=30))
def test_values_raise_only_the_documented_error(tag: int, content: bytes) -> None:
    element = der.read_one(der.tlv(tag, content))
    for read in (element.integer, element.boolean, element.octets, element.dotted, element.moment):
        try:
            read()
        except SmError as error:
            assert error.code == "sm.not-der"


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        ("", "cut short"),
        ("02030100", "cut short"),
        ("020100ff", "bytes after"),
        ("02020001", "integer is not minimal"),
        ("0202ff80", "integer is not minimal"),
        ("0200", "integer is not minimal"),
        ("04810101", "length is not minimal"),
        ("0482000101", "length is not minimal"),
        ("30800000", "length form"),
        ("010101", "boolean"),
        ("050100", "null"),
        ("060180", "object identifier"),
        ("06028001", "not minimal"),
        ("0300", "bit string"),
        ("03020801", "bit string"),
        ("03020101", "padding bits"),
        ("2403040100", "constructed string"),
        ("1000", "primitive"),
        ("0000", "end-of-contents"),
        ("3106020102020101", "order"),
        ("1f8101", "tag number"),
        ("170b323630313031303030305a", "time"),
        ("170d3236303133323030303030305a", "time"),
        ("180f32303236303130313030303030302b", "time"),
        ("181132303236303130313030303030302e305a", "time"),
    ],
)
def test_what_is_not_der_is_named(encoded: str, problem: str) -> None:
    with pytest.raises(SmError) as caught:
        check_der(bytes.fromhex(encoded))
    assert problem in str(caught.value.params["problem"])


def test_depth_and_count_are_limited() -> None:
    nested = b""
    for _ in range(der.MAX_DEPTH + 2):
        nested = der.sequence(nested)
    with pytest.raises(SmError, match="too deep"):
        check_der(nested)
    with pytest.raises(SmError, match="too many"):
        check_der(der.sequence(*[der.null()] * der.MAX_ELEMENTS))
    with pytest.raises(SmError, match="too many"):
        list(der.read_sequence(der.sequence(*[der.null()] * 1001)).rest())


def test_a_cursor_names_what_it_wanted() -> None:
    reader = der.read_sequence(der.sequence(der.integer(1), der.null()))
    assert reader.optional(der.NULL) is None
    assert reader.take(der.INTEGER).integer() == 1
    with pytest.raises(SmError, match="bytes after"):
        reader.end()
    with pytest.raises(SmError, match="tag 05 where 02"):
        reader.take(der.INTEGER)
    with pytest.raises(SmError, match="primitive"):
        reader.take(der.NULL).reader()
    assert reader.peek() == -1
