"""The parts of a task that HIS, server and station all speak of: roles, fields, patient, policy, consents."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Literal

from signing.wire.reader import Reader

MAX_CONSENT_CHARACTERS = 20_000
MAX_SIDE_MM = 5_000.0
MAX_PAGES = 10_000
ID = re.compile(r"[!-~]{1,64}")


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
            id=reader.text("id", max_length=64, pattern=ID),
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
            id=reader.text("id", max_length=64, pattern=ID),
            version=reader.text("version", max_length=32, pattern=ID),
            text=reader.text("text", max_length=MAX_CONSENT_CHARACTERS, lines=True),
        )
        reader.done()
        return consent
