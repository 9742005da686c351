"""R20: the journal: encrypted, append-only, its end not to be cut unseen."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.errors import DesktopError
from desktop_app.offline.format import FileCipher, Record, RecordKind
from desktop_app.offline.journal import Journal, JournalFolder, read_journal
from tests.conftest import ExpectedWarnings

KEY = bytes(range(16))
records = st.lists(st.builds(Record, st.sampled_from(RecordKind), st.binary(max_size=300)), max_size=8)


def written(path: Path, *bodies: bytes) -> Path:
    """A closed journal with these SAMPLES records."""
    journal = Journal(path, KEY)
    for body in bodies:
        journal.append(RecordKind.SAMPLES, body)
    journal.close()
    return path


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    """R20: in order, and not in the clear."""
    path = written(tmp_path / "a.pwj", b"first stroke", b"second stroke")
    stored = read_journal(path, KEY)
    assert [r.body for r in stored.records] == [b"first stroke", b"second stroke"]
    assert not stored.cut
    assert b"stroke" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


def test_synced_tells_when_everything_is_on_disk(tmp_path: Path) -> None:
    """R20: Confirm waits for this."""
    journal = Journal(tmp_path / "a.pwj", KEY)
    journal.append(RecordKind.SAMPLES, b"x")
    assert not journal.synced
    journal.sync()
    journal.flush()
    assert journal.synced
    journal.close()


@pytest.mark.parametrize("marks", ["kept", "first slot only"])
def test_a_cut_tail_is_seen(tmp_path: Path, marks: str) -> None:
    """R20: whole records removed from the end are noticed by the mark."""
    path = tmp_path / "a.pwj"
    journal = Journal(path, KEY)
    sizes = []
    for body in (b"one", b"two", b"three"):
        journal.append(RecordKind.SAMPLES, body)
        journal.sync()
        journal.flush()
        sizes.append(path.stat().st_size)
    journal.close()
    path.write_bytes(path.read_bytes()[: sizes[0]])
    if marks == "first slot only":
        mark = path.with_suffix(".mark")
        mark.write_bytes(mark.read_bytes()[:24])
    stored = read_journal(path, KEY)
    assert [r.body for r in stored.records] == [b"one"]
    assert stored.cut


def test_a_torn_last_record_is_left_out(tmp_path: Path) -> None:
    """R20: the power failed in the middle of a write that was not yet synced."""
    path = written(tmp_path / "a.pwj", b"one")
    path.write_bytes(path.read_bytes() + b"\x40\x00\x00\x00half")
    stored = read_journal(path, KEY)
    assert [r.body for r in stored.records] == [b"one"]
    assert not stored.cut


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_changed_bit_is_refused_or_changes_nothing(data: st.DataObject) -> None:
    """R20: records cannot be changed, moved or repeated unseen."""
    cipher = FileCipher(KEY, bytes(16))
    given_records = data.draw(records.filter(bool))
    stored = b"".join(cipher.seal(i, record) for i, record in enumerate(given_records))
    assert cipher.open_all(stored) == (given_records, len(stored))
    position = data.draw(st.integers(0, len(stored) - 1))
    changed = bytearray(stored)
    changed[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found, _ = cipher.open_all(bytes(changed))
    except DesktopError as error:
        assert error.code == "desktop.journal-damaged"
    else:
        assert found == given_records[: len(found)]
        assert len(found) < len(given_records)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """R20: only the documented error escapes."""
    cipher = FileCipher(KEY, bytes(16))
    cipher.highest_mark(data)
    try:
        assert cipher.open_all(data)[0] == []
    except DesktopError as error:
        assert error.code == "desktop.journal-damaged"


def test_records_of_two_journals_are_not_exchanged(tmp_path: Path) -> None:
    """R20: each file has a key of its own."""
    one, two = written(tmp_path / "a.pwj", b"one"), written(tmp_path / "b.pwj", b"two")
    head = 24
    one.write_bytes(one.read_bytes()[:head] + two.read_bytes()[head:])
    with pytest.raises(DesktopError):
        read_journal(one, KEY)


def test_unreadable_journals_are_set_aside(tmp_path: Path, expected_warnings: ExpectedWarnings) -> None:
    """R20: one damaged file does not hide the others, and is kept for whoever looks into it."""
    folder = JournalFolder(tmp_path / "j", KEY)
    written(tmp_path / "j" / "a.pwj", b"fine")
    (tmp_path / "j" / "b.pwj").write_bytes(secrets.token_bytes(200))
    expected_warnings("penward.desktop", "set aside")
    assert len(folder.stored()) == 1
    assert (tmp_path / "j" / "b.damaged").exists()


def test_a_disk_that_cannot_be_written_is_told(tmp_path: Path, expected_warnings: ExpectedWarnings) -> None:
    """R20: then nothing counts as synced."""
    journal = Journal(tmp_path / "a.pwj", KEY)
    expected_warnings("penward.desktop", "cannot be written")
    journal.append(RecordKind.PHOTO, bytes(33 * 1024 * 1024))
    with pytest.raises(DesktopError) as raised:
        journal.flush()
    assert raised.value.code == "desktop.journal-write-failed"
    assert not journal.synced
    journal.close()
    with pytest.raises(DesktopError):
        Journal(tmp_path / "none" / "a.pwj", KEY)
