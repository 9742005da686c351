"""Every event that the audit chain may hold; nothing else can be written into it."""

from __future__ import annotations

import enum


class AuditKind(enum.StrEnum):
    """What happened. Values are stable: they are digested into the chain."""

    HOSPITAL_MADE = "hospital-made"
    SERVER_STARTED = "server-started"
    KEYS_ROTATED = "keys-rotated"
    TRUST_EXPORTED = "trust-exported"

    CALLER_ADDED = "caller-added"
    CALLER_KEY_ADDED = "caller-key-added"
    CALLER_KEY_REVOKED = "caller-key-revoked"
    ENROLMENT_CODE_MADE = "enrolment-code-made"
    STATION_ENROLLED = "station-enrolled"
    STATION_REVOKED = "station-revoked"
    ENROLMENT_REFUSED = "enrolment-refused"

    CERTIFICATE_ISSUED = "certificate-issued"
    CERTIFICATE_USED = "certificate-used"
    CERTIFICATE_DISCARDED = "certificate-discarded"

    TASK_CREATED = "task-created"
    TASK_OFFERED = "task-offered"
    TASK_RECALLED = "task-recalled"
    TASK_CANCELLED = "task-cancelled"
    TASK_EXPIRED = "task-expired"
    TASK_FAILED = "task-failed"
    TASK_SIGNED = "task-signed"
    CHALLENGE_ISSUED = "challenge-issued"
    EVIDENCE_ACCEPTED = "evidence-accepted"
    EVIDENCE_REFUSED = "evidence-refused"
    DOCUMENT_SIGNED = "document-signed"
    DOCUMENT_FETCHED = "document-fetched"
    EVIDENCE_EXPORTED = "evidence-exported"
    REPORT_MADE = "report-made"
    CALLBACK_DELIVERED = "callback-delivered"
    CALLBACK_GIVEN_UP = "callback-given-up"

    SVS_KEY_ADDED = "svs-key-added"
    SVS_KEY_LOCKED = "svs-key-locked"
    DATA_KEY_MADE = "data-key-made"
    DATA_KEY_ROTATED = "data-key-rotated"
    CERTIFICATE_LOGIN = "certificate-login"
