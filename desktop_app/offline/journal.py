"""The station's journal of a signing: append-only, encrypted, on disk within 50 ms, synced at pen-up.

Appending never waits for the disk: a thread of its own writes. `Journal.synced` tells whether
everything appended so far has reached the disk (`protocol.md`, Journal on the station).
"""

from __future__ import annotations

import logging
import os
import queue
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desktop_app.errors import DesktopError
from desktop_app.files import make_private_folder, sync_folder
from desktop_app.offline.format import MAGIC, MAX_FILE, SALT_BYTES, FileCipher, Record, RecordKind

LOG = logging.getLogger("penward.desktop")
SUFFIX = ".pwj"
MARK_SUFFIX = ".mark"
CLOSE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class StoredJournal:
    """A journal found on disk: its records, and whether the end of it was cut off."""

    path: Path
    records: tuple[Record, ...]
    cut: bool


class Journal:
    """One journal that is being written. `on_change` is called from the writing thread after each sync
    and on failure; `failure` then holds the error."""

    def __init__(self, path: Path, station_key: bytes, on_change: Callable[[], None] | None = None) -> None:
        salt = secrets.token_bytes(SALT_BYTES)
        self.path = path
        self.failure: DesktopError | None = None
        self._cipher = FileCipher(station_key, salt)
        self._on_change = on_change
        self._lock = threading.Lock()
        self._appended = self._synced = 0
        self._queue: queue.SimpleQueue[Record | threading.Event | str] = queue.SimpleQueue()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            self._file = os.open(path, flags, 0o600)
            try:
                self._marks = os.open(path.with_suffix(MARK_SUFFIX), flags, 0o600)
            except OSError:
                os.close(self._file)
                raise
            os.write(self._file, MAGIC + salt)
            sync_folder(path.parent)
        except OSError as error:
            raise DesktopError("desktop.journal-write-failed") from error
        self._thread = threading.Thread(target=self._write, name="penward-journal", daemon=True)
        self._thread.start()

    def append(self, kind: RecordKind, body: bytes) -> None:
        """Hand a record to the writing thread; returns at once."""
        with self._lock:
            self._appended += 1
        self._queue.put(Record(kind, body))

    def sync(self) -> None:
        """Ask for everything appended so far to be on disk; `on_change` tells when it is."""
        self._queue.put("sync")

    def flush(self) -> None:
        """Wait until everything appended so far is on disk.

        Raises:
            DesktopError: `desktop.journal-write-failed`.
        """
        done = threading.Event()
        self._queue.put(done)
        if not done.wait(CLOSE_TIMEOUT_S) or self.failure is not None:
            raise self.failure or DesktopError("desktop.journal-write-failed")

    @property
    def synced(self) -> bool:
        """Whether every record appended so far is on disk."""
        with self._lock:
            return self.failure is None and self._synced == self._appended

    def close(self) -> None:
        """Write and sync what is pending, then end. May be called twice."""
        self._queue.put("close")
        self._thread.join(CLOSE_TIMEOUT_S)

    def discard(self) -> None:
        """Close and remove the journal: its signing is done or given up."""
        self.close()
        remove(self.path)

    def _write(self) -> None:
        number = synced = marks = 0
        try:
            while True:
                item = self._queue.get()
                if isinstance(item, Record):
                    if self.failure is None:
                        number = self._store(number, item)
                    continue
                if self.failure is None and number != synced:
                    marks = self._sync(number, marks)
                    synced = number
                if isinstance(item, threading.Event):
                    item.set()
                if self._on_change is not None:
                    self._on_change()
                if item == "close":
                    return
        finally:
            os.close(self._file)
            os.close(self._marks)

    def _store(self, number: int, record: Record) -> int:
        try:
            data = memoryview(self._cipher.seal(number, record))
            while data:
                data = data[os.write(self._file, data) :]
        except (OSError, DesktopError) as error:
            self._fail(error)
            return number
        return number + 1

    def _sync(self, number: int, marks: int) -> int:
        try:
            os.fsync(self._file)
            slot = self._cipher.mark(number)
            os.lseek(self._marks, marks % 2 * len(slot), os.SEEK_SET)
            os.write(self._marks, slot)
            os.fsync(self._marks)
        except OSError as error:
            self._fail(error)
            return marks
        with self._lock:
            self._synced = number
        return marks + 1

    def _fail(self, error: Exception) -> None:
        LOG.error("journal cannot be written: %s", error)
        self.failure = DesktopError("desktop.journal-write-failed")
        if self._on_change is not None:
            self._on_change()


class JournalFolder:
    """The journals of a station; `key` is the station's journal key of 16 bytes."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = make_private_folder(folder)
        self._key = key

    def begin(self, on_change: Callable[[], None] | None = None) -> Journal:
        """A new, empty journal.

        Raises:
            DesktopError: `desktop.journal-write-failed`.
        """
        return Journal(self._folder / f"{secrets.token_hex(8)}{SUFFIX}", self._key, on_change)

    def stored(self) -> list[StoredJournal]:
        """The journals that were left behind, oldest first; unreadable ones are logged and kept aside."""
        found = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}"), key=lambda p: (p.stat().st_mtime_ns, p.name)):
            try:
                found.append(read_journal(path, self._key))
            except DesktopError as error:
                LOG.error("journal %s is set aside: %s", path.name, error)
                path.rename(path.with_suffix(".damaged"))
        return found


def read_journal(path: Path, key: bytes) -> StoredJournal:
    """Read a journal from disk.

    Raises:
        DesktopError: `desktop.journal-damaged` when it is not this station's, or was changed.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise DesktopError("desktop.journal-damaged")
        data = path.read_bytes()
        mark_path = path.with_suffix(MARK_SUFFIX)
        marks = mark_path.read_bytes() if mark_path.exists() else b""
    except OSError as error:
        raise DesktopError("desktop.journal-damaged") from error
    head = len(MAGIC) + SALT_BYTES
    if not data.startswith(MAGIC) or len(data) < head:
        raise DesktopError("desktop.journal-damaged")
    cipher = FileCipher(key, data[len(MAGIC) : head])
    records, _ = cipher.open_all(data[head:])
    return StoredJournal(path, tuple(records), len(records) < cipher.highest_mark(marks))


def remove(path: Path) -> None:
    """Remove a journal and its marks."""
    path.unlink(missing_ok=True)
    path.with_suffix(MARK_SUFFIX).unlink(missing_ok=True)
    sync_folder(path.parent)
