"""The task: what a HIS asks for, and what station and HIS are told about it."""

from __future__ import annotations

import base64
import enum
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from signing.wire.errors import WireError
from signing.wire.reader import Reader, format_time
from signing.wire.strictjson import parse_json

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
MAX_TASK_BYTES = MAX_DOCUMENT_BYTES // 3 * 4 + 1024 * 1024
MAX_SIGNERS = 16
MAX_CONSENTS = 32
MAX_CONSENT_CHARACTERS = 20_000
MAX_SIDE_MM = 5_000.0
MAX_PAGES = 10_000

_ID = re.compile(r"[!-~]{1,64}")

MediaType = Literal["application/ofd", "application/pdf"]
OFD_MEDIA_TYPE: MediaType = "application/ofd"
PDF_MEDIA_TYPE: MediaType = "application/pdf"
MEDIA_TYPES = (OFD_MEDIA_TYPE, PDF_MEDIA_TYPE)


class TaskState(enum.StrEnum):
    """Where a task is; the last four are final but `signed`, to which nothing more happens either."""

    PENDING = "pending"
    OFFERED = "offered"
    SIGNING = "signing"
    SIGNED = "signed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"


class SignerState(enum.StrEnum):
    """Where one signer of a task is."""

    WAITING = "waiting"
    SIGNED = "signed"


class SignerRole(enum.StrEnum):
    """In which capacity a person signs."""

    PATIENT = "patient"
    FAMILY = "family"
    GUARDIAN = "guardian"
    PROXY = "proxy"
    WITNESS = "witness"
    DOCTOR = "doctor"
    NURSE = "nurse"


class PhotoPolicy(enum.StrEnum):
    """Whether a photo is taken at signing."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StampBox:
    """A box on a page: `page` counts from 0, mm from the page's top left corner, y down."""

    page: int
    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {
            "page": self.page,
            "x_mm": self.x_mm,
            "y_mm": self.y_mm,
            "width_mm": self.width_mm,
            "height_mm": self.height_mm,
        }

    @classmethod
    def read(cls, reader: Reader) -> StampBox:
        """Read from a JSON object."""
        box = cls(
            page=reader.integer("page", low=0, high=MAX_PAGES - 1),
            x_mm=reader.number("x_mm", low=0, high=MAX_SIDE_MM),
            y_mm=reader.number("y_mm", low=0, high=MAX_SIDE_MM),
            width_mm=reader.number("width_mm", low=1, high=MAX_SIDE_MM),
            height_mm=reader.number("height_mm", low=1, high=MAX_SIDE_MM),
        )
        reader.done()
        return box


@dataclass(frozen=True, slots=True)
class Field:
    """Where a signature goes: beside a keyword, or in a box of a page.

    `keyword`: the `nth` occurrence (from 1) of `keyword` in reading order; the box's left edge lies
    `dx_mm` right of the keyword's right edge, its vertical middle `dy_mm` below the keyword's.
    `box`: `page`, `x_mm`, `y_mm` as in `StampBox`. Members of the other kind are 0 or empty.
    """

    kind: Literal["keyword", "box"]
    width_mm: float
    height_mm: float
    keyword: str = ""
    nth: int = 1
    dx_mm: float = 0.0
    dy_mm: float = 0.0
    page: int = 0
    x_mm: float = 0.0
    y_mm: float = 0.0

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        size: dict[str, object] = {"kind": self.kind, "width_mm": self.width_mm, "height_mm": self.height_mm}
        if self.kind == "keyword":
            return size | {"keyword": self.keyword, "nth": self.nth, "dx_mm": self.dx_mm, "dy_mm": self.dy_mm}
        return size | {"page": self.page, "x_mm": self.x_mm, "y_mm": self.y_mm}

    @classmethod
    def read(cls, reader: Reader) -> Field:
        """Read from a JSON object."""
        kind = reader.text("kind", max_length=16, one_of=("keyword", "box"))
        width = reader.number("width_mm", low=1, high=MAX_SIDE_MM)
        height = reader.number("height_mm", low=1, high=MAX_SIDE_MM)
        if kind == "keyword":
            field = cls(
                kind="keyword",
                width_mm=width,
                height_mm=height,
                keyword=reader.text("keyword", max_length=64),
                nth=reader.integer("nth", low=1, high=1000, default=1),
                dx_mm=reader.number("dx_mm", low=-MAX_SIDE_MM, high=MAX_SIDE_MM, default=0.0),
                dy_mm=reader.number("dy_mm", low=-MAX_SIDE_MM, high=MAX_SIDE_MM, default=0.0),
            )
        else:
            field = cls(
                kind="box",
                width_mm=width,
                height_mm=height,
                page=reader.integer("page", low=0, high=MAX_PAGES - 1),
                x_mm=reader.number("x_mm", low=0, high=MAX_SIDE_MM),
                y_mm=reader.number("y_mm", low=0, high=MAX_SIDE_MM),
            )
        reader.done()
        return field


@dataclass(frozen=True, slots=True)
class Patient:
    """Whom the document is about; texts as the HIS writes them. No national ID number belongs here."""

    id: str
    name: str
    visit: str = ""
    ward: str = ""
    bed: str = ""
    sex: str = ""
    age: str = ""

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {
            "id": self.id,
            "name": self.name,
            "visit": self.visit,
            "ward": self.ward,
            "bed": self.bed,
            "sex": self.sex,
            "age": self.age,
        }

    @classmethod
    def read(cls, reader: Reader) -> Patient:
        """Read from a JSON object."""
        patient = cls(
            id=reader.text("id", max_length=64, pattern=_ID),
            name=reader.text("name", max_length=64),
            visit=reader.text("visit", max_length=64, min_length=0, default=""),
            ward=reader.text("ward", max_length=64, min_length=0, default=""),
            bed=reader.text("bed", max_length=32, min_length=0, default=""),
            sex=reader.text("sex", max_length=8, min_length=0, default=""),
            age=reader.text("age", max_length=16, min_length=0, default=""),
        )
        reader.done()
        return patient


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
class Policy:
    """What must be captured beside the ink; `reading_seconds` is the least time the pages are shown."""

    photo: PhotoPolicy = PhotoPolicy.OPTIONAL
    reading_seconds: int = 0

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {"photo": self.photo.value, "reading_seconds": self.reading_seconds}

    @classmethod
    def read(cls, reader: Reader) -> Policy:
        """Read from a JSON object."""
        policy = cls(
            photo=PhotoPolicy(
                reader.text("photo", max_length=16, one_of=tuple(PhotoPolicy), default=PhotoPolicy.OPTIONAL)
            ),
            reading_seconds=reader.integer("reading_seconds", low=0, high=3600, default=0),
        )
        reader.done()
        return policy


@dataclass(frozen=True, slots=True)
class Consent:
    """A text that the signer agrees to beside the document itself, by id and version."""

    id: str
    version: str
    text: str

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {"id": self.id, "version": self.version, "text": self.text}

    @classmethod
    def read(cls, reader: Reader) -> Consent:
        """Read from a JSON object."""
        consent = cls(
            id=reader.text("id", max_length=64, pattern=_ID),
            version=reader.text("version", max_length=32, pattern=_ID),
            text=reader.text("text", max_length=MAX_CONSENT_CHARACTERS, lines=True),
        )
        reader.done()
        return consent


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
            external_id=reader.text("external_id", max_length=64, pattern=_ID),
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
            id=reader.text("id", max_length=64, pattern=_ID),
            external_id=reader.text("external_id", max_length=64, pattern=_ID),
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
