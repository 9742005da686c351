"""Push to the stations of a ward: an in-process hub that is fed after the commit, with the poll behind it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_WAITING_MESSAGES = 64
LOOK_SECONDS = 0.4
"""How old the list of revoked stations may be when a connection asks."""


class Seat:
    """One station's open connection. Messages wait in a short queue; the oldest gives way."""

    def __init__(self, station_id: str, ward: str, loop: asyncio.AbstractEventLoop) -> None:
        self.station_id = station_id
        self.ward = ward
        self._loop = loop
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_WAITING_MESSAGES)

    async def next(self) -> dict[str, Any]:
        """Wait for the next message."""
        return await self._queue.get()

    def offer(self, message: dict[str, Any]) -> None:
        """Hand a message over from any thread; a seat whose loop is gone loses it (the poll finds it)."""
        try:
            self._loop.call_soon_threadsafe(self._put, message)
        except RuntimeError:  # the loop was closed between our look at the seats and this call
            return

    def _put(self, message: dict[str, Any]) -> None:
        while self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(message)


class PushHub:
    """Knows the connected stations of this process and tells a ward's seats what has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seats: set[Seat] = set()

    @contextmanager
    def seat(self, station_id: str, ward: str) -> Iterator[Seat]:
        """A seat for as long as the connection lives; called inside the connection's event loop."""
        seat = Seat(station_id, ward, asyncio.get_running_loop())
        with self._lock:
            self._seats.add(seat)
        try:
            yield seat
        finally:
            with self._lock:
                self._seats.discard(seat)

    def publish(self, ward: str, message: dict[str, Any]) -> int:
        """Send to every seat of the ward; the number of seats told. Called after the commit only."""
        with self._lock:
            seats = [seat for seat in self._seats if seat.ward == ward]
        for seat in seats:
            seat.offer(message)
        return len(seats)

    def connected(self) -> int:
        """How many stations hold a connection to this process."""
        with self._lock:
            return len(self._seats)


class Revocations:
    """Which stations were revoked, as of at most `LOOK_SECONDS` ago; one look serves all connections.

    A station is revoked by another process (`penward-server station revoke`), so the database is looked at.
    """

    def __init__(self, look: Callable[[], frozenset[str]]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._revoked: frozenset[str] = frozenset()
        self._good_until = 0.0

    def fresh(self) -> bool:
        """Whether `holds` answers without asking the database."""
        return time.monotonic() < self._good_until

    def holds(self, station_id: str) -> bool:
        """Whether this station is revoked; may take a look at the database."""
        if not self.fresh():
            with self._lock:
                if not self.fresh():
                    begun = time.monotonic()
                    self._revoked = self._look()
                    self._good_until = begun + LOOK_SECONDS
        return station_id in self._revoked
