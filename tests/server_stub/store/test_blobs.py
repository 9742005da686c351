"""Blobs are there whole or not at all (protocol.md, Once)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_stub.errors import NotFound
from server_stub.store import BlobStore
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
