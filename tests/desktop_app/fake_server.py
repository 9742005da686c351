"""A server in the test's own process: real keys, real packages, real signatures, no HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from desktop_app.errors import DesktopError, ServerRefused
from desktop_app.server import UploadReply
from desktop_app.station import Enrolment, Station, new_key, store_enrolment
from signing.evidence import Package, open_package
from signing.ofd.signatures import document_digest, normalise
from signing.pki import Profile, Sm2Signer
from signing.sm import SM2PrivateKey, sm3
from signing.wire import (
    OFD_MEDIA_TYPE,
    Challenge,
    Checkpoint,
    Consent,
    Patient,
    PhotoPolicy,
    Policy,
    Signer,
    SignerRole,
    SignerState,
    StampBox,
    Task,
    TaskState,
    sign_checkpoint,
)
from tests.support.documents import small_ofd
from tests.support.hospital import Hospital


class FakeServer:
    """`StationServer`.

    Attributes: `failures` are raised, first in first out, by the method of that name; `packages` were
    accepted; `calls` counts by method name; `lose_reply` drops the answer to the next upload.
    """

    def __init__(self, *, photo: PhotoPolicy = PhotoPolicy.NONE, consents: tuple[Consent, ...] = ()) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.hospital = Hospital(now=self.now)
        self._key = SM2PrivateKey.generate()
        self.encryption = self.hospital.issue(Profile.ENCRYPTION, "证据加密", Sm2Signer(self._key))
        self.server_signer = self.hospital.key()
        self.server_certificate = self.hospital.issue(Profile.SERVER, "签名服务器", self.server_signer)
        self.documents = {"task-1": normalise(small_ofd())}
        self.signed_documents: dict[str, bytes] = {}
        self.tasks_by_id = {"task-1": self._task("task-1", photo, consents)}
        self.failures: dict[str, list[Exception]] = {}
        self.packages: list[Package] = []
        self.calls: dict[str, int] = {}
        self.lose_reply = False
        self.chain = [self.encryption.der, self.hospital.ca.der]
        self.events = 0
        self.digest_of = document_digest
        self.lifetime = timedelta(minutes=30)
        self.signed_as: Callable[[bytes], bytes] = self.hospital.sign

    def tasks(self) -> list[Task]:
        """See `StationServer`."""
        self._count("tasks")
        return list(self.tasks_by_id.values())

    def task(self, task_id: str) -> Task:
        """See `StationServer`."""
        self._count("task")
        return self.tasks_by_id[task_id]

    def document(self, task_id: str) -> bytes:
        """See `StationServer`."""
        self._count("document")
        return self.documents[task_id]

    def challenge(self, task_id: str) -> Challenge:
        """See `StationServer`."""
        self._count("challenge")
        return Challenge(
            challenge=sm3(str(self.calls["challenge"]).encode()),
            expires_at=self.now + self.lifetime,
            signer_index=0,
            document_digest=self.digest_of(self.documents[task_id]),
            encryption_chain=tuple(self.chain),
            checkpoint=self.checkpoint(),
            task_id=task_id,
        )

    def upload(self, task_id: str, sealed: bytes) -> UploadReply:
        """See `StationServer`."""
        self._count("upload")
        package = open_package(sealed, self._key)
        self.packages.append(package)
        signed = self.signed_as(self.documents[task_id])
        self.signed_documents[task_id] = signed
        task = self.tasks_by_id[task_id]
        done = replace(task.signers[0], state=SignerState.SIGNED)
        self.tasks_by_id[task_id] = replace(task, state=TaskState.SIGNED, signers=(done,))
        if self.lose_reply:
            self.lose_reply = False
            raise DesktopError("desktop.server-unreachable")
        return UploadReply("signed", 0, sm3(signed), self.checkpoint())

    def signed(self, task_id: str) -> bytes:
        """See `StationServer`."""
        self._count("signed")
        return self.signed_documents[task_id]

    def listen(self, on_message: Callable[[], None]) -> None:
        """Never pushes."""

    def close(self) -> None:
        """Nothing to let go."""

    def checkpoint(self) -> Checkpoint:
        """The next checkpoint."""
        self.events += 1
        return sign_checkpoint("writer-1", self.events, sm3(bytes([self.events])), self.server_signer)

    def refuse(self, method: str, code: str = "handwriting.challenge-used") -> None:
        """Let the next call of `method` be refused."""
        error = ServerRefused(code, status=409, said={"zh_CN": "被拒绝", "en": "refused"})
        self.failures.setdefault(method, []).append(error)

    def _count(self, method: str) -> None:
        self.calls[method] = self.calls.get(method, 0) + 1
        if self.failures.get(method):
            raise self.failures[method].pop(0)

    def _task(self, task_id: str, photo: PhotoPolicy, consents: tuple[Consent, ...]) -> Task:
        document = self.documents[task_id]
        field = StampBox(0, 20.0, 20.0, 60.0, 20.0)
        return Task(
            id=task_id,
            external_id="his-1",
            state=TaskState.PENDING,
            title="手术知情同意书",
            media_type=OFD_MEDIA_TYPE,
            patient=Patient("P1", "王小明", "ZY1", "外科一病区", "12", "男", "46岁"),
            signers=(Signer(0, SignerRole.PATIENT, "王小明", "", SignerState.WAITING, field),),
            policy=Policy(photo=photo),
            consents=consents,
            document_sm3=sm3(document),
            document_pages=1,
            document_size=len(document),
            created_at=self.now,
            expires_at=self.now + timedelta(days=1),
        )


def enrolled_station(server: FakeServer, folder: Path) -> Station:
    """A station folder as an enrolment leaves it, opened."""
    key = new_key(folder)
    enrolment = Enrolment(
        station_id="station-1",
        ward="外科一病区",
        hospital="测试医院",
        roots=(server.hospital.root.pem.decode(),),
        station_certificate=server.hospital.issue(Profile.STATION, "station-1", Sm2Signer(key)).der,
        server_certificate=server.server_certificate.der,
    )
    store_enrolment(folder, enrolment, name="WS-1", server_url="http://127.0.0.1:1")
    return Station(folder)
