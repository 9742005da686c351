"""Work off the window's thread, and calls from other threads into it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from desktop_app.errors import DesktopError
from desktop_app.qt import QObject, Qt, Signal
from signing.verdict import PenwardError

LOG = logging.getLogger("penward.desktop")
T = TypeVar("T")


class Background(QObject):
    """`Runner` over threads; results arrive in the thread that made it, in order.

    Signals: `_posted(object)` carries a call into the window's thread.
    """

    _posted = Signal(object)

    def __init__(self, workers: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="penward")
        self._closed = False
        self._posted.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def run(
        self, job: Callable[[], T], done: Callable[[T], None], failed: Callable[[PenwardError], None]
    ) -> None:
        """See `Runner`. What is no documented error is logged and told as `desktop.internal-error`."""

        def report(future: Future[T]) -> None:
            if self._closed or future.cancelled():
                return
            error = future.exception()
            if error is None:
                self._post(lambda: done(future.result()))
            elif isinstance(error, PenwardError):
                self._post(lambda: failed(error))
            else:
                LOG.error("unexpected failure", exc_info=error)
                self._post(lambda: failed(DesktopError("desktop.internal-error")))

        if not self._closed:
            self._pool.submit(job).add_done_callback(report)

    def post(self, call: Callable[[], None]) -> None:
        """Have `call` made in the window's thread; may be called from any thread."""
        self._post(call)

    def close(self) -> None:
        """Wait for what runs and drop what it reports."""
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _post(self, call: Callable[[], None]) -> None:
        if not self._closed:
            self._posted.emit(call)

    def _call(self, call: Callable[[], None]) -> None:
        if not self._closed:
            call()
