"""Revocation by the CRLs that lie in `DIR/svs-trust`; files are read again when they change."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from pathlib import Path

from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault
from signing.pki import Certificate, CertificateList, PkiError, RevocationData
from signing.pki.revocation import check_revocation
from signing.sm import SmError
from signing.verdict import Outcome

log = logging.getLogger("penward.svs")

LOOK_AGAIN_S = 10.0
MAX_FILES = 64
MAX_FILE = 64 << 20


class CrlFolder:
    """The `*.crl` files of a folder as a `RevocationSource`. A file that is no CRL is told and left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._looked = 0.0
        self._seen: tuple[tuple[str, int, int], ...] = ()
        self._data = RevocationData()

    def check(self, certificate: Certificate, issuer: Certificate, at: dt.datetime) -> None:
        """Return when a current CRL says that it was not revoked (or it has noRevAvail).

        Raises:
            SvsFault: `CERTIFICATE_REVOKED`, `CRL_NOT_FOUND`.
        """
        found = check_revocation(certificate, issuer, at, self._current())
        if found.outcome is Outcome.FAIL:
            raise SvsFault(Reply.CERTIFICATE_REVOKED, subject=certificate.common_name)
        if found.outcome is Outcome.UNDECIDED:
            raise SvsFault(Reply.CRL_NOT_FOUND, subject=certificate.common_name)

    def _current(self) -> RevocationData:
        with self._lock:
            if self._looked and time.monotonic() - self._looked < LOOK_AGAIN_S:
                return self._data
            self._looked = time.monotonic()
            files = sorted(self._folder.glob("*.crl"))[:MAX_FILES] if self._folder.is_dir() else []
            states = [(path, path.stat()) for path in files]
            seen = tuple((path.name, state.st_mtime_ns, state.st_size) for path, state in states)
            if seen != self._seen:
                lists: list[CertificateList] = []
                for path, state in states:
                    try:
                        if state.st_size <= MAX_FILE:
                            lists += RevocationData.load([path.read_bytes()]).crls
                    except (PkiError, SmError, OSError) as error:
                        log.warning("CRL %s left out: %s", path.name, error)
                self._data, self._seen = RevocationData(tuple(lists)), seen
            return self._data
