"""A document is signed once: retries, failures at every step, restarts, a task that is ended meanwhile."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from server_stub.ca.models import IssuedCertificate
from server_stub.evidence import ArchivedSignature
from server_stub.handwriting import STEPS
from server_stub.handwriting.models import Attempt
from signing.ofd.signatures import verify_ofd
from signing.tsp import TspError
from signing.verdict import exit_status
from signing.wire import OFD_MEDIA_TYPE
from tests.conftest import ExpectedWarnings
from tests.support.documents import small_ofd
from tests.support.server import Server, running
from tests.support.station import StationClient, task_request

ATTEMPT_STEPS = STEPS[STEPS.index("attempt-recorded") : STEPS.index("committed")]
OUTSIDE = [step for step in STEPS if step not in ATTEMPT_STEPS]


def prepare(server: Server, **more: object) -> tuple[StationClient, str, bytes]:
    """A station, a task, and a sealed package for it."""
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, **more))
    station = server.station()
    challenge = station.challenge(made["id"])
    package = station.package(station.task(made["id"]), challenge)
    return station, made["id"], station.sealed(package, challenge)


def archived(server: Server) -> list[ArchivedSignature]:
    """All rows of the archive."""
    with server.core.store.database.read() as session:
        return list(session.scalars(select(ArchivedSignature)))


def certificates(server: Server) -> dict[str, int]:
    """How many event certificates are in each state."""
    with server.core.store.database.read() as session:
        states = session.scalars(
            select(IssuedCertificate.state).where(IssuedCertificate.profile == "patient-event")
        ).all()
    return {state: states.count(state) for state in sorted(set(states))}


def blobs(folder: Path) -> set[str]:
    """Everything that lies in the blob folder."""
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_every_step_is_named(server: Server) -> None:
    """The list of steps is what the flow really passes, in this order."""
    station, task_id, sealed = prepare(server)
    server.steps.seen.clear()
    assert station.upload(task_id, sealed).status_code == 200
    seen = list(server.steps.seen)
    for step in ("blob.written", "blob.renamed"):
        assert seen.count(step) == 2  # the package, then the document
        seen.remove(step)
    assert seen == list(STEPS)


def test_the_same_package_again(server: Server) -> None:
    """A retry gets the same reply; nothing is issued, signed or archived again."""
    station, task_id, sealed = prepare(server)
    first = station.upload(task_id, sealed)
    before = certificates(server), server.audited(), server.his.task(task_id)
    again = station.upload(task_id, sealed)
    assert (again.status_code, again.json()) == (200, first.json())
    assert (certificates(server), server.audited(), server.his.task(task_id)) == before
    assert certificates(server) == {"used": 1}
    assert len(archived(server)) == 1


def test_sealed_anew_after_a_crash_of_the_station(server: Server) -> None:
    """The manifest, not the envelope, says which signing it is."""
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    station = server.station()
    challenge = station.challenge(made["id"])
    package = station.package(station.task(made["id"]), challenge)
    replies = [station.upload(made["id"], station.sealed(package, challenge)).json() for _ in range(2)]
    assert replies[0] == replies[1]
    assert len(archived(server)) == 1


def test_the_same_package_twice_at_once(server: Server) -> None:
    """Two threads send one package: one signature, two equal replies."""
    station, task_id, sealed = prepare(server)
    replies: list[object] = []
    threads = [
        threading.Thread(target=lambda: replies.append(station.upload(task_id, sealed).json()))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 3
    assert all(reply == replies[0] for reply in replies)
    assert certificates(server) == {"used": 1}


@pytest.mark.parametrize("step", ATTEMPT_STEPS)
def test_a_failure_at_a_step(server: Server, expected_warnings: ExpectedWarnings, step: str) -> None:
    """Whatever fails inside an attempt: named, discarded whole, offered again; then the package works."""
    expected_warnings("penward.handwriting", "discarded: handwriting.signing-failed")
    expected_warnings("penward.server", "handwriting.signing-failed")
    station, task_id, sealed = prepare(server)
    before = blobs(server.core.settings.blob_folder)

    def fail() -> None:
        server.steps.at.clear()
        raise RuntimeError("the disk is on fire")

    server.steps.at[step] = fail
    answer = station.upload(task_id, sealed)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "handwriting.signing-failed"
    assert "disk" not in answer.content.decode()
    assert server.his.task(task_id)["state"] == "offered"
    assert blobs(server.core.settings.blob_folder) == before
    assert archived(server) == []
    assert set(certificates(server)) <= {"unused"}
    assert station.upload(task_id, sealed).status_code == 200
    assert certificates(server)["used"] == 1
    assert len(archived(server)) == 1


def test_three_failures_of_the_servers_own_end_the_task(
    server: Server, expected_warnings: ExpectedWarnings
) -> None:
    """Nothing stays pending for ever: a document that cannot be signed fails its task, by name."""
    expected_warnings("penward.handwriting", "discarded")
    expected_warnings("penward.handwriting", "mobile.task-ended")
    expected_warnings("penward.server", "signing-failed|task-ended")
    station, task_id, sealed = prepare(server)

    def fail() -> None:
        raise RuntimeError("again")

    server.steps.at["document-signed"] = fail
    for _ in range(3):
        assert station.upload(task_id, sealed).status_code == 500
    task = server.his.task(task_id)
    assert (task["state"], task["failure"]) == ("failed", "handwriting.signing-failed")
    answer = station.upload(task_id, sealed)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "mobile.task-ended")


def test_no_time_stamp_for_a_while(
    server: Server, expected_warnings: ExpectedWarnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage of the time stamp authority is told as such and costs the patient nothing."""
    expected_warnings("penward.handwriting", "no-time-stamp")
    expected_warnings("penward.server", "no-time-stamp")
    station, task_id, sealed = prepare(server)

    def silent(_message: bytes) -> bytes:
        raise TspError("tsp.no-answer")

    with monkeypatch.context() as patch:
        patch.setattr(server.core.tsa, "stamp", silent)
        for _ in range(4):
            answer = station.upload(task_id, sealed)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "handwriting.no-time-stamp")
    assert server.his.task(task_id)["state"] == "offered"
    assert station.upload(task_id, sealed).status_code == 200


@pytest.mark.parametrize("step", ["opened", "checked", "certificate-issued", "document-stored"])
def test_cancelled_while_it_is_being_signed(
    server: Server, expected_warnings: ExpectedWarnings, step: str
) -> None:
    """When the HIS was told that a task is cancelled, no signature of it is ever archived."""
    expected_warnings("penward.handwriting", "mobile.task-ended")
    expected_warnings("penward.server", "mobile.task-ended")
    station, task_id, sealed = prepare(server)

    def cancel() -> None:
        server.steps.at.clear()
        assert server.his.call("POST", f"/tasks/{task_id}/cancel").status_code == 200

    server.steps.at[step] = cancel
    answer = station.upload(task_id, sealed)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "mobile.task-ended")
    assert server.his.task(task_id)["state"] == "cancelled"
    assert archived(server) == []
    assert set(certificates(server)) <= {"unused"}


class Stop(BaseException):
    """The process ends here, as far as its code can tell."""


@pytest.mark.parametrize("step", [*ATTEMPT_STEPS, "committed"])
def test_a_restart_discards_and_begins_anew(hospital: Path, step: str) -> None:
    """R29: cut off at any step, the next start discards the attempt; the same package then signs once."""
    with running(hospital) as server:
        station, task_id, sealed = prepare(server)
        service = _service(server)
        before = blobs(server.core.settings.blob_folder)

        def stop() -> None:
            raise Stop

        server.steps.at[step] = stop
        with server.core.store.database.read() as session:
            me = server.core.auth.find_station(session, station.id)
        with pytest.raises(Stop):
            service.receive(me, task_id, sealed)
    with running(hospital) as server:
        done = step == "committed"
        assert (len(archived(server)) == 1) is done
        if not done:
            assert blobs(server.core.settings.blob_folder) == before
            assert server.his.task(task_id)["state"] == "offered"
            assert set(certificates(server)) <= {"unused"}
        again = StationClient(
            server.http, station.id, station.signer, station.anchors, station.certificate, station.counter
        )
        reply = again.upload(task_id, sealed)
        assert reply.status_code == 200, reply.content
        assert len(archived(server)) == 1
        assert certificates(server)["used"] == 1
        signed = again.signed(task_id)
        verdict = verify_ofd(signed, anchors=server.core.hospital.anchors)
        assert exit_status([verdict]) == 0
        assert len(verdict.signatures) == 1
        with server.core.store.database.read() as session:
            reasons = list(session.scalars(select(Attempt.reason).where(Attempt.state == "discarded")))
        assert reasons == ([] if done else ["handwriting.restarted"])


def _service(server: Server):  # type: ignore[no-untyped-def]
    from server_stub.mobile.rooms import bedside

    return bedside(server.core).handwriting


def test_a_hand_over_that_nobody_finished(server: Server) -> None:
    """A station that took a task and went silent does not hold it: the sweep offers it again."""
    station, task_id, _sealed = prepare(server)
    assert server.his.task(task_id)["state"] == "signing"
    server.clock.ahead = dt.timedelta(seconds=server.core.settings.challenge_seconds + 5)
    from server_stub.mobile.rooms import bedside

    assert bedside(server.core).tasks.sweep() <= 1
    assert server.his.task(task_id)["state"] == "offered"
    assert station.sign(task_id)["state"] == "signed"


def test_an_attempt_of_a_process_that_is_gone(server: Server) -> None:
    """Where several processes serve one hospital, the sweep discards what a dead one has left."""
    station, task_id, sealed = prepare(server)
    service = _service(server)

    def stop() -> None:
        raise Stop

    server.steps.at["document-stored"] = stop
    with server.core.store.database.read() as session:
        me = server.core.auth.find_station(session, station.id)
    with pytest.raises(Stop):
        service.receive(me, task_id, sealed)
    server.steps.at.clear()
    service.sweep()
    assert certificates(server) == {"issued": 1}  # still young: it may be alive
    server.clock.ahead = dt.timedelta(minutes=16)
    service.sweep()
    assert certificates(server) == {"unused": 1}
    assert server.his.task(task_id)["state"] == "offered"
    assert station.upload(task_id, sealed).status_code == 200


def test_two_signers_in_order(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """The second signer is shown, and signs over, the first one's signed document; both stay valid."""
    fields = (
        {"kind": "box", "page": 0, "x_mm": 20.0, "y_mm": 220.0, "width_mm": 50.0, "height_mm": 20.0},
        {"kind": "box", "page": 0, "x_mm": 110.0, "y_mm": 220.0, "width_mm": 50.0, "height_mm": 20.0},
    )
    signers = (("patient", "王小明"), ("family", "李永明"))
    expected_warnings("penward.server", "mobile.task-ended")
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, fields=fields, signers=signers))
    station = server.station()
    first = station.sign(made["id"])
    assert (first["state"], first["signer_index"]) == ("offered", 0)
    task = station.task(made["id"])
    assert [s.state.value for s in task.signers] == ["signed", "waiting"]
    assert task.document_sm3.hex() == first["document_sm3"]
    second = station.sign(made["id"], seed=5)
    assert (second["state"], second["signer_index"]) == ("signed", 1)
    verdict = verify_ofd(station.signed(made["id"]), anchors=server.core.hospital.anchors)
    assert exit_status([verdict]) == 0, [c.text("en") for c in verdict.all_checks()]
    assert len(verdict.signatures) == 2
    assert [row.signer_index for row in archived(server)] == [0, 1]
    answer = station.call("POST", f"/station/tasks/{made['id']}/challenge")
    assert answer.status_code == 409
