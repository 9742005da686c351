"""Bytes kept once under their SM3 digest, in a folder: temp file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from server_stub.errors import NotFound, ServerError
from signing.sm import sm3

_DIGEST = re.compile(r"[0-9a-f]{64}")


class BlobError(ServerError):
    """A stored blob is not what its name says."""

    status = 500


class BlobStore:
    """A content-addressed folder; a blob is there whole or not at all.

    `checkpoint` is called with `blob.written` (temp file synced, not yet named) and `blob.renamed`.
    """

    def __init__(self, folder: Path, *, checkpoint: Callable[[str], None] = lambda _step: None) -> None:
        self._folder = folder
        self._temporary = folder / "tmp"
        self._checkpoint = checkpoint
        self._temporary.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, data: bytes) -> str:
        """Keep `data` and return its SM3 digest in lower-case hex; durable when this returns.

        A blob that is there already may have been named by another writer that has not synced the folders
        yet: they are synced here as well.
        """
        digest = sm3(data).hex()
        target = self._path(digest)
        if target.exists():
            self._sync_folders(target)
            return digest
        for level in (target.parent.parent, target.parent):
            level.mkdir(mode=0o700, exist_ok=True)
        temporary = self._temporary / f"{digest}.{secrets.token_hex(8)}"
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            self._checkpoint("blob.written")
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self._sync_folders(target)
        self._checkpoint("blob.renamed")
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes under `digest` (64 lower-case hex), digested again.

        Raises:
            NotFound: `store.blob-missing`.
            BlobError: `store.blob-damaged`, the bytes no longer have this digest.
        """
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound("store.blob-missing", digest=digest) from error
        if sm3(data).hex() != digest:
            raise BlobError("store.blob-damaged", digest=digest)
        return data

    def has(self, digest: str) -> bool:
        """Whether a blob of this digest is there."""
        return self._path(digest).is_file()

    def remove(self, digest: str) -> None:
        """Forget a blob that no row names any more; durable on return, no error when it is not there."""
        path = self._path(digest)
        try:
            path.unlink()
        except FileNotFoundError:
            return
        _sync_folder(path.parent)

    def sweep(self, *, older_than: dt.timedelta = dt.timedelta()) -> int:
        """Remove what interrupted `put`s left `older_than` ago; the number of files.

        A younger file may be in the hands of another process that serves this folder.
        """
        latest = time.time() - older_than.total_seconds()
        count = 0
        for leftover in self._temporary.iterdir():
            with contextlib.suppress(FileNotFoundError):  # named, or swept by another process, meanwhile
                if not older_than or leftover.stat().st_mtime < latest:
                    leftover.unlink()
                    count += 1
        return count

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise NotFound("store.blob-missing", digest=digest[:80])
        return self._folder / digest[:2] / digest[2:4] / digest

    def _sync_folders(self, target: Path) -> None:
        """Make the name durable: the two levels above a blob may themselves be new, and another's."""
        for folder in (target.parent, target.parent.parent, self._folder):
            _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows has no fsync for folders; a rename is journalled by NTFS
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
