"""R20: device time from 16-bit counters, and the bounded queue between reader and window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.core.clock import CounterClock, sequence_step
from drivers.core.queue import BatchQueue


@given(st.integers(0, 65_535), st.lists(st.integers(0, 200_000), max_size=30), st.integers(-8_000, 8_000))
def test_unwrapped_time_equals_the_true_time(start: int, steps: list[int], jitter: int) -> None:
    """R20: whatever the pauses (several periods too) and the jitter of the host, device time is exact."""
    clock = CounterClock(5_000)
    ticks, host = start, 1_000_000_000
    clock.time_us(ticks, host)
    for step in steps:
        ticks += step
        host += step * 5_000
        assert clock.time_us(ticks & 0xFFFF, host + jitter) == (ticks - start) * 5_000


@given(st.integers(0, 65_535), st.integers(0, 65_535))
def test_sequence_steps_are_modular(a: int, step: int) -> None:
    """R20: 65,535 → 0 is one step."""
    assert sequence_step(a, (a + step) & 0xFFFF) == step


def test_the_queue_wakes_once_a_batch_and_refuses_when_full() -> None:
    """R10: one wake-up for many samples; what does not fit is counted, never silently lost."""
    wakes: list[None] = []
    queue: BatchQueue[int] = BatchQueue(3, lambda: wakes.append(None))
    assert [queue.put(i) for i in range(5)] == [True, True, True, False, False]
    assert len(wakes) == 1
    assert queue.drain() == [0, 1, 2]
    assert queue.refused == 2
    assert queue.put(9)
    assert len(wakes) == 2
