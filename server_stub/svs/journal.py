"""Who signed what and when: entries are written in groups by one thread, so that no request runs SQL itself.

`wait` (the default) answers a request when its entry is committed; `behind` answers at once and may lose the
entries of the last moment when the process is killed.
"""

from __future__ import annotations

import datetime as dt
import logging
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from server_stub.store import Store, new_id
from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault
from server_stub.svs.models import SvsSignature
from signing.sm import sm3

log = logging.getLogger("penward.svs")

GROUP = 500
WAITING = 20_000


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature: the serial is lower-case hex, the digests are SM3 in lower-case hex."""

    at: dt.datetime
    caller: str
    operation: str
    key_index: int
    certificate_serial: str
    content_sm3: str
    signature_sm3: str


def digest_of(data: bytes) -> str:
    """How the journal names content and signatures."""
    return sm3(data).hex()


class Journal:
    """Takes entries from any thread; `close` writes what is left."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: queue.Queue[tuple[Sequence[Signed], Future[None]] | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, entries: Sequence[Signed]) -> Future[None]:
        """Write entries soon; the future is done when they are committed, or holds an SvsFault."""
        done: Future[None] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the journal is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="svs-journal", daemon=True)
                self._thread.start()
        self._queue.put((entries, done))
        return done

    def close(self) -> None:
        """Write everything that was submitted and end the thread; idempotent."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            group: list[tuple[Sequence[Signed], Future[None]]] = []
            item = self._queue.get()
            while True:
                if item is None:
                    ended = True
                    break
                group.append(item)
                if len(group) >= GROUP:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            if group:
                self._write(group)

    def _write(self, group: list[tuple[Sequence[Signed], Future[None]]]) -> None:
        rows = [
            {
                "id": new_id("signature"),
                "at": entry.at,
                "caller": entry.caller,
                "operation": entry.operation,
                "key_index": entry.key_index,
                "certificate_serial": entry.certificate_serial,
                "content_sm3": entry.content_sm3,
                "signature_sm3": entry.signature_sm3,
            }
            for entries, _ in group
            for entry in entries
        ]
        try:
            with self._store.database.write() as session:
                session.execute(insert(SvsSignature), rows)
        except SQLAlchemyError as error:
            log.error("%d journal entries were not written: %s", len(rows), type(error).__name__)
            for _, done in group:
                done.set_exception(SvsFault(Reply.SYSTEM_FAILURE))
            return
        for _, done in group:
            done.set_result(None)


def find_signatures(
    session: Session,
    *,
    caller: str | None = None,
    content_sm3: str | None = None,
    key_index: int | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    limit: int = 200,
) -> Sequence[SvsSignature]:
    """Signatures that fit all that is given, newest first."""
    query = select(SvsSignature).order_by(SvsSignature.at.desc(), SvsSignature.id.desc()).limit(limit)
    if caller is not None:
        query = query.where(SvsSignature.caller == caller)
    if content_sm3 is not None:
        query = query.where(SvsSignature.content_sm3 == content_sm3)
    if key_index is not None:
        query = query.where(SvsSignature.key_index == key_index)
    if since is not None:
        query = query.where(SvsSignature.at >= since)
    if until is not None:
        query = query.where(SvsSignature.at < until)
    return session.scalars(query).all()
