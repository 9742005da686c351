"""The parsers take any bytes: they return a value or raise `SealError`, and keep the bytes given."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from signing.seal import SealError, looks_like_seal_signature, parse_seal, parse_seal_signature
from tests.signing.seal import seals
from tests.support.hospital import Hospital


@cache
def _samples() -> tuple[bytes, ...]:
    hospital = Hospital()
    event = hospital.event(bytes(32))
    return (
        seals.signature_v4(hospital, event),
        seals.signature_v1(hospital, event),
        seals.signature_v4(hospital, event, seal_der=seals.seal_v5(hospital, event, stamped=True)),
    )


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    looks_like_seal_signature(data)
    for parse in (parse_seal, parse_seal_signature):
        try:
            assert parse(data).der == data
        except SealError:
            continue


@settings(max_examples=300)
@given(st.integers(0, 2), st.data())
def test_changed_bytes(which: int, data: st.DataObject) -> None:
    sample = bytearray(_samples()[which])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(sample) - 1))
        sample[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del sample[data.draw(st.integers(0, len(sample) - 1)) :]
    with suppress(SealError):
        assert parse_seal_signature(bytes(sample)).der == bytes(sample)
