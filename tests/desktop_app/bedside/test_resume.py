"""R20: what was written survives the end of the program, encrypted, and can be finished."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.bedside.steps import Step
from desktop_app.station import Station
from drivers.sim.strokes import signature
from signing.ink import decode_record
from signing.wire import TaskState
from tests.conftest import ExpectedWarnings
from tests.desktop_app.bedside_room import Room
from tests.desktop_app.fake_server import FakeServer


def interrupted(server: FakeServer, station: Station, *, confirm: bool, expect: ExpectedWarnings) -> Room:
    """A room whose program ended after the last stroke, or after Confirm with the server away."""
    room = Room(server, station)
    room.to_signing()
    room.write(5)
    if confirm:
        from desktop_app.errors import DesktopError

        expect("penward.desktop", "not accepted")
        server.failures["upload"] = [DesktopError("desktop.server-unreachable")]
        room.flow.confirm()
    room.flow.close()
    return Room(server, station)


@pytest.mark.parametrize("confirm", [False, True])
def test_an_interrupted_signing_can_be_finished(
    fake_server: FakeServer, station: Station, expected_warnings: ExpectedWarnings, confirm: bool
) -> None:
    """R20: the same ink, byte for byte, after the program was started again."""
    room = interrupted(fake_server, station, confirm=confirm, expect=expected_warnings)
    (left,) = room.flow.unfinished
    assert (left.patient_name, left.confirmed, left.incomplete) == ("王小明", confirm, False)
    room.flow.resume(left)
    assert room.flow.step is Step.HAND_OVER
    room.flow.take_over()
    if not confirm:
        assert room.flow.step is Step.SIGNING
        room.settle(lambda: True)
        assert room.flow.desk.may_confirm
        room.flow.confirm()
    assert room.flow.step is Step.HAND_BACK
    ink = decode_record(fake_server.packages[0].blobs["ink"])
    assert [(s.x, s.y) for s in ink.samples] == [(p.x, p.y) for p in signature(5)]
    assert [entry.page for entry in fake_server.packages[0].manifest.reading] == [0]
    room.flow.hand_back()
    room.flow.finish()
    assert room.flow.unfinished == []


def test_writing_on_after_a_restart_begins_anew(
    fake_server: FakeServer, station: Station, expected_warnings: ExpectedWarnings
) -> None:
    """R20: ink of two runs of the pad is never mixed in one record."""
    room = interrupted(fake_server, station, confirm=False, expect=expected_warnings)
    room.flow.resume(room.flow.unfinished[0])
    room.flow.take_over()
    room.write(2)
    room.flow.confirm()
    ink = decode_record(fake_server.packages[0].blobs["ink"])
    assert [(s.x, s.y) for s in ink.samples] == [(p.x, p.y) for p in signature(2)]


def test_an_unfinished_signing_can_be_given_up(
    fake_server: FakeServer, station: Station, expected_warnings: ExpectedWarnings, tmp_path: Path
) -> None:
    """R20: then its ink is gone from the station."""
    room = interrupted(fake_server, station, confirm=False, expect=expected_warnings)
    room.flow.discard(room.flow.unfinished[0])
    assert room.flow.unfinished == []
    assert list((tmp_path / "station" / "journal").iterdir()) == []


def test_leaving_a_resumed_signing_keeps_it(
    fake_server: FakeServer, station: Station, expected_warnings: ExpectedWarnings
) -> None:
    """R20: going back to the list loses nothing."""
    room = interrupted(fake_server, station, confirm=False, expect=expected_warnings)
    room.flow.resume(room.flow.unfinished[0])
    room.flow.back_to_list()
    assert len(room.flow.unfinished) == 1


def test_a_task_that_was_closed_keeps_the_ink_until_it_is_discarded(
    fake_server: FakeServer, station: Station, expected_warnings: ExpectedWarnings
) -> None:
    """R26: told in one sentence."""
    room = interrupted(fake_server, station, confirm=False, expect=expected_warnings)
    fake_server.tasks_by_id["task-1"] = replace(fake_server.tasks_by_id["task-1"], state=TaskState.EXPIRED)
    room.flow.resume(room.flow.unfinished[0])
    assert (room.flow.step, room.notices) == (Step.LIST, ["desktop.task-closed"])
    assert len(room.flow.unfinished) == 1


def test_signed_before_the_answer_came_is_shown_as_signed(
    fake_server: FakeServer, station: Station, expected_warnings: ExpectedWarnings
) -> None:
    """R20: the program ended between upload and answer; nothing is signed twice."""
    expected_warnings("penward.desktop", "not accepted")
    fake_server.lose_reply = True
    first = Room(fake_server, station)
    first.to_signing()
    first.write()
    first.flow.confirm()
    first.flow.close()
    room = Room(fake_server, station)
    room.flow.resume(room.flow.unfinished[0])
    assert room.flow.step is Step.RESULT
    assert fake_server.calls["upload"] == 1
    room.flow.finish()
    assert room.flow.unfinished == []


CRASH = """
import os, pickle, signal, sys
from pathlib import Path
from desktop_app.station import Station
from tests.desktop_app.bedside_room import Room

class Prepared:
    def __init__(self, task, document, challenge):
        self.tasks = lambda: [task]
        self.task = lambda _id: task
        self.document = lambda _id: document
        self.challenge = lambda _id: challenge

folder = Path(sys.argv[1])
server = Prepared(*pickle.loads((folder.parent / "prepared").read_bytes()))
room = Room(server, Station(folder))
room.to_signing()
room.write(5)
assert room.flow.desk.may_confirm
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_kill_minus_nine_after_the_last_stroke(
    fake_server: FakeServer, station: Station, tmp_path: Path
) -> None:
    """R20: killed between the last stroke and Confirm: the ink is on disk, encrypted, and is finished."""
    folder = tmp_path / "station"
    station.close()
    prepared = (fake_server.task("task-1"), fake_server.document("task-1"), fake_server.challenge("task-1"))
    (tmp_path / "prepared").write_bytes(pickle.dumps(prepared))
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(folder)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    (journal,) = (folder / "journal").glob("*.pwj")
    assert journal.stat().st_mode & 0o777 == 0o600
    stored = journal.read_bytes()
    assert "王小明".encode() not in stored
    assert b"PWINK" not in stored
    again = Station(folder)
    room = Room(fake_server, again)
    (left,) = room.flow.unfinished
    assert not left.incomplete
    room.flow.resume(left)
    room.flow.take_over()
    room.settle(lambda: True)
    room.flow.confirm()
    assert room.flow.step is Step.HAND_BACK
    ink = decode_record(fake_server.packages[0].blobs["ink"])
    assert [(s.x, s.y, s.pressure) for s in ink.samples] == [(p.x, p.y, p.pressure) for p in signature(5)]
    assert list((folder / "journal").iterdir()) == []
    again.close()
