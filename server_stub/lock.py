"""One process set a folder: an exclusive lock that workers inherit, and workers that die with their parent.

granian's workers go on answering when their parent is killed. So the lock lives in an open file that the
workers share: as long as one of them breathes, no other server gets the folder; and each worker ends itself
at once when its parent is gone.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO

from server_stub.errors import SetupError

log = logging.getLogger("penward.serve")

LOCK_NAME = "server.lock"
_PR_SET_PDEATHSIG = 1
_WINDOWS_WORKERS = 64


class FolderLock:
    """An exclusive lock on a server's folder, held from `acquire` until the last process that has it ends."""

    def __init__(self, directory: Path, *, name: str = LOCK_NAME) -> None:
        self._path = directory / name
        self._stream: IO[bytes] | None = None

    def acquire(self, *, wait_seconds: float) -> None:
        """Take the lock; a server that was just killed gets `wait_seconds` to end its workers.

        Raises:
            SetupError: `server.folder-in-use`.
        """
        stream = self._path.open("a+b")
        deadline = time.monotonic() + wait_seconds
        while not _try_lock(stream):
            if time.monotonic() >= deadline:
                stream.close()
                raise SetupError("server.folder-in-use", folder=str(self._path.parent))
            time.sleep(0.05)
        self._stream = stream

    def release(self) -> None:
        """Give up this process's share of the lock."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _try_lock(stream: IO[bytes]) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1 + _WINDOWS_WORKERS)
            stream.seek(1)  # the workers take one of these bytes each: locks are not inherited there
            msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, _WINDOWS_WORKERS)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def follow_parent(directory: Path) -> None:
    """End this worker process at once when its parent is gone; does nothing in a process of its own.

    On Linux the kernel sends SIGKILL; everywhere a thread waits for the parent's end as well.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if sys.platform == "win32":
        _hold_worker_byte(directory / LOCK_NAME)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    threading.Thread(target=_end_with, args=(parent,), name="penward-follow-parent", daemon=True).start()


def _hold_worker_byte(path: Path) -> None:
    """Windows: lock one byte of the lock file until this process ends, so that a new server sees it alive."""
    if sys.platform == "win32":
        import msvcrt

        handle = os.open(path, os.O_RDWR | os.O_BINARY)
        for number in range(1, 1 + _WINDOWS_WORKERS):
            os.lseek(handle, number, os.SEEK_SET)
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            except OSError:
                continue
            return
        raise SetupError("server.folder-in-use", folder=str(path.parent))


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    log.error("the parent process is gone; this worker ends")
    os._exit(70)
