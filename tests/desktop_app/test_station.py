"""R26: the station's folder: key, roots, counter, checkpoints, one program at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.errors import DesktopError
from desktop_app.station import Enrolment, Station, new_key, store_enrolment
from signing.sm import sm3
from signing.wire import Checkpoint, sign_checkpoint
from tests.conftest import ExpectedWarnings
from tests.desktop_app.fake_server import FakeServer, enrolled_station


def test_secrets_are_readable_by_their_owner_only(station: Station, tmp_path: Path) -> None:
    """R26: station key and journal key are 0600 files."""
    for name in ("station.key", "journal.key", "station.json"):
        assert (tmp_path / "station" / name).stat().st_mode & 0o077 == 0
    assert station.signer.public_key_spki


def test_the_counter_never_goes_back(station: Station, fake_server: FakeServer, tmp_path: Path) -> None:
    """R45: also not over a restart."""
    assert [station.next_counter() for _ in range(3)] == [1, 2, 3]
    station.close()
    again = Station(tmp_path / "station")
    assert again.next_counter() == 4
    again.close()


def test_only_one_program_at_a_time(station: Station, tmp_path: Path) -> None:
    """R26: the second one is told."""
    with pytest.raises(DesktopError) as raised:
        Station(tmp_path / "station")
    assert raised.value.code == "desktop.already-running"


def test_checkpoints_are_kept_and_contradictions_refused(
    station: Station, fake_server: FakeServer, expected_warnings: ExpectedWarnings
) -> None:
    """A shorter log, another root at the same length, a forged signature: refused."""
    signer = fake_server.server_signer
    station.keep_checkpoint(None)
    station.keep_checkpoint(sign_checkpoint("w", 5, sm3(b"5"), signer))
    station.keep_checkpoint(sign_checkpoint("w", 5, sm3(b"5"), signer))
    station.keep_checkpoint(sign_checkpoint("other", 1, sm3(b"1"), signer))
    station.keep_checkpoint(sign_checkpoint("w", 9, sm3(b"9"), signer))
    expected_warnings("penward.desktop", "checkpoint refused")
    for wrong in (
        sign_checkpoint("w", 8, sm3(b"8"), signer),
        sign_checkpoint("w", 9, sm3(b"x"), signer),
        Checkpoint("w", 10, sm3(b"10"), sign_checkpoint("w", 11, sm3(b"10"), signer).signature),
    ):
        with pytest.raises(DesktopError) as raised:
            station.keep_checkpoint(wrong)
        assert raised.value.code == "desktop.checkpoint-inconsistent"


def test_an_unenrolled_folder_is_told(tmp_path: Path) -> None:
    """R26: with what to do."""
    with pytest.raises(DesktopError) as raised:
        Station(tmp_path)
    assert raised.value.code == "desktop.not-enrolled"


def test_a_damaged_folder_is_told(
    station: Station, tmp_path: Path, expected_warnings: ExpectedWarnings
) -> None:
    """R26: nothing is made up for what is missing."""
    station.close()
    (tmp_path / "station" / "station.key").write_bytes(b"nonsense")
    expected_warnings("penward.desktop", "cannot be read")
    with pytest.raises(DesktopError) as raised:
        Station(tmp_path / "station")
    assert raised.value.code == "desktop.station-damaged"


def test_enrolment_is_done_once_and_uses_the_key_of_an_interrupted_one(
    fake_server: FakeServer, tmp_path: Path
) -> None:
    """R26: the server knows the key that is on disk."""
    folder = tmp_path / "s"
    first = new_key(folder)
    assert new_key(folder).public_key == first.public_key
    enrolled_station(fake_server, folder).close()
    with pytest.raises(DesktopError) as raised:
        new_key(folder)
    assert raised.value.code == "desktop.enrolled-already"


def test_roots_that_are_none_are_refused(tmp_path: Path) -> None:
    """R26: an enrolment without a hospital is none."""
    new_key(tmp_path)
    for roots in ((), ("no pem",)):
        with pytest.raises(DesktopError) as raised:
            store_enrolment(
                tmp_path, Enrolment("s", "", "", roots, b"", None), name="n", server_url="http://127.0.0.1"
            )
        assert raised.value.code == "desktop.enrolment-refused"
