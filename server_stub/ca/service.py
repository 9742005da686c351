"""The certificate authority's duty: it signs what it is told to, lints it, and keeps a record of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server_stub.ca.hospital import Hospital
from server_stub.ca.lint import EVENT_USAGE, check_name, lint_event, lint_issued, serial_text
from server_stub.ca.models import IssuedCertificate
from server_stub.errors import Conflict, NotFound
from server_stub.store import AuditKind, Store
from signing.pki import Certificate, Profile, issue_certificate

BACKDATED = dt.timedelta(seconds=60)
STATION_YEARS = 5
STATION_USAGE = frozenset({"digitalSignature"})


@dataclass(frozen=True, slots=True)
class EventCertificate:
    """A fresh event certificate; `chain` are its issuers without the root, `serial` its key in the tables."""

    certificate: Certificate
    chain: tuple[Certificate, ...]
    serial: str


class CertificateAuthority:
    """Issues event and station certificates under the hospital's issuing CA."""

    def __init__(
        self,
        store: Store,
        hospital: Hospital,
        *,
        event_hours: int = 24,
        checkpoint: Callable[[str], None] = lambda _step: None,
    ) -> None:
        self._store = store
        self._hospital = hospital
        self._event_hours = event_hours
        self._checkpoint = checkpoint

    def issue_event_certificate(
        self, *, spki: bytes, common_name: str, binding_oid: str, binding: bytes, reference: str
    ) -> EventCertificate:
        """Certify a one-time key (`protocol.md`, Event certificate): from now − 60 s, at most 24 h in all.

        `binding` is the DER of the event binding's extension, `reference` the attempt it is for. The
        certificate is linted and recorded as `issued`, with its audit event, before it is returned.

        Raises:
            LintError: `ca.lint-failed`, `ca.id-number-in-name`.
        """
        check_name(common_name)
        start = self._store.clock().replace(microsecond=0) - BACKDATED
        certificate = self._issue(
            Profile.PATIENT_EVENT,
            common_name,
            spki,
            start,
            start + dt.timedelta(hours=self._event_hours),
            EVENT_USAGE,
            extensions=[(binding_oid, False, binding)],
        )
        lint_event(certificate, binding_oid=binding_oid, binding=binding)
        with self._store.database.write() as session:
            self._record(session, Profile.PATIENT_EVENT, certificate, reference)
        self._checkpoint("ca.event-certificate-recorded")
        return EventCertificate(certificate, self._hospital.issued_chain, serial_text(certificate))

    def issue_station_certificate(
        self, session: Session, *, spki: bytes, name: str, station_id: str
    ) -> bytes:
        """Certify a station's own key for five years; DER, recorded in the given transaction."""
        common_name = f"{name} {station_id}"
        start = self._store.clock().replace(microsecond=0) - BACKDATED
        certificate = self._issue(
            Profile.STATION,
            common_name,
            spki,
            start,
            start + dt.timedelta(days=365 * STATION_YEARS),
            STATION_USAGE,
        )
        self._record(session, Profile.STATION, certificate, station_id)
        return certificate.der

    def mark_used(self, session: Session, serial: str) -> None:
        """An archived signature was made with it: call in the archive's transaction.

        Raises:
            NotFound: `ca.no-such-certificate`. Conflict: `ca.certificate-closed`, used or discarded before.
        """
        self._close(session, self._row(session, serial), "used", AuditKind.CERTIFICATE_USED)

    def discard(self, session: Session, reference: str) -> int:
        """Mark the certificates of an unfinished attempt as unused; return how many there were."""
        rows = session.scalars(
            select(IssuedCertificate)
            .where(IssuedCertificate.reference == reference, IssuedCertificate.state == "issued")
            .with_for_update()
        ).all()
        for row in rows:
            self._close(session, row, "unused", AuditKind.CERTIFICATE_DISCARDED)
        return len(rows)

    def discard_unfinished(self, session: Session, *, exclusive: bool) -> int:
        """Mark every event certificate as unused that no living attempt can still use.

        With `exclusive` (nobody else serves) these are all that are `issued`; otherwise the expired ones.
        """
        query = select(IssuedCertificate).where(
            IssuedCertificate.profile == Profile.PATIENT_EVENT.value, IssuedCertificate.state == "issued"
        )
        if not exclusive:
            query = query.where(IssuedCertificate.not_after < self._store.clock())
        rows = session.scalars(query.with_for_update(skip_locked=True)).all()
        for row in rows:
            self._close(session, row, "unused", AuditKind.CERTIFICATE_DISCARDED)
        return len(rows)

    def counts(self, session: Session) -> dict[tuple[str, str], int]:
        """How many certificates of each (profile, state) were ever issued."""
        rows = session.execute(
            select(IssuedCertificate.profile, IssuedCertificate.state, func.count()).group_by(
                IssuedCertificate.profile, IssuedCertificate.state
            )
        )
        return {(profile, state): count for profile, state, count in rows}

    def acts(self, session: Session) -> list[tuple[AuditKind, str]]:
        """Every certificate on record, each of which must have its audit event."""
        return [
            (AuditKind.CERTIFICATE_ISSUED, serial)
            for serial in session.scalars(select(IssuedCertificate.serial))
        ]

    def _issue(
        self,
        profile: Profile,
        common_name: str,
        spki: bytes,
        not_before: dt.datetime,
        not_after: dt.datetime,
        usage: frozenset[str],
        extensions: Sequence[tuple[str, bool, bytes]] = (),
    ) -> Certificate:
        issuer = self._hospital.certificate("issuing")
        certificate = issue_certificate(
            profile=profile,
            subject=[("C", "CN"), ("CN", common_name)],
            spki_der=spki,
            issuer=issuer,
            issuer_signer=self._hospital.signer("issuing"),
            not_before=not_before,
            not_after=not_after,
            extensions=extensions,
        )
        return lint_issued(
            certificate,
            issuer_key=issuer.public_key,
            spki=spki,
            common_name=common_name,
            usage=usage,
            not_before=not_before,
            not_after=not_after,
        )

    def _record(self, session: Session, profile: Profile, certificate: Certificate, reference: str) -> None:
        serial = serial_text(certificate)
        session.add(
            IssuedCertificate(
                serial=serial,
                profile=profile.value,
                subject=certificate.subject_text[:400],
                reference=reference,
                holder=self._store.holder,
                state="issued",
                not_before=certificate.not_before,
                not_after=certificate.not_after,
                certificate=certificate.der,
                issued_at=self._store.clock(),
                closed_at=None,
            )
        )
        self._store.audit.append(
            session,
            AuditKind.CERTIFICATE_ISSUED,
            subject=serial,
            actor="server",
            data={"profile": profile.value, "for": reference, "sm3": certificate.fingerprint_sm3.hex()},
        )

    def _row(self, session: Session, serial: str) -> IssuedCertificate:
        row = session.scalar(
            select(IssuedCertificate).where(IssuedCertificate.serial == serial).with_for_update()
        )
        if row is None:
            raise NotFound("ca.no-such-certificate", serial=serial)
        return row

    def _close(self, session: Session, row: IssuedCertificate, state: str, kind: AuditKind) -> None:
        if row.state != "issued":
            raise Conflict("ca.certificate-closed", serial=row.serial, state=row.state)
        row.state, row.closed_at = state, self._store.clock()
        self._store.audit.append(
            session, kind, subject=row.serial, actor="server", data={"for": row.reference}
        )
