"""The task: what a HIS asks for, and what station and HIS are told about it."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from signing.wire.errors import WireError
from signing.wire.parts import (
    ID,
    MAX_PAGES,
    Consent,
    Field,
    Patient,
    Policy,
    SignerRole,
    SignerState,
    StampBox,
    TaskState,
)
from signing.wire.reader import Reader, format_time
from signing.wire.strictjson import parse_json

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
MAX_TASK_BYTES = MAX_DOCUMENT_BYTES // 3 * 4 + 1024 * 1024
MAX_SIGNERS = 16
MAX_CONSENTS = 32


MediaType = Literal["application/ofd", "application/pdf"]
OFD_MEDIA_TYPE: MediaType = "application/ofd"
PDF_MEDIA_TYPE: MediaType = "application/pdf"
MEDIA_TYPES = (OFD_MEDIA_TYPE, PDF_MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class SignerRequest:
    """One signer as asked for; the order in the list is the order of signing."""

    role: SignerRole
    name: str
    field: Field
    relation: str = ""

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {
            "role": self.role.value,
            "name": self.name,
            "relation": self.relation,
            "field": self.field.to_dict(),
        }

    @classmethod
    def read(cls, reader: Reader) -> SignerRequest:
        """Read from a JSON object."""
        signer = cls(
            role=SignerRole(reader.text("role", max_length=16, one_of=tuple(SignerRole))),
            name=reader.text("name", max_length=64),
            relation=reader.text("relation", max_length=32, min_length=0, default=""),
            field=Field.read(reader.object("field")),
        )
        reader.done()
        return signer


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """What a HIS posts to make a task. `external_id` is the HIS's own key of it."""

    external_id: str
    patient: Patient
    media_type: MediaType
    content: bytes
    title: str
    signers: tuple[SignerRequest, ...]
    policy: Policy
    consents: tuple[Consent, ...] = ()
    callback_url: str = ""

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {
            "external_id": self.external_id,
            "patient": self.patient.to_dict(),
            "document": {
                "media_type": self.media_type,
                "content_b64": base64.b64encode(self.content).decode("ascii"),
                "title": self.title,
            },
            "signers": [signer.to_dict() for signer in self.signers],
            "policy": self.policy.to_dict(),
            "consents": [consent.to_dict() for consent in self.consents],
            "callback_url": self.callback_url,
        }

    @classmethod
    def from_bytes(cls, body: bytes) -> TaskRequest:
        """Read a request body within `MAX_TASK_BYTES`; errors as `from_dict`."""
        return cls.from_dict(parse_json(body, max_bytes=MAX_TASK_BYTES, allow_floats=True))

    @classmethod
    def from_dict(cls, value: object) -> TaskRequest:
        """Read the JSON form; unknown members are refused.

        Raises:
            WireError: `wire.field-…` with the JSON path of the member.
        """
        reader = Reader(value)
        document = reader.object("document")
        media = document.text("media_type", max_length=32, one_of=MEDIA_TYPES)
        content = document.base64_bytes("content_b64", max_bytes=MAX_DOCUMENT_BYTES)
        if not content:
            raise WireError("wire.field-empty", path=document.at("content_b64"))
        title = document.text("title", max_length=128)
        document.done()
        request = cls(
            external_id=reader.text("external_id", max_length=64, pattern=ID),
            patient=Patient.read(reader.object("patient")),
            media_type=OFD_MEDIA_TYPE if media == OFD_MEDIA_TYPE else PDF_MEDIA_TYPE,
            content=content,
            title=title,
            signers=tuple(
                SignerRequest.read(item)
                for item in reader.objects("signers", min_items=1, max_items=MAX_SIGNERS)
            ),
            policy=Policy.read(reader.object("policy")) if reader.has("policy") else Policy(),
            consents=tuple(Consent.read(item) for item in reader.objects("consents", max_items=MAX_CONSENTS)),
            callback_url=_callback_url(reader),
        )
        reader.done()
        return request


@dataclass(frozen=True, slots=True)
class Signer:
    """One signer of an accepted task, its field resolved to a box."""

    index: int
    role: SignerRole
    name: str
    relation: str
    state: SignerState
    field: StampBox

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {
            "index": self.index,
            "role": self.role.value,
            "name": self.name,
            "relation": self.relation,
            "state": self.state.value,
            "field": self.field.to_dict(),
        }

    @classmethod
    def read(cls, reader: Reader) -> Signer:
        """Read from a JSON object."""
        signer = cls(
            index=reader.integer("index", low=0, high=MAX_SIGNERS - 1),
            role=SignerRole(reader.text("role", max_length=16, one_of=tuple(SignerRole))),
            name=reader.text("name", max_length=64),
            relation=reader.text("relation", max_length=32, min_length=0, default=""),
            state=SignerState(reader.text("state", max_length=16, one_of=tuple(SignerState))),
            field=StampBox.read(reader.object("field")),
        )
        reader.done()
        return signer


@dataclass(frozen=True, slots=True)
class Task:
    """A task as the server tells it. `document_sm3` is 32 bytes, `signed_sm3` too or empty."""

    id: str
    external_id: str
    state: TaskState
    title: str
    media_type: MediaType
    patient: Patient
    signers: tuple[Signer, ...]
    policy: Policy
    consents: tuple[Consent, ...]
    document_sm3: bytes
    document_pages: int
    document_size: int
    created_at: datetime
    expires_at: datetime
    signed_sm3: bytes = b""

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        value: dict[str, object] = {
            "id": self.id,
            "external_id": self.external_id,
            "state": self.state.value,
            "title": self.title,
            "media_type": self.media_type,
            "patient": self.patient.to_dict(),
            "signers": [signer.to_dict() for signer in self.signers],
            "policy": self.policy.to_dict(),
            "consents": [consent.to_dict() for consent in self.consents],
            "document": {
                "sm3": self.document_sm3.hex(),
                "pages": self.document_pages,
                "size": self.document_size,
            },
            "created_at": format_time(self.created_at),
            "expires_at": format_time(self.expires_at),
        }
        if self.signed_sm3:
            value["signed_sm3"] = self.signed_sm3.hex()
        return value

    @classmethod
    def from_dict(cls, value: object) -> Task:
        """Read the JSON form.

        Raises:
            WireError: `wire.field-…` with the JSON path of the member.
        """
        reader = Reader(value)
        document = reader.object("document")
        media = reader.text("media_type", max_length=32, one_of=MEDIA_TYPES)
        task = cls(
            id=reader.text("id", max_length=64, pattern=ID),
            external_id=reader.text("external_id", max_length=64, pattern=ID),
            state=TaskState(reader.text("state", max_length=16, one_of=tuple(TaskState))),
            title=reader.text("title", max_length=128),
            media_type=OFD_MEDIA_TYPE if media == OFD_MEDIA_TYPE else PDF_MEDIA_TYPE,
            patient=Patient.read(reader.object("patient")),
            signers=tuple(
                Signer.read(item) for item in reader.objects("signers", min_items=1, max_items=MAX_SIGNERS)
            ),
            policy=Policy.read(reader.object("policy")),
            consents=tuple(Consent.read(item) for item in reader.objects("consents", max_items=MAX_CONSENTS)),
            document_sm3=document.hex_bytes("sm3", size=32),
            document_pages=document.integer("pages", low=1, high=MAX_PAGES),
            document_size=document.integer("size", low=1, high=1 << 40),
            created_at=reader.time("created_at"),
            expires_at=reader.time("expires_at"),
            signed_sm3=reader.hex_bytes("signed_sm3", size=32, default=b""),
        )
        document.done()
        reader.done()
        return task


def _callback_url(reader: Reader) -> str:
    url = reader.text("callback_url", max_length=2048, min_length=0, default="", pattern=re.compile("[!-~]*"))
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.username is not None or parts.password is not None or parts.fragment:
        raise WireError("wire.field-bad-url", path=reader.at("callback_url"))
    return url
