"""Blobs are there whole or not at all (protocol.md, Once)."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_stub.errors import NotFound
from server_stub.store import BlobStore
from server_stub.store import blobs as blobs_module
from server_stub.store.blobs import BlobError
from signing.sm import sm3


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_bytes_lie_under_their_digest_once(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    digest = blobs.put(b"consent")
    assert digest == sm3(b"consent").hex() == blobs.put(b"consent")
    assert blobs.get(digest) == b"consent"
    assert blobs.has(digest)
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("step", ["blob.written", "blob.renamed"])
def test_a_stop_leaves_all_or_nothing(tmp_path: Path, step: str) -> None:
    """Stopped before the rename nothing is there, after it everything; never half a file under a name."""

    class Stopped(BaseException):
        pass

    def stop(here: str) -> None:
        if here == step:
            raise Stopped

    blobs = BlobStore(tmp_path / "blobs", checkpoint=stop)
    with pytest.raises(Stopped):
        blobs.put(b"consent")
    assert BlobStore(tmp_path / "blobs").has(sm3(b"consent").hex()) is (step == "blob.renamed")


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    kept = blobs.put(b"kept")
    (tmp_path / "blobs" / "tmp" / "half").write_bytes(b"ha")
    assert blobs.sweep() == 1
    assert [path.name for path in files(tmp_path)] == [kept]


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    """Where several serve one folder, a start removes what has lain there for a day and nothing younger."""
    blobs = BlobStore(tmp_path / "blobs")
    old, new = (tmp_path / "blobs" / "tmp" / name for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"ha")
    os.utime(old, (time.time() - 90_000,) * 2)
    assert blobs.sweep(older_than=dt.timedelta(days=1)) == 1
    assert not old.exists()
    assert new.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no fsync for folders")
def test_a_blob_that_another_writer_has_just_named_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second writer may not promise what the first has not made durable yet."""
    synced: list[Path] = []
    during: list[list[Path]] = []
    folder = tmp_path / "blobs"
    second = BlobStore(folder)
    real = blobs_module._sync_folder

    def sync(path: Path) -> None:
        if not during:  # the first writer has renamed and is about to sync
            during.append([])
            second.put(b"consent")
            during[0] = list(synced)
        synced.append(path)
        real(path)

    monkeypatch.setattr(blobs_module, "_sync_folder", sync)
    digest = BlobStore(folder).put(b"consent")
    leaf = folder / digest[:2] / digest[2:4]
    assert during == [[leaf, leaf.parent, folder]]


def test_a_changed_blob_is_not_given_out(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    digest = blobs.put(b"consent")
    files(tmp_path)[0].write_bytes(b"consenT")
    with pytest.raises(BlobError) as refused:
        blobs.get(digest)
    assert refused.value.code == "store.blob-damaged"


def test_a_removed_blob_is_gone(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    digest = blobs.put(b"consent")
    blobs.remove(digest)
    blobs.remove(digest)
    assert not blobs.has(digest)


@given(st.text(max_size=80))
def test_only_a_digest_names_a_blob(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """No name, however built, reaches a file outside."""
    blobs = BlobStore(tmp_path_factory.getbasetemp() / "blobs")
    with pytest.raises(NotFound):
        blobs.get(name)
