"""R43, R83: the majority's interval, and who is outside it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server_stub.clock.selection import Candidate, select


def candidates(*pairs: tuple[float, float]) -> list[Candidate]:
    return [Candidate(f"s{i}", offset, distance / 3, distance) for i, (offset, distance) in enumerate(pairs)]


def test_one_falseticker_among_four_is_named() -> None:
    found = select(candidates((0.001, 0.002), (0.0, 0.002), (-0.001, 0.002), (0.5, 0.002)))
    assert found.falsetickers == ("s3",)
    assert found.survivors == ("s0", "s1", "s2")
    assert found.offset is not None
    assert abs(found.offset) <= 0.001


def test_two_that_contradict_each_other_are_both_refused() -> None:
    found = select(candidates((0.0, 0.001), (1.0, 0.001)))
    assert found.offset is None
    assert found.falsetickers == ("s0", "s1")


def test_half_is_no_majority() -> None:
    assert select(candidates((0.0, 0.001), (0.0, 0.001), (1.0, 0.001), (1.0, 0.001))).offset is None


def test_one_source_is_believed_and_nobody_is_not() -> None:
    assert select(candidates((0.25, 0.001))).offset == 0.25
    assert select([]).offset is None


def test_a_wide_interval_does_not_pull_the_narrow_ones() -> None:
    found = select(candidates((0.0, 0.0001), (0.0, 0.0001), (0.4, 0.5)))
    assert found.offset is not None
    assert abs(found.offset) <= 0.0001
    assert found.half_width <= 0.0002


@given(
    st.floats(-10, 10),
    st.lists(st.tuples(st.floats(-1, 1), st.floats(1e-6, 0.5)), min_size=1, max_size=9),
    st.lists(st.tuples(st.floats(-20, 20), st.floats(1e-6, 0.5)), max_size=8),
)
def test_while_a_majority_is_right_the_truth_is_inside(
    truth: float, right: list[tuple[float, float]], wrong: list[tuple[float, float]]
) -> None:
    """Each right source's interval holds the truth; the others may say anything."""
    wrong = wrong[: len(right) - 1]
    told = [(truth + place * distance * 0.999, distance) for place, distance in right] + wrong
    found = select(candidates(*told))
    assert found.offset is not None
    assert abs(found.offset - truth) <= found.half_width + 1e-9
    assert len(found.survivors) >= len(right)
