"""R10, R18, R20, R26: the bedside flow, every step and every way it can go wrong, without a window."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from desktop_app.bedside.steps import FOLLOWS, Role, Step, role_of
from desktop_app.errors import DesktopError
from desktop_app.offline.format import RecordKind
from desktop_app.station import Station
from drivers.camera import FileCamera
from drivers.sim.strokes import signature
from drivers.sim.stu540 import Faults, SimulatedStu540
from signing.evidence import PHOTO
from signing.ink import decode_record, statistics
from signing.wire import Consent, PhotoPolicy, TaskState
from tests.conftest import ExpectedWarnings
from tests.desktop_app.bedside_room import Room
from tests.desktop_app.fake_server import FakeServer, enrolled_station


@pytest.fixture
def room(fake_server: FakeServer, station: Station) -> Room:
    """A bedside at its list."""
    return Room(fake_server, station)


def photo_file(folder: Path) -> FileCamera:
    """A camera that is a file."""
    Image.effect_noise((320, 240), 90).convert("RGB").save(folder / "face.png")
    return FileCamera(folder / "face.png")


def test_from_the_list_to_the_checked_signature(room: Room, fake_server: FakeServer) -> None:
    """R10, R20: the whole way; the evidence holds the samples as captured and the document's digest."""
    assert [t.id for t in room.flow.tasks] == ["task-1"]
    room.to_signing()
    room.write(5)
    assert room.flow.desk.may_confirm
    room.flow.confirm()
    assert room.steps[-3:] == [Step.SIGNING, Step.UPLOADING, Step.HAND_BACK]
    room.flow.hand_back()
    result = room.flow.result
    assert result is not None
    assert result.simulated == ("desktop.simulated-pad",)
    room.flow.finish()
    assert room.flow.tasks == []
    assert room.notices == []
    manifest = fake_server.packages[0].manifest
    ink = decode_record(fake_server.packages[0].blobs["ink"])
    assert [(s.x, s.y, s.pressure) for s in ink.samples] == [(p.x, p.y, p.pressure) for p in signature(5)]
    assert statistics(ink).complete
    assert manifest.simulated == ("ink", "picture")
    assert manifest.counter == 1
    assert manifest.document_digest == fake_server.digest_of(fake_server.documents["task-1"])
    assert [entry.page for entry in manifest.reading] == [0]
    assert fake_server.packages[0].is_signed_by(room.station.roots[0].public_key) is False


def test_nothing_is_left_on_the_station_after_a_signature(room: Room, tmp_path: Path) -> None:
    """R20: the journal is removed once the document is signed and checked."""
    room.to_signing()
    room.write()
    room.flow.confirm()
    assert list((tmp_path / "station" / "journal").iterdir()) == []


def test_steps_only_follow_as_drawn(room: Room) -> None:
    """The state machine is explicit: a step that does not follow is a defect."""
    with pytest.raises(RuntimeError):
        room.flow.hand_back()
    assert set(FOLLOWS) == set(Step)
    assert role_of(Step.SIGNING) is Role.SIGNER
    assert role_of(Step.RESULT) is Role.NURSE


def test_signing_needs_the_pages_to_be_shown(room: Room) -> None:
    """R26: who has not seen the end of each page cannot go on to sign."""
    room.flow.choose("task-1")
    room.flow.hand_over()
    room.flow.take_over()
    assert not room.flow.may_sign
    assert room.flow.signing is not None
    room.flow.signing.reading.view(frozenset({0}))
    assert not room.flow.may_sign
    room.flow.signing.reading.reach_end(frozenset({0}))
    assert room.flow.may_sign


def test_one_lost_report_forbids_confirm(fake_server: FakeServer, station: Station) -> None:
    """R20: a gap spoils the signature; clear and write again."""
    room = Room(
        fake_server, station, sim=SimulatedStu540(realtime=False, faults=Faults(lose=frozenset({20})))
    )
    room.to_signing()
    room.write()
    assert room.notices == ["drivers.pad-report-lost"]
    assert room.flow.desk.spoiled
    assert not room.flow.desk.may_confirm
    room.flow.confirm()
    assert room.flow.step is Step.SIGNING
    room.flow.clear()
    room.write(2)
    assert room.flow.desk.may_confirm


def test_a_duplicate_and_a_counter_wrap_do_no_harm(fake_server: FakeServer, station: Station) -> None:
    """R20: both are told apart from a loss."""
    sim = SimulatedStu540(realtime=False, sequence_start=65_500, faults=Faults(duplicate=frozenset({20})))
    room = Room(fake_server, station, sim=sim)
    room.to_signing()
    room.write()
    assert room.notices == ["drivers.pad-report-duplicate"]
    assert room.flow.desk.may_confirm


def test_unplugged_in_mid_stroke_keeps_the_ink_and_can_be_signed_again(
    fake_server: FakeServer, station: Station
) -> None:
    """R10: one sentence, ink kept, and after plugging in a new attempt replaces the broken one."""
    room = Room(fake_server, station, sim=SimulatedStu540(realtime=False, faults=Faults(unplug_after=40)))
    room.to_signing()
    room.write()
    desk = room.flow.desk
    assert room.notices == ["drivers.pad-unplugged"]
    assert desk.capture is not None
    assert desk.capture.has_ink
    assert not desk.connected
    assert not desk.may_confirm
    room.flow.reconnect_pad()
    assert room.notices[-1] == "drivers.device-gone"
    room.sim.plug()
    room.flow.reconnect_pad()
    assert desk.connected
    room.write(3)
    assert desk.may_confirm
    assert desk.capture.attempts == 2
    room.flow.confirm()
    assert room.flow.step is Step.HAND_BACK


def test_unplugged_after_the_last_stroke_may_be_confirmed(fake_server: FakeServer, station: Station) -> None:
    """R10: what was written completely counts."""
    points = signature(1)
    room = Room(
        fake_server, station, sim=SimulatedStu540(realtime=False, faults=Faults(unplug_after=len(points)))
    )
    room.to_signing()
    room.write(1)
    assert room.notices == ["drivers.pad-unplugged"]
    assert room.flow.desk.may_confirm
    room.flow.confirm()
    assert room.flow.step is Step.HAND_BACK


def test_a_required_photo_cannot_be_skipped(tmp_path: Path) -> None:
    """R18: the photo is taken, shown, taken again, used; it counts as simulated."""
    server = FakeServer(photo=PhotoPolicy.REQUIRED)
    station = enrolled_station(server, tmp_path / "station")
    room = Room(server, station, camera=photo_file(tmp_path))
    room.to_signing()
    room.write()
    room.flow.confirm()
    assert room.flow.step is Step.PHOTO
    room.flow.skip_photo()
    assert room.notices == ["desktop.photo-required-notice"]
    room.flow.take_photo()
    room.flow.take_photo()
    room.flow.use_photo()
    assert room.flow.step is Step.HAND_BACK
    assert server.packages[0].manifest.simulated == ("ink", "photo", "picture")
    assert server.packages[0].blobs[PHOTO].startswith(b"\xff\xd8")
    assert room.flow.result is not None
    assert room.flow.result.simulated == ("desktop.simulated-pad", "desktop.simulated-photo")
    station.close()


def test_a_required_photo_without_camera_is_told(tmp_path: Path) -> None:
    """R18: nothing is uploaded; the signature can be kept for later."""
    server = FakeServer(photo=PhotoPolicy.REQUIRED)
    station = enrolled_station(server, tmp_path / "station")
    room = Room(server, station)
    room.to_signing()
    room.write()
    room.flow.confirm()
    assert (room.flow.step, room.notices) == (Step.PHOTO, ["desktop.photo-required-notice"])
    room.flow.take_photo()
    assert room.notices[-1] == "desktop.no-camera"
    room.flow.keep_for_later()
    assert [u.confirmed for u in room.flow.unfinished] == [True]
    assert server.packages == []
    station.close()


def test_an_optional_photo_may_be_skipped(tmp_path: Path) -> None:
    """R18: by the policy."""
    server = FakeServer(photo=PhotoPolicy.OPTIONAL, consents=(Consent("c", "1", "同意"),))
    station = enrolled_station(server, tmp_path / "station")
    room = Room(server, station, camera=photo_file(tmp_path))
    room.to_signing()
    room.write()
    room.flow.confirm()
    room.flow.skip_photo()
    assert room.flow.step is Step.HAND_BACK
    assert [c.id for c in server.packages[0].manifest.consents] == ["c"]
    station.close()


@pytest.mark.parametrize("method", ["task", "document"])
def test_a_task_that_cannot_be_fetched_leads_back_to_the_list(
    room: Room, fake_server: FakeServer, method: str
) -> None:
    """R26: one sentence, and the list is there again."""
    fake_server.failures[method] = [DesktopError("desktop.server-unreachable")]
    room.flow.choose("task-1")
    assert (room.flow.step, room.notices) == (Step.LIST, ["desktop.server-unreachable"])


def test_the_list_that_cannot_be_fetched_is_told(room: Room, fake_server: FakeServer) -> None:
    """R26: the tasks known so far stay."""
    fake_server.failures["tasks"] = [DesktopError("desktop.server-unreachable")]
    room.flow.refresh()
    assert room.notices == ["desktop.server-unreachable"]
    assert len(room.flow.tasks) == 1


def test_a_changed_document_is_not_shown(room: Room, fake_server: FakeServer) -> None:
    """What comes must have the digest that the task names."""
    fake_server.documents["task-1"] += b" "
    room.flow.choose("task-1")
    assert (room.flow.step, room.notices) == (Step.LIST, ["desktop.document-differs"])


def test_a_challenge_for_another_document_is_refused(room: Room, fake_server: FakeServer) -> None:
    """The server's digest is computed again here, from what is shown."""
    room.flow.choose("task-1")
    fake_server.digest_of = lambda _data: bytes(32)
    room.flow.hand_over()
    assert (room.flow.step, room.notices) == (Step.REVIEW, ["desktop.document-differs"])


def test_a_recipient_of_another_hospital_is_refused(room: Room, fake_server: FakeServer) -> None:
    """Nothing is sealed to a certificate that the pinned root does not vouch for."""
    fake_server.chain = FakeServer().chain
    room.flow.choose("task-1")
    room.flow.hand_over()
    assert (room.flow.step, room.notices) == (Step.REVIEW, ["evidence.bad-recipient"])


def test_an_audit_log_that_went_back_is_refused(
    room: Room, fake_server: FakeServer, expected_warnings: ExpectedWarnings
) -> None:
    """A checkpoint that contradicts the kept one stops the signing."""
    room.flow.choose("task-1")
    room.flow.hand_over()
    room.flow.back_to_list()
    fake_server.events = 0
    fake_server.checkpoint = lambda: FakeServer.checkpoint(FakeServer())  # type: ignore[method-assign]
    expected_warnings("penward.desktop", "checkpoint refused")
    room.flow.choose("task-1")
    room.flow.hand_over()
    assert room.notices[-1] == "desktop.checkpoint-inconsistent"
    assert room.flow.step is Step.REVIEW


def test_an_upload_that_fails_can_be_repeated(
    room: Room, fake_server: FakeServer, expected_warnings: ExpectedWarnings
) -> None:
    """R20: the very same package is sent again."""
    expected_warnings("penward.desktop", "not accepted")
    fake_server.failures["upload"] = [DesktopError("desktop.server-unreachable")]
    room.to_signing()
    room.write()
    room.flow.confirm()
    assert room.flow.step is Step.UPLOAD_FAILED
    assert room.flow.upload_error is not None
    room.flow.retry_upload()
    assert room.flow.step is Step.HAND_BACK
    assert fake_server.packages[0].manifest.counter == 1


def test_a_lost_answer_does_not_sign_twice(
    room: Room, fake_server: FakeServer, expected_warnings: ExpectedWarnings
) -> None:
    """R20: on the second try the station sees that it is signed, and fetches it."""
    expected_warnings("penward.desktop", "not accepted")
    fake_server.lose_reply = True
    room.to_signing()
    room.write()
    room.flow.confirm()
    assert room.flow.step is Step.UPLOAD_FAILED
    room.flow.retry_upload()
    assert room.flow.step is Step.HAND_BACK
    assert fake_server.calls["upload"] == 1


def test_a_refused_package_is_made_anew(
    room: Room, fake_server: FakeServer, expected_warnings: ExpectedWarnings
) -> None:
    """R20: after a refusal by name the next try answers a fresh challenge with a higher counter."""
    expected_warnings("penward.desktop", "not accepted")
    fake_server.refuse("upload", "handwriting.challenge-expired")
    room.to_signing()
    room.write()
    room.flow.confirm()
    assert room.flow.upload_error is not None
    assert room.flow.upload_error.code == "handwriting.challenge-expired"
    room.flow.retry_upload()
    assert room.flow.step is Step.HAND_BACK
    assert (fake_server.calls["challenge"], fake_server.packages[0].manifest.counter) == (2, 2)


def test_an_expired_challenge_is_replaced(room: Room, fake_server: FakeServer) -> None:
    """The person is not asked to sign again because the server's challenge grew old."""
    fake_server.lifetime = timedelta(seconds=1)
    room.to_signing()
    fake_server.lifetime = timedelta(minutes=30)
    room.write()
    room.flow.confirm()
    assert room.flow.step is Step.HAND_BACK
    assert fake_server.calls["challenge"] == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda signed: signed[:-3000] + bytes([signed[-3000] ^ 1]) + signed[-2999:],
        lambda signed: FakeServer().hospital.sign(FakeServer().documents["task-1"]),
    ],
)
def test_a_document_that_does_not_verify_is_never_called_signed(
    room: Room, fake_server: FakeServer, spoil: Callable[[bytes], bytes], expected_warnings: ExpectedWarnings
) -> None:
    """R29: the station checks for itself before it says so."""
    expected_warnings("penward.desktop", "not accepted")
    expected_warnings("penward.desktop", "does not verify")
    honest = fake_server.hospital.sign
    fake_server.signed_as = lambda data: spoil(honest(data))
    room.to_signing()
    room.write()
    room.flow.confirm()
    assert room.flow.step is Step.UPLOAD_FAILED
    assert room.flow.result is None


def test_the_signer_may_refuse(room: Room, tmp_path: Path) -> None:
    """Back to the nurse; nothing is kept."""
    room.to_signing()
    room.write()
    room.flow.read_again()
    assert room.flow.step is Step.READING
    room.flow.return_to_nurse()
    assert room.flow.step is Step.REVIEW
    assert list((tmp_path / "station" / "journal").iterdir()) == []
    room.flow.back_to_list()
    assert room.flow.unfinished == []


def test_cancelled_in_the_meantime_is_told(room: Room, fake_server: FakeServer) -> None:
    """R26: a recalled task cannot be opened."""
    from dataclasses import replace

    fake_server.tasks_by_id["task-1"] = replace(fake_server.tasks_by_id["task-1"], state=TaskState.CANCELLED)
    room.flow.choose("task-1")
    assert (room.flow.step, room.notices) == (Step.LIST, ["desktop.task-closed"])


def test_every_attempt_stays_in_the_journal(room: Room) -> None:
    """R20: what was cleared is known to have been written."""
    room.to_signing()
    room.write(1)
    room.flow.clear()
    room.write(2)
    assert room.flow.signing is not None
    room.flow.close()
    stored = room.station.journals.stored()[0]
    kinds = [record.kind for record in stored.records if record.kind is not RecordKind.SAMPLES]
    assert kinds == [RecordKind.START, RecordKind.INK_HEADER, RecordKind.CLEARED, RecordKind.INK_HEADER]
