"""R10, R18: a lost report makes a signature incomplete; a wrap, a duplicate or a pause does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.ink import (
    IN_RANGE,
    TIP,
    Gap,
    GapKind,
    InkRecord,
    Sample,
    complete,
    decode_record,
    find_gaps,
    statistics,
    strokes,
)
from signing.verdict import has_message
from tests.support.strokes import STU_540, record_bytes, signature

DOWN, HOVER, AWAY = TIP | IN_RANGE, IN_RANGE, 0


def reports(*pairs: tuple[int, int]) -> list[Sample]:
    """Samples from (sequence, flags), 5 ms apart."""
    return [Sample(i * 5000, i * 5000, i, i, 9, flags, seq) for i, (seq, flags) in enumerate(pairs)]


def test_a_lost_report_in_mid_stroke_is_a_gap() -> None:
    """R10: one report lost while writing: incomplete, with the number of lost reports."""
    samples = signature()
    middle = next(i for i, s in enumerate(samples) if s.flags & TIP) + 10
    lost = samples[:middle] + samples[middle + 1 :]
    assert find_gaps(lost) == [Gap(GapKind.LOST, middle, 1)]
    assert not complete(InkRecord(STU_540, tuple(lost), 0))
    assert complete(InkRecord(STU_540, tuple(samples), 0))


def test_the_counter_wraps() -> None:
    """R10: 65,535 is followed by 0."""
    samples = signature(first_sequence=65_500)
    assert {65_535, 0} <= {s.sequence for s in samples}
    assert find_gaps(samples) == []


def test_a_duplicate_is_reported_and_loses_nothing() -> None:
    """R10: the same report twice is told, and the signature stays complete."""
    samples = signature()
    again = samples[40]._replace(host_time_us=samples[40].host_time_us + 3)
    doubled = [*samples[:41], again, *samples[41:]]
    assert find_gaps(doubled) == [Gap(GapKind.DUPLICATE, 41)]
    assert complete(InkRecord(STU_540, tuple(doubled), 0))


def test_one_number_for_two_reports_is_a_conflict() -> None:
    """R10: the same number with other content is not a duplicate."""
    pair = reports((5, DOWN), (5, DOWN), (6, HOVER))
    assert [gap.kind for gap in find_gaps(pair)] == [GapKind.CONFLICT]


@pytest.mark.parametrize(
    ("before", "after", "is_gap"),
    [
        (DOWN, DOWN, True),
        (DOWN, HOVER, True),
        (HOVER, DOWN, True),
        (HOVER, HOVER, True),
        (DOWN, AWAY, True),
        (AWAY, DOWN, True),
        (HOVER, AWAY, False),
        (AWAY, HOVER, False),
        (AWAY, AWAY, False),
    ],
)
def test_where_a_jump_matters(before: int, after: int, is_gap: bool) -> None:
    """protocol.md: while the pen is in contact, or between two in-range reports."""
    found = find_gaps(reports((10, before), (13, after), (14, AWAY)))
    assert found == ([Gap(GapKind.LOST, 1, 2)] if is_gap else [])


def test_a_jump_of_time_out_of_range_is_no_gap() -> None:
    """protocol.md: the pen may stay away for long."""
    samples = reports((1, DOWN), (2, AWAY), (3, DOWN), (4, AWAY))
    late = [s._replace(device_time_us=s.device_time_us + (i > 1) * 9_000_000) for i, s in enumerate(samples)]
    assert find_gaps(late) == []


def test_an_unplugged_pad_is_cut_off() -> None:
    """R10: the record ends in contact."""
    samples = signature()
    middle = next(i for i, s in enumerate(samples) if s.flags & TIP) + 10
    assert find_gaps(samples[:middle]) == [Gap(GapKind.CUT_OFF, middle)]


def test_order_and_missing_counters() -> None:
    """R10: a counter that goes back or disappears cannot show the signature whole."""
    assert [g.kind for g in find_gaps(reports((9, DOWN), (7, DOWN), (8, HOVER)))] == [GapKind.BACKWARD]
    assert [g.kind for g in find_gaps(reports((9, DOWN), (-1, DOWN), (-1, HOVER)))] == [
        GapKind.COUNTER_MISSING
    ]
    assert find_gaps(reports((-1, DOWN), (-1, DOWN), (-1, HOVER))) == []


@given(st.lists(st.integers(0, 300), min_size=1, max_size=5, unique=True))
def test_every_loss_in_range_is_found(indices: list[int]) -> None:
    """R10: whichever inner reports are lost, the sum of missing ones is told."""
    samples = [s._replace(flags=s.flags | IN_RANGE) for s in signature("永")]
    samples.append(samples[-1]._replace(sequence=samples[-1].sequence + 1, flags=0))
    lost = {index % (len(samples) - 3) + 1 for index in indices}
    left = [s for i, s in enumerate(samples) if i not in lost]
    assert sum(gap.missing for gap in find_gaps(left)) == len(lost)


def test_each_kind_has_a_sentence() -> None:
    """Told to the person in one sentence, in both languages."""
    for kind in GapKind:
        for language in ("zh_CN", "en"):
            assert has_message(Gap(kind, 0).code, language)


def test_statistics() -> None:
    """R18: the figures of a record."""
    record = decode_record(record_bytes("王小明"))
    figures = statistics(record)
    assert figures.stroke_count == 15 == len(strokes(record.samples))
    assert figures.rate_millihertz == 200_000
    assert figures.sample_count == len(record.samples) > figures.contact_count > 500
    assert 100_000 < figures.length_um < 1_000_000
    assert figures.contact_us < figures.duration_us
    assert 0 < figures.min_pressure < figures.max_pressure <= 1023
    assert figures.complete and figures.gaps == ()


def test_statistics_of_nothing() -> None:
    """No stroke, no figure, no error."""
    figures = statistics(InkRecord(STU_540, (), 0))
    assert (figures.stroke_count, figures.duration_us, figures.rate_millihertz) == (0, 0, 0)
