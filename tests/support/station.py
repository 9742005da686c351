"""A HIS and a station for tests: they sign their requests as real ones do, over any HTTP transport."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from signing.evidence import (
    INK,
    INK_MEDIA_TYPE,
    PHOTO,
    PICTURE,
    PICTURE_MEDIA_TYPE,
    ConsentEntry,
    Manifest,
    Package,
    ReadingEntry,
    check_encryption_chain,
    consent_digest,
    describe_blob,
    make_package,
    seal_package,
)
from signing.ink import decode_record, draw_picture
from signing.ofd.signatures import document_digest as ofd_digest
from signing.pdf import document_digest as pdf_digest
from signing.pki import Certificate, Sm2Signer
from signing.sm import SM2PrivateKey, sm3
from signing.wire import (
    IDEMPOTENCY_HEADER,
    PDF_MEDIA_TYPE,
    Challenge,
    Request,
    Task,
    new_nonce,
    sign_request_hmac,
    sign_request_sm2,
)
from tests.support.strokes import record_bytes

API = "/api/v1"
Clock = Callable[[], datetime]


class Answer(Protocol):
    """What starlette's TestClient and requests give back."""

    status_code: int

    @property
    def content(self) -> bytes: ...

    def json(self) -> Any: ...


class Http(Protocol):
    """Sends one request; path and query are absolute on the server."""

    def request(self, method: str, url: str, *, headers: Mapping[str, str], content: bytes) -> Answer: ...


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


@dataclass
class HisClient:
    """A HIS with its key. `clock` and `signer` can be bent to make wrong requests."""

    http: Http
    key_id: str
    secret: bytes
    clock: Clock = utc_now

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: Mapping[str, str] | None = None,
        key: str | None = None,
        nonce: str | None = None,
    ) -> Answer:
        """A signed request; a POST gets a fresh idempotency key unless one is given."""
        key = secrets.token_hex(16) if key is None and method == "POST" else key or ""
        header = sign_request_hmac(
            Request(method, API + path, list((query or {}).items()), body, key),
            secret=self.secret,
            key_id=self.key_id,
            now=self.clock(),
            nonce=nonce or new_nonce(),
        )
        headers = {"Authorization": header, "Content-Type": "application/json"}
        if key:
            headers[IDEMPOTENCY_HEADER] = key
        url = API + path + (f"?{urlencode(query)}" if query else "")
        return self.http.request(method, url, headers=headers, content=body)

    def create(self, task: Mapping[str, Any], *, key: str | None = None) -> dict[str, Any]:
        """A task, made."""
        answer = self.call("POST", "/tasks", json.dumps(task).encode(), key=key)
        assert answer.status_code == 201, answer.content
        result: dict[str, Any] = answer.json()
        return result

    def task(self, task_id: str) -> dict[str, Any]:
        """The task as it stands."""
        answer = self.call("GET", f"/tasks/{task_id}")
        assert answer.status_code == 200, answer.content
        result: dict[str, Any] = answer.json()
        return result

    def file(self, task_id: str, name: str) -> bytes:
        """`document`, `signed`, `evidence` or `report` of a task."""
        answer = self.call("GET", f"/tasks/{task_id}/{name}")
        assert answer.status_code == 200, answer.content
        return answer.content


def task_request(
    document: bytes,
    media_type: str,
    *,
    fields: tuple[Mapping[str, Any], ...] = (
        {"kind": "box", "page": 0, "x_mm": 50.0, "y_mm": 190.0, "width_mm": 60.0, "height_mm": 25.0},
    ),
    signers: tuple[tuple[str, str], ...] = (("patient", "王小明"),),
    ward: str = "外科一病区",
    **more: Any,
) -> dict[str, Any]:
    """The JSON of a new task; the fields go to the signers in order, the last one to all further."""
    return {
        "external_id": "his-1",
        "patient": {"id": "P1", "name": "王小明", "ward": ward, "bed": "12", "sex": "男", "age": "46岁"},
        "document": {
            "media_type": media_type,
            "content_b64": base64.b64encode(document).decode("ascii"),
            "title": "手术知情同意书",
        },
        "signers": [
            {"role": role, "name": name, "field": fields[min(index, len(fields) - 1)]}
            for index, (role, name) in enumerate(signers)
        ],
        "policy": {"photo": "optional"},
        **more,
    }


@dataclass
class StationClient:
    """An enrolled station. `counter` is the last used one; `anchors` are the hospital's roots."""

    http: Http
    id: str
    signer: Sm2Signer
    anchors: tuple[Certificate, ...]
    certificate: bytes
    counter: int = 0
    clock: Clock = utc_now
    replies: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def enrol(
        cls, http: Http, code: str, *, name: str = "床旁一号", ward: str = "", clock: Clock = utc_now
    ) -> StationClient:
        """Use up a one-time code with a fresh key."""
        key = SM2PrivateKey.generate()
        answer = http.request(
            "POST",
            f"{API}/stations/enrol",
            headers={"Content-Type": "application/json"},
            content=json.dumps(
                {
                    "code": code,
                    "name": name,
                    "ward": ward,
                    "public_key_b64": base64.b64encode(key.public_key.spki).decode("ascii"),
                }
            ).encode(),
        )
        assert answer.status_code == 201, answer.content
        reply = answer.json()
        return cls(
            http=http,
            id=reply["station_id"],
            signer=Sm2Signer(key),
            anchors=tuple(Certificate.from_pem(pem) for pem in reply["hospital_root_pem"]),
            certificate=base64.b64decode(reply["station_certificate_b64"]),
            clock=clock,
        )

    def authorization(self, method: str, path: str, body: bytes = b"") -> str:
        """The header of a signed request; `path` without the API prefix."""
        return sign_request_sm2(
            Request(method, API + path, [], body),
            signer=self.signer,
            key_id=self.id,
            now=self.clock(),
            nonce=new_nonce(),
        )

    def call(self, method: str, path: str, body: bytes = b"") -> Answer:
        """A signed request."""
        headers = {"Authorization": self.authorization(method, path, body)}
        if body:
            headers["Content-Type"] = "application/octet-stream"
        return self.http.request(method, API + path, headers=headers, content=body)

    def tasks(self) -> list[Task]:
        """The ward's open tasks."""
        answer = self.call("GET", "/station/tasks")
        assert answer.status_code == 200, answer.content
        return [Task.from_dict(item) for item in answer.json()]

    def task(self, task_id: str) -> Task:
        """One task."""
        answer = self.call("GET", f"/station/tasks/{task_id}")
        assert answer.status_code == 200, answer.content
        return Task.from_dict(answer.json())

    def document(self, task_id: str) -> bytes:
        """The document as the next signer sees it; its digest is compared with the task's."""
        answer = self.call("GET", f"/station/tasks/{task_id}/document")
        assert answer.status_code == 200, answer.content
        return answer.content

    def challenge(self, task_id: str) -> Challenge:
        """A challenge; the path of the encryption certificate is checked."""
        answer = self.call("POST", f"/station/tasks/{task_id}/challenge")
        assert answer.status_code == 200, answer.content
        challenge = Challenge.from_dict(answer.json())
        check_encryption_chain(challenge.encryption_chain, self.anchors, at=self.clock())
        return challenge

    def package(
        self,
        task: Task,
        challenge: Challenge,
        *,
        seed: int = 1,
        ink: bytes | None = None,
        photo: bytes | None = None,
        change: Callable[[Manifest], Manifest] = lambda manifest: manifest,
        media: Mapping[str, bytes] | None = None,
    ) -> Package:
        """Evidence of a signing under the next counter; `change` and `media` bend it for negative tests."""
        shown = self.document(task.id)
        assert sm3(shown) == task.document_sm3
        digest = pdf_digest(shown) if task.media_type == PDF_MEDIA_TYPE else ofd_digest(shown)
        assert digest == challenge.document_digest
        signer = task.signers[challenge.signer_index]
        ink = record_bytes(seed=seed) if ink is None else ink
        blobs = {INK: ink, PICTURE: draw_picture(decode_record(ink)).to_bytes()}
        if photo is not None:
            blobs[PHOTO] = photo
        blobs |= media or {}
        kinds = {INK: INK_MEDIA_TYPE, PICTURE: PICTURE_MEDIA_TYPE}
        now_us = int(self.clock().timestamp() * 1_000_000)
        self.counter += 1
        manifest = Manifest(
            station_id=self.id,
            counter=self.counter,
            task_id=task.id,
            signer_index=signer.index,
            role=signer.role,
            signer_name=signer.name,
            relation=signer.relation,
            challenge=challenge.challenge,
            document_digest=digest,
            media_type=task.media_type,
            started_at_us=now_us - 5_000_000,
            finished_at_us=now_us,
            reading=tuple(
                ReadingEntry(page, now_us - 60_000_000, 20_000) for page in range(task.document_pages)
            ),
            consents=tuple(
                ConsentEntry(consent.id, consent.version, consent_digest(consent.text))
                for consent in task.consents
            ),
            blobs=tuple(
                describe_blob(name, blobs[name], kinds.get(name, "image/jpeg"), simulated=True)
                for name in sorted(blobs)
            ),
        )
        return make_package(change(manifest), blobs, self.signer)

    def sealed(self, package: Package, challenge: Challenge) -> bytes:
        """The package, sealed to the server."""
        return seal_package(package, recipient=Certificate.from_der(challenge.encryption_chain[0]))

    def upload(self, task_id: str, sealed: bytes) -> Answer:
        """Hand it in."""
        return self.call("POST", f"/station/tasks/{task_id}/evidence", sealed)

    def sign(self, task_id: str, *, seed: int = 1, photo: bytes | None = None) -> dict[str, Any]:
        """The whole way for the task's next signer; the server's reply."""
        task = self.task(task_id)
        challenge = self.challenge(task_id)
        package = self.package(task, challenge, seed=seed, photo=photo)
        answer = self.upload(task_id, self.sealed(package, challenge))
        assert answer.status_code == 200, answer.content
        reply: dict[str, Any] = answer.json()
        self.replies.append(reply)
        return reply

    def signed(self, task_id: str) -> bytes:
        """The signed document."""
        answer = self.call("GET", f"/station/tasks/{task_id}/signed")
        assert answer.status_code == 200, answer.content
        return answer.content

    def copy(self) -> StationClient:
        """A copied station: the same key and counter."""
        return replace(self, replies=[])
