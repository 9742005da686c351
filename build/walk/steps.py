"""What each step took."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class Steps:
    """Names and milliseconds, in order; each step is said when it is done."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time the block under `name`."""
        begin = time.perf_counter()
        yield
        self.note(name, (time.perf_counter() - begin) * 1000)

    def note(self, name: str, milliseconds: float) -> None:
        """Add a step that was timed elsewhere."""
        self.milliseconds[name] = round(milliseconds, 1)
        print(f"{milliseconds:9.1f} ms  {name}", flush=True)
