"""Multi-packet operations between their packets: digests in memory, bounded in number and in time.

The `hashValue` that goes to and fro is a handle of 32 random bytes; the state of a hash never leaves the
process, so that no client can put another one in its place.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from server_stub.svs.codes import Reply
from server_stub.svs.digests import Running
from server_stub.svs.errors import SvsFault

HANDLE_SIZE = 32
IDLE_S = 300.0
MAX_CONTEXTS = 4096
MAX_OF_CALLER = 256


@dataclass(slots=True)
class _Context:
    kind: str
    caller: str
    method: int
    running: Running
    until: float


class Contexts:
    """Contexts by handle; only the caller who opened one can use it, for the operation it was opened for."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._open: dict[bytes, _Context] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._open)

    def open(self, kind: str, caller: str, method: int, running: Running) -> bytes:
        """Keep a digest; return its handle. Raises SvsFault `SYSTEM_FAILURE` when there are too many."""
        with self._lock:
            self._sweep()
            if (
                len(self._open) >= MAX_CONTEXTS
                or sum(item.caller == caller for item in self._open.values()) >= MAX_OF_CALLER
            ):
                raise SvsFault(Reply.SYSTEM_FAILURE)
            handle = secrets.token_bytes(HANDLE_SIZE)
            self._open[handle] = _Context(kind, caller, method, running, self._now() + IDLE_S)
            return handle

    def update(self, handle: bytes, kind: str, caller: str, method: int, data: bytes) -> None:
        """Append data. Raises SvsFault `HASH_FAILED` for a handle that is not this caller's."""
        with self._lock:
            context = self._find(handle, kind, caller, method)
            context.until = self._now() + IDLE_S
            context.running.update(data)

    def take(self, handle: bytes, kind: str, caller: str, method: int) -> Running:
        """Give the digest back and forget it. Raises SvsFault `HASH_FAILED`."""
        with self._lock:
            running = self._find(handle, kind, caller, method).running
            del self._open[handle]
            return running

    def _find(self, handle: bytes, kind: str, caller: str, method: int) -> _Context:
        context = self._open.get(handle)
        if (
            context is None
            or (context.kind, context.caller, context.method) != (kind, caller, method)
            or context.until < self._now()
        ):
            raise SvsFault(Reply.HASH_FAILED)
        return context

    def _sweep(self) -> None:
        if len(self._open) < MAX_OF_CALLER // 2:
            return
        now = self._now()
        for handle in [handle for handle, item in self._open.items() if item.until < now]:
            del self._open[handle]
