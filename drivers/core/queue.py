"""A bounded queue between a device's reader thread and whoever paints: batches, never single samples."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
DEFAULT_LIMIT = 4096


class BatchQueue(Generic[T]):
    """First in, first out, at most `limit` long; the oldest entries are kept and newer ones refused.

    `on_ready` is called from the putting thread each time the queue stops being empty, so that a
    consumer gets one wake-up for a batch. It must not block.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT, on_ready: Callable[[], None] | None = None) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self._on_ready = on_ready
        self._refused = 0

    def put(self, item: T) -> bool:
        """Append; False when the queue is full and the item was refused and counted."""
        with self._lock:
            if len(self._items) >= self._limit:
                self._refused += 1
                return False
            wake = not self._items
            self._items.append(item)
        if wake and self._on_ready is not None:
            self._on_ready()
        return True

    def drain(self) -> list[T]:
        """Everything that waits, in order; empty when there is nothing."""
        with self._lock:
            items = list(self._items)
            self._items.clear()
        return items

    @property
    def refused(self) -> int:
        """How many items were refused because nobody fetched the queue in time."""
        with self._lock:
            return self._refused
