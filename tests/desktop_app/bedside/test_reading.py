"""R26: the reading log: dwell times add up, a page counts when its end was shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop_app.bedside.reading import ReadingLog


class Clock:
    """Milliseconds that the test sets."""

    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        return self.ms


def test_pages_count_when_their_end_was_shown() -> None:
    """R26: opened alone is not read."""
    clock = Clock()
    log = ReadingLog(2, clock, lambda: 1_000 + clock.ms)
    log.view(frozenset({0}))
    clock.ms = 400
    log.view(frozenset({0, 1}))
    assert not log.all_pages_seen
    log.reach_end(frozenset({0, 1}))
    assert log.all_pages_seen
    clock.ms = 1_000
    assert log.total_ms() == 400 + 600
    log.view(frozenset())
    assert [(e.page, e.opened_at_us, e.shown_ms) for e in log.entries] == [(0, 1_000, 1_000), (1, 1_400, 600)]


@given(st.lists(st.tuples(st.frozensets(st.integers(-2, 6)), st.integers(0, 5_000)), max_size=20))
def test_no_page_is_shown_longer_than_the_time_that_passed(looks: list[tuple[frozenset[int], int]]) -> None:
    """R26: pages that do not exist are passed over; times never exceed the clock's."""
    clock = Clock()
    log = ReadingLog(4, clock, lambda: 1 + clock.ms)
    for pages, wait in looks:
        log.view(pages)
        log.reach_end(pages)
        clock.ms += wait
    log.view(frozenset())
    assert all(0 <= entry.page < 4 and 0 <= entry.shown_ms <= clock.ms for entry in log.entries)
    assert log.seen <= log.pages == 4
