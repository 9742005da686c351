"""One model for every verifier: checks, verdicts, reasons, exit status, and the words people read."""

from signing.verdict.errors import PenwardError
from signing.verdict.messages import Language, has_message, say
from signing.verdict.model import (
    Check,
    CheckName,
    FileVerdict,
    Outcome,
    SignatureVerdict,
    exit_status,
)

__all__ = [
    "Check",
    "CheckName",
    "FileVerdict",
    "Language",
    "Outcome",
    "PenwardError",
    "SignatureVerdict",
    "exit_status",
    "has_message",
    "say",
]
