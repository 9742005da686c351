"""One signature at a time for a task."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TaskLocks:
    """One signature at a time for a task, within this process; the database's constraint stands behind it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def held(self, task_id: str) -> Iterator[None]:
        """Hold the task's lock for the block."""
        with self._guard:
            lock, users = self._locks.get(task_id, (threading.Lock(), 0))
            self._locks[task_id] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._locks[task_id]
                if users == 1:
                    del self._locks[task_id]
                else:
                    self._locks[task_id] = (lock, users - 1)
