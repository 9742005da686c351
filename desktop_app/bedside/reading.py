"""The reading log: which page was shown, since when, for how long."""

from __future__ import annotations

from collections.abc import Callable

from signing.evidence import ReadingEntry


class ReadingLog:
    """Collects dwell times. `monotonic_ms` is a clock in ms, `wall_us` the time of day in µs since 1970."""

    def __init__(self, pages: int, monotonic_ms: Callable[[], int], wall_us: Callable[[], int]) -> None:
        self._clock = monotonic_ms
        self._wall = wall_us
        self._shown = [0] * pages
        self._opened = [0] * pages
        self._ended = [False] * pages
        self._in_view: frozenset[int] = frozenset()
        self._since = 0

    def view(self, pages: frozenset[int]) -> None:
        """From now on these pages (from 0) are in view; none when the document is left."""
        now = self._clock()
        for page in self._in_view:
            self._shown[page] += now - self._since
        self._in_view = frozenset(page for page in pages if 0 <= page < len(self._shown))
        self._since = now
        for page in self._in_view:
            if not self._opened[page]:
                self._opened[page] = self._wall()

    def reach_end(self, pages: frozenset[int]) -> None:
        """The lower edges of these pages have been in view."""
        for page in pages:
            if 0 <= page < len(self._ended):
                self._ended[page] = True
                self._opened[page] = self._opened[page] or self._wall()

    @property
    def entries(self) -> tuple[ReadingEntry, ...]:
        """The pages that were shown, in order, with their times up to the last call of `view`."""
        return tuple(
            ReadingEntry(page, opened, shown)
            for page, (opened, shown) in enumerate(zip(self._opened, self._shown, strict=True))
            if opened
        )

    @property
    def seen(self) -> int:
        """How many pages have been shown down to their end."""
        return sum(1 for opened, ended in zip(self._opened, self._ended, strict=True) if opened and ended)

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return len(self._opened)

    @property
    def all_pages_seen(self) -> bool:
        """Whether no page was left out."""
        return self.seen == self.pages

    def total_ms(self) -> int:
        """How long pages have been in view, now included."""
        current = self._clock() - self._since if self._in_view else 0
        return sum(self._shown) + current
