"""The duty `evidence`: the archive of signatures, the evidence ZIP and the report of a task."""

from server_stub.evidence.models import ArchivedSignature
from server_stub.evidence.service import Dossier, EvidenceService

__all__ = ["ArchivedSignature", "Dossier", "EvidenceService"]
