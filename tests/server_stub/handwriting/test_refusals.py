"""Packages that must be refused: each by name, logged, audited, and nothing else changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import func, select

from server_stub.ca.models import IssuedCertificate
from server_stub.evidence import ArchivedSignature
from server_stub.handwriting.models import Attempt, Challenge
from signing.evidence import INK, PICTURE, Manifest
from signing.ink import decode_record, draw_picture, encode_record
from signing.wire import OFD_MEDIA_TYPE
from tests.conftest import ExpectedWarnings
from tests.support.documents import small_ofd
from tests.support.server import Server
from tests.support.station import StationClient, task_request
from tests.support.strokes import STU_540, record_bytes, signature

PHOTO = b"\xff\xd8\xff\xe0 a photo"


@dataclass
class Case:
    """A task at a station, ready to be refused something."""

    server: Server
    station: StationClient
    task_id: str

    def state(self) -> tuple[Any, ...]:
        """Everything that a refusal must leave as it is."""
        with self.server.core.store.database.read() as session:
            count = [
                session.scalar(select(func.count()).select_from(table))
                for table in (ArchivedSignature, Attempt, IssuedCertificate)
            ]
            used = session.scalar(
                select(func.count()).select_from(Challenge).where(Challenge.used_at.is_not(None))
            )
            counter = self.server.core.auth.last_counter(session, self.station.id)
        blobs = sorted(path.name for path in self.server.core.settings.blob_folder.rglob("*"))
        task = self.server.his.task(self.task_id)
        return (*count, used, counter, blobs, task)

    def refuse(self, status: int, code: str, upload: Callable[[], Any]) -> str:
        """Upload, and see it refused by name with nothing changed; the Chinese sentence."""
        before = self.state()
        answer = upload()
        assert answer.status_code == status, answer.content
        error = answer.json()["error"]
        assert error["code"] == code
        assert error["message"].endswith(f"（{code}）")
        assert code not in error["message"].split("（")[0]
        assert self.state() == before
        assert self.server.audited(self.task_id)[-1] == "evidence-refused"
        return str(error["message"])


def prepare(server: Server, **more: Any) -> Case:
    """A task and a station of its ward."""
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, **more))
    return Case(server, server.station(), made["id"])


def expect(announce: ExpectedWarnings, code: str) -> None:
    """The refusal is logged by the room and by the app."""
    announce("penward.handwriting", code)
    announce("penward.server", code)


def test_a_replayed_challenge(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A challenge answers once: another package with it is refused, also for the task's next signer."""
    code = "handwriting.challenge-used"
    expect(expected_warnings, code)
    case = prepare(server, signers=(("patient", "王小明"), ("family", "李永明")))
    station = case.station
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    package = station.package(task, challenge)
    second = station.package(task, challenge, seed=2)
    assert station.upload(task.id, station.sealed(package, challenge)).status_code == 200
    case.refuse(409, code, lambda: station.upload(task.id, station.sealed(second, challenge)))


def test_a_challenge_that_was_never_given(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """32 bytes of the station's own are unknown."""
    code = "handwriting.challenge-unknown"
    expect(expected_warnings, code)
    case = prepare(server)
    station = case.station
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    package = station.package(task, challenge, change=lambda m: replace(m, challenge=bytes(range(32))))
    case.refuse(403, code, lambda: station.upload(task.id, station.sealed(package, challenge)))


def test_a_challenge_of_another_station(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A challenge given to one station is no good at another of the same ward."""
    code = "handwriting.challenge-foreign"
    expect(expected_warnings, code)
    case = prepare(server)
    challenge = case.station.challenge(case.task_id)
    other = Case(server, server.station(name="床旁二号"), case.task_id)
    package = other.station.package(other.station.task(case.task_id), challenge)
    sealed = other.station.sealed(package, challenge)
    other.refuse(403, code, lambda: other.station.upload(case.task_id, sealed))


def test_an_expired_challenge(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """After its time a challenge is refused, and a new one works."""
    code = "handwriting.challenge-expired"
    expect(expected_warnings, code)
    case = prepare(server)
    station = case.station
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    sealed = station.sealed(station.package(task, challenge), challenge)
    server.clock.ahead = dt.timedelta(seconds=server.core.settings.challenge_seconds + 1)
    case.refuse(403, code, lambda: station.upload(task.id, sealed))
    assert station.sign(task.id)["state"] == "signed"


@pytest.mark.parametrize(("back", "code"), [(0, "second-branch"), (1, "counter-back")])
def test_a_counter_that_does_not_grow(
    server: Server, expected_warnings: ExpectedWarnings, back: int, code: str
) -> None:
    """A second branch from one counter, and a counter gone back, are refused by their own names."""
    code = f"handwriting.{code}"
    expect(expected_warnings, code)
    first = prepare(server)
    first.station.counter = 4
    first.station.sign(first.task_id)
    case = Case(server, first.station, prepare(server).task_id)
    station = case.station
    station.counter -= 1 + back
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    sealed = station.sealed(station.package(task, challenge), challenge)
    case.refuse(409, code, lambda: station.upload(task.id, sealed))


def test_a_package_for_another_task(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """What was signed for one task cannot be handed in for another."""
    code = "handwriting.package-for-another-task"
    expect(expected_warnings, code)
    one = prepare(server)
    other = Case(server, one.station, prepare(server).task_id)
    task, challenge = one.station.task(one.task_id), one.station.challenge(one.task_id)
    sealed = one.station.sealed(one.station.package(task, challenge), challenge)
    other.refuse(409, code, lambda: one.station.upload(other.task_id, sealed))


def test_a_package_of_another_station(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A station cannot hand in what another station has made."""
    code = "handwriting.package-of-another-station"
    expect(expected_warnings, code)
    case = prepare(server)
    task, challenge = case.station.task(case.task_id), case.station.challenge(case.task_id)
    sealed = case.station.sealed(case.station.package(task, challenge), challenge)
    other = server.station(name="床旁二号")
    case.refuse(403, code, lambda: other.upload(case.task_id, sealed))


def test_a_manifest_signed_by_another_key(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """The manifest's signature is checked against the enrolled key."""
    code = "handwriting.station-signature-wrong"
    expect(expected_warnings, code)
    case = prepare(server)
    station = case.station
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    forger = replace(station.copy(), signer=server.station(name="床旁二号").signer)
    forger.document = station.document  # type: ignore[method-assign]
    sealed = station.sealed(forger.package(task, challenge), challenge)
    case.refuse(403, code, lambda: station.upload(task.id, sealed))


def test_another_document(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """What the signer saw must be the task's document."""
    code = "handwriting.document-differs"
    expect(expected_warnings, code)
    case = prepare(server)
    station = case.station
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    package = station.package(task, challenge, change=lambda m: replace(m, document_digest=bytes(32)))
    case.refuse(422, code, lambda: station.upload(task.id, station.sealed(package, challenge)))


def test_another_signer(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """The manifest must name the signer whose turn it is."""
    code = "handwriting.signer-differs"
    expect(expected_warnings, code)
    case = prepare(server)
    station = case.station
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    package = station.package(task, challenge, change=lambda m: replace(m, signer_name="别人"))
    case.refuse(422, code, lambda: station.upload(task.id, station.sealed(package, challenge)))


@pytest.mark.parametrize(
    ("policy", "photo", "code"),
    [
        ({"photo": "required"}, None, "photo-missing"),
        ({"photo": "none"}, PHOTO, "photo-not-allowed"),
        ({"photo": "optional", "reading_seconds": 60}, None, "reading-too-short"),
    ],
)
def test_the_policy_is_kept(
    server: Server,
    expected_warnings: ExpectedWarnings,
    policy: dict[str, Any],
    photo: bytes | None,
    code: str,
) -> None:
    """R18: photo required or not allowed, and the least reading time."""
    code = f"handwriting.{code}"
    expect(expected_warnings, code)
    case = prepare(server, policy=policy)
    station = case.station
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    sealed = station.sealed(station.package(task, challenge, photo=photo), challenge)
    case.refuse(422, code, lambda: station.upload(task.id, sealed))


def _no_consent(manifest: Manifest) -> Manifest:
    return replace(manifest, consents=())


def _other_consent(manifest: Manifest) -> Manifest:
    return replace(manifest, consents=(replace(manifest.consents[0], digest=bytes(32)),))


@pytest.mark.parametrize(
    ("change", "code"), [(_no_consent, "consent-missing"), (_other_consent, "consent-differs")]
)
def test_the_consent_texts(
    server: Server,
    expected_warnings: ExpectedWarnings,
    change: Callable[[Manifest], Manifest],
    code: str,
) -> None:
    """Each text of the task must have been agreed to, word for word."""
    code = f"handwriting.{code}"
    expect(expected_warnings, code)
    case = prepare(server, consents=[{"id": "photo", "version": "1", "text": "同意拍照留存"}])
    station = case.station
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    sealed = station.sealed(station.package(task, challenge, change=change), challenge)
    case.refuse(422, code, lambda: station.upload(task.id, sealed))


def test_lost_samples(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """R20: one report lost in mid-stroke makes the signature incomplete, told in one sentence."""
    code = "handwriting.ink-incomplete"
    expect(expected_warnings, code)
    case = prepare(server)
    station = case.station
    samples = signature()
    middle = next(i for i, s in enumerate(samples) if s.flags & 1) + 3
    broken = encode_record(STU_540, samples[:middle] + samples[middle + 1 :], started_at_us=1)
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    sealed = station.sealed(station.package(task, challenge, ink=broken), challenge)
    sentence = case.refuse(422, code, lambda: station.upload(task.id, sealed))
    assert "1 处缺失" in sentence


def test_a_picture_that_is_not_the_inks(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """The picture is drawn again from the ink and compared byte for byte."""
    code = "handwriting.picture-differs"
    expect(expected_warnings, code)
    case = prepare(server)
    station = case.station
    other = draw_picture(decode_record(record_bytes(seed=9))).to_bytes()
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    sealed = station.sealed(station.package(task, challenge, media={PICTURE: other}), challenge)
    case.refuse(422, code, lambda: station.upload(task.id, sealed))


def test_an_unknown_blob(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """Nothing is taken in that nobody asked for."""
    code = "handwriting.blob-not-expected"
    expect(expected_warnings, code)
    case = prepare(server)
    station = case.station
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    sealed = station.sealed(station.package(task, challenge, media={"voice": b"RIFF"}), challenge)
    case.refuse(422, code, lambda: station.upload(task.id, sealed))


@pytest.mark.parametrize(
    ("bend", "code"),
    [
        (lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]), "evidence.cannot-open"),
        (lambda sealed: sealed[: len(sealed) // 2], "evidence.cannot-open"),
        (lambda _sealed: b"", "evidence.bad-envelope"),
        (lambda _sealed: b"PK\x03\x04" * 100, "evidence.bad-envelope"),
    ],
)
def test_a_damaged_package(
    server: Server, expected_warnings: ExpectedWarnings, bend: Callable[[bytes], bytes], code: str
) -> None:
    """R45: a changed, cut or foreign file is refused by name."""
    expect(expected_warnings, code)
    case = prepare(server)
    station = case.station
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    sealed = bend(station.sealed(station.package(task, challenge), challenge))
    case.refuse(422, code, lambda: station.upload(task.id, sealed))


def test_an_unenrolled_station(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A station that the hospital has not enrolled is told so by name; a revoked one too."""
    expected_warnings("penward.auth", "auth.unknown-caller")
    expected_warnings("penward.auth", "auth.station-revoked")
    case = prepare(server)
    stranger = replace(case.station.copy(), id="station-nobody")
    answer = stranger.call("GET", "/station/tasks")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "auth.unknown-caller")
    with server.core.store.database.write() as session:
        server.core.auth.revoke_station(session, case.station.id)
    answer = case.station.call("POST", f"/station/tasks/{case.task_id}/challenge")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "auth.station-revoked")


def test_ink_of_no_stroke(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A pen that only hovered has signed nothing."""
    code = "handwriting.ink-empty"
    expect(expected_warnings, code)
    case = prepare(server)
    station = case.station
    hover = [s._replace(flags=2, pressure=0) for s in signature()[:20]]
    ink = encode_record(STU_540, hover, started_at_us=1)
    task, challenge = station.task(case.task_id), station.challenge(case.task_id)
    station_media = {INK: ink}
    package = station.package(task, challenge, media=station_media)
    case.refuse(422, code, lambda: station.upload(task.id, station.sealed(package, challenge)))
