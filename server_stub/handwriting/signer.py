"""One signature: a fresh key, its event certificate, the signed document, the end of the key, the proof."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from server_stub.ca import CertificateAuthority, EventCertificate
from server_stub.errors import ServerError, Unavailable
from server_stub.handwriting.inspection import Inspected
from server_stub.handwriting.ports import Subject
from server_stub.store import Store
from signing import pdf
from signing.evidence import EVENT_BINDING_OID
from signing.ofd.signatures import SealMaker, sign_ofd, verify_ofd
from signing.ofd.signatures import document_digest as ofd_digest
from signing.pki import Certificate, Sm2Signer
from signing.sm import SM2PrivateKey
from signing.tsp import TimeStamper, TspError
from signing.verdict import FileVerdict, Outcome
from signing.wire import PDF_MEDIA_TYPE


class SigningFailed(ServerError):
    """The server could not make a signature that it would itself accept; nothing was archived."""

    status = 500


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed document that our own strict reading found valid, not yet archived."""

    data: bytes
    certificate: Certificate
    serial: str
    time_stamp: bytes
    signed_at: dt.datetime
    verdict: FileVerdict


def document_digest(media_type: str, document: bytes) -> bytes:
    """The 32-byte digest of what the next signer of this document is shown (`protocol.md`)."""
    if media_type == PDF_MEDIA_TYPE:
        return pdf.document_digest(document)
    return ofd_digest(document)


class RecordingStamper:
    """A stamper that keeps the last token it got, for the archive."""

    def __init__(self, stamper: TimeStamper, checkpoint: Callable[[str], None]) -> None:
        self._stamper = stamper
        self._checkpoint = checkpoint
        self.token = b""

    def stamp(self, message: bytes) -> bytes:
        """The token (DER) over `message`."""
        try:
            self.token = self._stamper.stamp(message)
        except (TspError, OSError) as error:
            reason = error.code if isinstance(error, TspError) else type(error).__name__
            raise Unavailable("handwriting.no-time-stamp", reason=reason) from error
        self._checkpoint("time-stamped")
        return self.token


class EventSigner:
    """Makes one-time signatures with event certificates of the hospital's CA."""

    def __init__(
        self,
        store: Store,
        ca: CertificateAuthority,
        *,
        seal_maker: SealMaker,
        stamper: TimeStamper,
        anchors: Sequence[Certificate],
        checkpoint: Callable[[str], None] = lambda _step: None,
    ) -> None:
        self._store = store
        self._ca = ca
        self._seal_maker = seal_maker
        self._stamper = stamper
        self._anchors = tuple(anchors)
        self._checkpoint = checkpoint

    def sign(self, attempt_id: str, subject: Subject, inspected: Inspected, document: bytes) -> Signed:
        """Issue and sign for one attempt; the key lives inside libcrypto and no longer than this call.

        Raises:
            SigningFailed: `handwriting.not-valid`: our own reading did not find the signature valid.
            Unavailable: `handwriting.no-time-stamp`, the time stamp authority did not answer.
            PenwardError: an engine or the CA refused.
        """
        with SM2PrivateKey.generate() as key:
            self._checkpoint("key-made")
            issued = self._ca.issue_event_certificate(
                spki=key.public_key.spki,
                common_name=subject.signer_name,
                binding_oid=EVENT_BINDING_OID,
                binding=inspected.binding.to_der(),
                reference=attempt_id,
            )
            self._checkpoint("certificate-issued")
            signed_at = self._store.clock().replace(microsecond=0)
            stamper = RecordingStamper(self._stamper, self._checkpoint)
            data = self._sign(subject, inspected, document, Sm2Signer(key), issued, stamper, signed_at)
            self._checkpoint("document-signed")
        self._checkpoint("key-destroyed")
        verdict = self._read_back(subject, data)
        self._checkpoint("read-back")
        return Signed(data, issued.certificate, issued.serial, stamper.token, signed_at, verdict)

    def mark_used(self, session: Session, serial: str) -> None:
        """The certificate's signature is archived in this transaction."""
        self._ca.mark_used(session, serial)

    def discard(self, session: Session, attempt_id: str) -> None:
        """The attempt is given up: its certificates are on record as unused."""
        self._ca.discard(session, attempt_id)

    def _sign(
        self,
        subject: Subject,
        inspected: Inspected,
        document: bytes,
        signer: Sm2Signer,
        issued: EventCertificate,
        stamper: TimeStamper,
        signed_at: dt.datetime,
    ) -> bytes:
        if subject.media_type == PDF_MEDIA_TYPE:
            return pdf.sign_pdf(
                document,
                box=subject.box,
                picture=inspected.picture,
                signer=signer,
                certificate=issued.certificate,
                chain=issued.chain,
                stamper=stamper,
                signed_at=signed_at,
                reason=subject.title,
                field_name=f"Penward-{subject.signer_index + 1}-{issued.serial[-8:]}",
            )
        return sign_ofd(
            document,
            boxes=[subject.box],
            picture=inspected.picture,
            signer=signer,
            certificate=issued.certificate,
            chain=issued.chain,
            seal_maker=self._seal_maker,
            stamper=stamper,
            signed_at=signed_at,
            seal_name=subject.signer_name,
        )

    def _read_back(self, subject: Subject, data: bytes) -> FileVerdict:
        """Read what was written as a stranger would, by the hospital's roots; the new signature decides."""
        verify = pdf.verify_pdf if subject.media_type == PDF_MEDIA_TYPE else verify_ofd
        verdict = verify(data, anchors=self._anchors, at=None)
        if not verdict.signatures:
            raise SigningFailed("handwriting.not-valid", reason="no-signature")
        newest = verdict.signatures[-1]
        if newest.outcome >= Outcome.UNDECIDED:
            worst = max(newest.checks, key=lambda check: check.outcome)
            raise SigningFailed("handwriting.not-valid", reason=worst.reason)
        return verdict
