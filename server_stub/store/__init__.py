"""What the server keeps: database, blobs, audit chain, jobs, nonces, idempotent replies, wrapped keys."""

from server_stub.store.audit import Audit, AuditEvent, ChainHead
from server_stub.store.audit_events import AuditKind
from server_stub.store.blobs import BlobStore
from server_stub.store.database import Base, Clock, Database, UtcDateTime, new_id, utc_now
from server_stub.store.idempotency import Idempotency, StoredReply
from server_stub.store.jobs import ClaimedJob, GiveUp, JobRunner, Jobs, RetryLater
from server_stub.store.keys import KeyVault
from server_stub.store.nonces import Nonces
from server_stub.store.store import Store

__all__ = [
    "Audit",
    "AuditEvent",
    "AuditKind",
    "Base",
    "BlobStore",
    "ChainHead",
    "ClaimedJob",
    "Clock",
    "Database",
    "GiveUp",
    "Idempotency",
    "JobRunner",
    "Jobs",
    "KeyVault",
    "Nonces",
    "RetryLater",
    "Store",
    "StoredReply",
    "UtcDateTime",
    "new_id",
    "utc_now",
]
