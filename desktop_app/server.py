"""What the bedside needs of the server, whoever plays it; and the forms of its replies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from signing.wire import Challenge, Checkpoint, Reader, Task, WireError


@dataclass(frozen=True, slots=True)
class UploadReply:
    """The answer to an evidence package. `document_sm3` is the signed document's digest, 32 bytes."""

    state: str
    signer_index: int
    document_sm3: bytes
    checkpoint: Checkpoint | None

    @classmethod
    def from_dict(cls, value: object) -> UploadReply:
        """Read the JSON form; members that this station does not use are passed over.

        Raises:
            WireError: `wire.field-…`.
        """
        reader = Reader(value)
        return cls(
            state=reader.text("state", max_length=16),
            signer_index=reader.integer("signer_index", low=0, high=1000),
            document_sm3=reader.hex_bytes("document_sm3", size=32),
            checkpoint=Checkpoint.read(reader.object("checkpoint")) if reader.has("checkpoint") else None,
        )


class StationServer(Protocol):
    """The server as a station sees it. Every method raises `DesktopError` (or `ServerRefused`)."""

    def tasks(self) -> list[Task]:
        """The open tasks of the station's ward."""

    def task(self, task_id: str) -> Task:
        """One task."""

    def document(self, task_id: str) -> bytes:
        """The document as the next signer is to see it."""

    def challenge(self, task_id: str) -> Challenge:
        """A fresh single-use challenge for the next signer."""

    def upload(self, task_id: str, sealed: bytes) -> UploadReply:
        """Hand in a sealed evidence package."""

    def signed(self, task_id: str) -> bytes:
        """The document with all signatures made so far."""

    def listen(self, on_message: Callable[[], None]) -> None:
        """Call `on_message`, from another thread, whenever the server pushes; ends with `close`."""

    def close(self) -> None:
        """Let go of connections; may be called twice."""


__all__ = ["StationServer", "UploadReply", "WireError"]
