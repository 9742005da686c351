"""The duty `handwriting`: from a sealed evidence package to a document that is signed once (steps 6–8)."""

from server_stub.handwriting.inspection import EncryptionKey
from server_stub.handwriting.ports import Desk, Subject
from server_stub.handwriting.service import STEPS, HandwritingService
from server_stub.handwriting.signer import EventSigner, SigningFailed

__all__ = ["STEPS", "Desk", "EncryptionKey", "EventSigner", "HandwritingService", "SigningFailed", "Subject"]
