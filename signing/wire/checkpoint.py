"""Signed checkpoints of the server's audit log, carried home by stations (`protocol.md`, Audit)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from signing.wire.errors import WireError
from signing.wire.reader import Reader
from signing.wire.requests import MessageSigner, MessageVerifier

_WRITER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_COUNT_LIMIT = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How long one writer's chain is (`count` events) and its Merkle root (32 bytes), signed in DER."""

    writer: str
    count: int
    root: bytes
    signature: bytes

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers."""
        return checkpoint_bytes(self.writer, self.count, self.root)

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {
            "writer": self.writer,
            "count": self.count,
            "root_b64": base64.b64encode(self.root).decode("ascii"),
            "signature_b64": base64.b64encode(self.signature).decode("ascii"),
        }

    @classmethod
    def from_dict(cls, value: object, path: str = "$") -> Checkpoint:
        """Read the JSON form; the signature is not checked.

        Raises:
            WireError: `wire.field-…`.
        """
        return cls.read(Reader(value, path))

    @classmethod
    def read(cls, reader: Reader) -> Checkpoint:
        """Read from a nested object."""
        checkpoint = cls(
            writer=reader.text("writer", max_length=64, pattern=_WRITER),
            count=reader.integer("count", low=0, high=_COUNT_LIMIT),
            root=reader.base64_bytes("root_b64", max_bytes=32, size=32),
            signature=reader.base64_bytes("signature_b64", max_bytes=512),
        )
        reader.done()
        return checkpoint


def checkpoint_bytes(writer: str, count: int, root: bytes) -> bytes:
    """The canonical bytes: label, writer, count, root in hexadecimal, one line each.

    Raises:
        WireError: `wire.bad-checkpoint`.
    """
    if not _WRITER.fullmatch(writer) or not 0 <= count <= _COUNT_LIMIT or len(root) != 32:
        raise WireError("wire.bad-checkpoint")
    return f"PENWARD-CHECKPOINT-1\n{writer}\n{count}\n{root.hex()}\n".encode("ascii")


def sign_checkpoint(writer: str, count: int, root: bytes, signer: MessageSigner) -> Checkpoint:
    """A checkpoint signed by the server."""
    return Checkpoint(writer, count, root, signer.sign(checkpoint_bytes(writer, count, root)))


def verify_checkpoint(checkpoint: Checkpoint, public_key: MessageVerifier) -> None:
    """Check the signature.

    Raises:
        WireError: `wire.wrong-checkpoint-signature`.
    """
    if not public_key.verify(checkpoint.signature, checkpoint.signed_bytes):
        raise WireError("wire.wrong-checkpoint-signature", writer=checkpoint.writer)


def check_follows(earlier: Checkpoint, later: Checkpoint) -> None:
    """Refuse a chain that shrank or changed under the same length; other writers are not compared.

    Raises:
        WireError: `wire.inconsistent-checkpoint`.
    """
    if earlier.writer != later.writer:
        return
    if later.count < earlier.count or (later.count == earlier.count and later.root != earlier.root):
        raise WireError(
            "wire.inconsistent-checkpoint", writer=later.writer, before=earlier.count, after=later.count
        )
