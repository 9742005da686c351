"""R10, R18: the ink record holds samples exactly as captured, byte for byte, within limits."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.ink import (
    InkDevice,
    InkError,
    InkWriter,
    Sample,
    decode_record,
    decode_unfinished,
    encode_record,
)
from signing.ink import record as record_module
from tests.support.strokes import STU_540, record_bytes, signature

I32 = st.integers(-(2**31), 2**31 - 1)
I64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=60).filter(lambda s: not any("\ud800" <= c <= "\udfff" for c in s))
SAMPLES = st.builds(
    Sample,
    I64,
    I64,
    I32,
    I32,
    st.integers(0, 2**31 - 1),
    st.integers(0, 255).map(lambda flags: flags & 0xF3),
    st.integers(-1, 65_535),
)
DEVICES = st.builds(
    InkDevice,
    kind=TEXT,
    model=TEXT,
    serial=TEXT,
    firmware=TEXT,
    max_x=st.integers(1, 2**31 - 1),
    max_y=st.integers(1, 2**31 - 1),
    max_pressure=st.integers(0, 2**31 - 1),
    width_um=st.integers(1, 10_000_000),
    height_um=st.integers(1, 10_000_000),
    rate_hz=st.integers(0, 2**31 - 1),
    time_unit_us=st.integers(0, 2**31 - 1),
    simulated=st.booleans(),
)


@given(DEVICES, st.lists(SAMPLES, max_size=30), st.integers(0, 2**63 - 1))
def test_round_trip_keeps_every_value(device: InkDevice, samples: list[Sample], started: int) -> None:
    """R18: what was captured is what is read back."""
    data = encode_record(device, samples, started_at_us=started)
    record = decode_record(data)
    assert (record.device, list(record.samples), record.started_at_us) == (device, samples, started)
    assert encode_record(record.device, record.samples, started_at_us=record.started_at_us) == data


@given(st.lists(st.lists(SAMPLES, max_size=5), max_size=6))
def test_pieces_of_the_writer_are_the_record(chunks: list[list[Sample]]) -> None:
    """R18: a journal may store header and chunks as they come; together they are the record."""
    writer = InkWriter(STU_540, started_at_us=7)
    stored = writer.header + b"".join(writer.append(chunk) for chunk in chunks)
    everything = [sample for chunk in chunks for sample in chunk]
    assert list(decode_unfinished(stored).samples) == everything
    assert stored + writer.finish() == encode_record(STU_540, everything, started_at_us=7)


@given(st.binary(max_size=400))
def test_garbage_raises_only_the_documented_error(data: bytes) -> None:
    """A parser lets nothing out but its error."""
    for candidate in (data, record_module.MAGIC + data):
        with pytest.raises(InkError):
            decode_record(candidate)


@settings(max_examples=200)
@given(st.data())
def test_any_changed_byte_is_another_record_or_refused(data: st.DataObject) -> None:
    """R18: no two byte strings mean the same record."""
    original = encode_record(STU_540, signature("永")[:5], started_at_us=1)
    at = data.draw(st.integers(0, len(original) - 1))
    changed = bytearray(original)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        record = decode_record(bytes(changed))
    except InkError:
        return
    assert encode_record(record.device, record.samples, started_at_us=record.started_at_us) == changed


@pytest.mark.parametrize("cut", [1, 11, 12, 13, 40, 100])
def test_a_cut_tail_is_seen(cut: int) -> None:
    """R18: a record without its end is refused as cut short."""
    with pytest.raises(InkError) as caught:
        decode_record(record_bytes()[:-cut])
    assert caught.value.code in ("ink.truncated", "ink.count-mismatch")


def test_a_dropped_sample_is_seen() -> None:
    """R18: the count at the end must fit."""
    data = record_bytes("永")
    with pytest.raises(InkError) as caught:
        decode_record(data[:-48] + data[-12:])
    assert caught.value.code == "ink.count-mismatch"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"max_x": 0}, "ink.value-out-of-range"),
        ({"height_um": 10_000_001}, "ink.value-out-of-range"),
        ({"max_pressure": -1}, "ink.value-out-of-range"),
        ({"model": "长" * 86}, "ink.text-too-long"),
        ({"serial": "\ud800"}, "ink.bad-text"),
    ],
)
def test_device_limits(change: dict[str, object], code: str) -> None:
    """R10: a device description outside the format is refused when it is written."""
    with pytest.raises(InkError) as caught:
        encode_record(dataclasses.replace(STU_540, **change), [], started_at_us=0)  # type: ignore[arg-type]
    assert caught.value.code == code


@pytest.mark.parametrize(
    "change",
    [{"flags": 4}, {"flags": 256}, {"sequence": 65_536}, {"sequence": -2}, {"pressure": -1}, {"x": 2**31}],
)
def test_sample_limits(change: dict[str, int]) -> None:
    """R10: a sample that does not fit is refused with its index, and nothing of the batch is kept."""
    writer = InkWriter(STU_540, started_at_us=0)
    good = signature("永")[0]
    with pytest.raises(InkError) as caught:
        writer.append([good, good._replace(**change)])
    assert (caught.value.code, caught.value.params["index"]) == ("ink.bad-sample", 1)
    assert writer.count == 0


def test_too_many_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """R10: the count is limited while writing and before anything is read."""
    samples = signature("永")[:6]
    data = encode_record(STU_540, samples, started_at_us=0)
    monkeypatch.setattr(record_module, "MAX_SAMPLES", 5)
    with pytest.raises(InkError, match="too-many-samples"):
        encode_record(STU_540, samples, started_at_us=0)
    with pytest.raises(InkError, match="too-many-samples"):
        decode_record(data)


def test_a_finished_record_takes_no_more() -> None:
    """R18: after the trailer nothing follows."""
    writer = InkWriter(STU_540, started_at_us=0)
    writer.finish()
    for attempt in (lambda: writer.append([]), writer.finish):
        with pytest.raises(InkError, match="record-finished"):
            attempt()


@pytest.mark.parametrize(
    ("at", "value", "code"),
    [(8, 2, "ink.unknown-version"), (10, 2, "ink.reserved-bits"), (48, 1, "ink.reserved-bits")],
)
def test_versions_and_reserved_bits(at: int, value: int, code: str) -> None:
    """A later version is never half understood."""
    data = bytearray(record_bytes("永"))
    data[at] = value
    with pytest.raises(InkError) as caught:
        decode_record(bytes(data))
    assert caught.value.code == code
