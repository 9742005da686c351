"""States of certificates by verify level: time, chain, CRL; and certificates by id or serial number.

What was found about a certificate's chain is kept for a minute, so that verifying signatures of the same
signer costs one signature check and not three; its validity is looked at every time.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault
from signing.pki import Certificate, PathResult, PkiError, Usage, validate_path
from signing.verdict import Outcome

TIME, CHAIN, CRL = 0, 1, 2
KEPT = 2000
KEPT_S = 60.0
MAX_CERTIFICATE = 64 * 1024


class RevocationSource(Protocol):
    """Whoever knows whether a certificate was revoked."""

    def check(self, certificate: Certificate, issuer: Certificate, at: dt.datetime) -> None:
        """Return when it was not revoked.

        Raises:
            SvsFault: `CERTIFICATE_REVOKED`; `CRL_NOT_FOUND` or an `OCSP_…` when it cannot be told.
        """


@dataclass(slots=True)
class _Known:
    certificate: Certificate
    path: PathResult | None
    until: float


class Trust:
    """Anchors of the hospital and of its configuration, and what certificates are worth under them."""

    def __init__(
        self,
        anchors: Sequence[Certificate],
        candidates: Sequence[Certificate],
        *,
        clock: Callable[[], dt.datetime],
        crl: RevocationSource | None = None,
        ocsp: RevocationSource | None = None,
    ) -> None:
        self.anchors = tuple(anchors)
        self.candidates = tuple(candidates)
        self.clock = clock
        self._crl = crl
        self._ocsp = ocsp
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, data: bytes) -> Certificate:
        """The certificate of DER or PEM bytes.

        Raises:
            SvsFault: `CERTIFICATE` nothing there, `CERTIFICATE_DECODE` not a certificate.
        """
        return self._remembered(data).certificate

    def check(self, data: bytes, level: int) -> Certificate:
        """Check a certificate as of now: 0 its validity, 1 and its chain, 2 and the CRLs.

        Raises:
            SvsFault: `CERTIFICATE_EXPIRED`, `CERTIFICATE_NOT_YET`, `CA_NOT_FOUND`, `CA_VERIFY`,
                `CERTIFICATE_REVOKED`, `CRL_NOT_FOUND`, `PARAMETERS` for another level.
        """
        if level not in (TIME, CHAIN, CRL):
            raise SvsFault(Reply.PARAMETERS, field="verifyLevel")
        known = self._remembered(data)
        now = self.clock()
        self._in_time(known.certificate, now)
        if level >= CHAIN:
            path = self._path(known, now)
            if level >= CRL:
                self._revocation(self._crl, path, now, Reply.CRL_NOT_FOUND)
        return known.certificate

    def check_online(self, data: bytes) -> Certificate:
        """Check time and chain, and ask OCSP. Raises SvsFault as `check`, and `OCSP_…`."""
        certificate = self.check(data, CHAIN)
        now = self.clock()
        self._revocation(self._ocsp, self._path(self._remembered(data), now), now, Reply.OCSP_NO_RESPONSE)
        return certificate

    def _remembered(self, data: bytes) -> _Known:
        with self._lock:
            known = self._known.get(data)
            if known is not None:
                self._known.move_to_end(data)
                return known
        if not data or len(data) > MAX_CERTIFICATE:
            raise SvsFault(Reply.CERTIFICATE)
        try:
            certificate = Certificate.load(data)
        except PkiError:
            raise SvsFault(Reply.CERTIFICATE_DECODE) from None
        known = _Known(certificate, None, 0.0)
        with self._lock:
            self._known[data] = known
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return known

    def _path(self, known: _Known, now: dt.datetime) -> PathResult:
        path = known.path
        if path is None or time.monotonic() >= known.until:
            path = validate_path(known.certificate, self.candidates, self.anchors, at=now, usage=Usage.ANY)
            known.path, known.until = path, time.monotonic() + KEPT_S
        if path.anchor is None:
            raise SvsFault(Reply.CA_NOT_FOUND, subject=known.certificate.common_name)
        if path.outcome is Outcome.FAIL:
            raise SvsFault(Reply.CA_VERIFY, subject=known.certificate.common_name)
        for certificate in path.path[1:-1]:
            self._in_time(certificate, now)
        return path

    @staticmethod
    def _in_time(certificate: Certificate, now: dt.datetime) -> None:
        if now < certificate.not_before:
            raise SvsFault(Reply.CERTIFICATE_NOT_YET, subject=certificate.common_name)
        if now > certificate.not_after:
            raise SvsFault(Reply.CERTIFICATE_EXPIRED, subject=certificate.common_name)

    @staticmethod
    def _revocation(
        source: RevocationSource | None, path: PathResult, now: dt.datetime, missing: Reply
    ) -> None:
        if source is None:
            raise SvsFault(missing, subject=path.path[0].common_name)
        for place, (certificate, issuer) in enumerate(pairwise(path.path)):
            try:
                source.check(certificate, issuer, now)
            except SvsFault as fault:
                # Of the CAs above a revocation counts; few roots publish a list for them.
                if place == 0 or fault.reply is Reply.CERTIFICATE_REVOKED:
                    raise
