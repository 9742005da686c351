"""The server's single-use challenge: what one signing must answer to."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime

from signing.wire.checkpoint import Checkpoint
from signing.wire.reader import Reader, format_time
from signing.wire.tasks import MAX_SIGNERS

CHALLENGE_BYTES = 32
MAX_CHAIN = 8
MAX_CERTIFICATE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Challenge:
    """The reply to `POST /station/tasks/{id}/challenge`.

    `challenge` and `document_digest` are 32 bytes; the digest is that of the document for this
    signature (`protocol.md`, Document digest). `encryption_chain` is DER, the encryption certificate
    first, then its issuers. `checkpoint` is absent before the audit log has its first root.
    """

    challenge: bytes
    expires_at: datetime
    signer_index: int
    document_digest: bytes
    encryption_chain: tuple[bytes, ...]
    checkpoint: Checkpoint | None = None
    task_id: str = ""

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {
            "challenge_b64": base64.b64encode(self.challenge).decode("ascii"),
            "expires_at": format_time(self.expires_at),
            "signer_index": self.signer_index,
            "document_digest_hex": self.document_digest.hex(),
            "encryption_chain_b64": [base64.b64encode(der).decode("ascii") for der in self.encryption_chain],
            "checkpoint": None if self.checkpoint is None else self.checkpoint.to_dict(),
            "task_id": self.task_id,
        }

    @classmethod
    def from_dict(cls, value: object) -> Challenge:
        """Read the JSON form.

        Raises:
            WireError: `wire.field-…` with the JSON path of the member.
        """
        reader = Reader(value)
        challenge = cls(
            challenge=reader.base64_bytes("challenge_b64", max_bytes=CHALLENGE_BYTES, size=CHALLENGE_BYTES),
            expires_at=reader.time("expires_at"),
            signer_index=reader.integer("signer_index", low=0, high=MAX_SIGNERS - 1),
            document_digest=reader.hex_bytes("document_digest_hex", size=32),
            encryption_chain=reader.base64_list(
                "encryption_chain_b64", max_items=MAX_CHAIN, max_bytes=MAX_CERTIFICATE_BYTES
            ),
            checkpoint=Checkpoint.read(reader.object("checkpoint")) if reader.has("checkpoint") else None,
            task_id=reader.text(
                "task_id", max_length=64, min_length=0, default="", pattern=re.compile("[!-~]{0,64}")
            ),
        )
        reader.done()
        return challenge
