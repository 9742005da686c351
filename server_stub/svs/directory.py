"""Finds a certificate by what a client calls it: serial number, subject, common name, index."""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

from sqlalchemy import select

from server_stub.ca.models import IssuedCertificate
from server_stub.store import Store
from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault
from server_stub.svs.keys import KeyRing
from signing.pki import Certificate

_HEX = re.compile(r"(0x)?[0-9A-Fa-f]{1,40}")
KEPT, KEPT_S = 2000, 60.0


class Directory:
    """The service's own certificates, those of the hospital, and those that its CA has issued."""

    def __init__(self, store: Store, ring: KeyRing, others: Sequence[Certificate]) -> None:
        self._store = store
        self._ring = ring
        self._others = tuple(others)
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def by_identification(self, text: str) -> Certificate:
        """The certificate of an ExportCert `identification`: plain, or base64 of text or of a DER Name.

        Raises:
            SvsFault: `CERTIFICATE_ID`.
        """
        names = [text.strip()]
        encoded = b""
        try:
            encoded = base64.b64decode(text, validate=True)
            names.append(encoded.decode("utf-8").strip())
        except (binascii.Error, ValueError):
            pass
        for certificate in self._known():
            if encoded and encoded == certificate.subject_der:
                return certificate
            if any(_is_called(certificate, name) for name in names):
                return certificate
        for name in names:
            if name.startswith("#") and name[1:].isdigit():
                for key in self._ring.all():
                    if key.index == int(name[1:]):
                        return key.certificate
            found = self._issued(name)
            if found is not None:
                return found
        raise SvsFault(Reply.CERTIFICATE_ID)

    def by_serial(self, serial: int) -> Certificate:
        """The certificate of a serial number. Raises SvsFault `CERTIFICATE_ID`."""
        for certificate in self._known():
            if certificate.serial == serial:
                return certificate
        found = self._issued(f"{serial:x}")
        if found is None:
            raise SvsFault(Reply.CERTIFICATE_ID)
        return found

    def _known(self) -> list[Certificate]:
        return [*(key.certificate for key in self._ring.all()), *self._others]

    def _issued(self, name: str) -> Certificate | None:
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None and kept[0] > time.monotonic():
                return Certificate.from_der(kept[1])
        if not 0 < len(name) <= 400:
            return None
        serial = f"{int(name, 16):x}" if _HEX.fullmatch(name) else None
        condition = IssuedCertificate.subject == name
        if serial is not None:
            condition = condition | (IssuedCertificate.serial == serial)
        with self._store.database.read() as session:
            found = session.scalar(
                select(IssuedCertificate.certificate)
                .where(condition)
                .order_by(IssuedCertificate.issued_at.desc())
                .limit(1)
            )
        if found is None:
            return None
        with self._lock:
            self._kept[name] = (time.monotonic() + KEPT_S, found)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return Certificate.from_der(found)


def parse_serial(value: str) -> int:
    """A certSN: hex, or base64 of the INTEGER's bytes or of hex text. Raises SvsFault `CERTIFICATE_ID`."""
    text = value.strip()
    if _HEX.fullmatch(text):
        return int(text, 16)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SvsFault(Reply.CERTIFICATE_ID) from None
    try:
        inner = data.decode("ascii")
    except UnicodeDecodeError:
        inner = ""
    if _HEX.fullmatch(inner):
        return int(inner, 16)
    if not 0 < len(data) <= 21:
        raise SvsFault(Reply.CERTIFICATE_ID)
    return int.from_bytes(data, "big")


def _is_called(certificate: Certificate, name: str) -> bool:
    if name in (certificate.subject_text, certificate.common_name):
        return bool(name)
    return bool(_HEX.fullmatch(name)) and int(name, 16) == certificate.serial
