"""Trust anchors: only from a folder that the operator chose, never from a file that is being verified."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from signing.pki.certificate import MAX_CERTIFICATE, PEM_LABELS, Certificate
from signing.pki.errors import PkiError
from signing.sm import SmError
from signing.sm.encoding import pem_bodies

SUFFIXES = frozenset({".pem", ".crt", ".cer", ".der"})
MAX_FILES = 1000
MAX_FILE = 16 * MAX_CERTIFICATE
TRUST_VARIABLE = "PENWARD_TRUST"


def installed_trust_folder() -> Path:
    """`$PENWARD_TRUST`, else `share/penward/trust` of this environment; it need not exist."""
    chosen = os.environ.get(TRUST_VARIABLE)
    return Path(chosen) if chosen else Path(sys.prefix) / "share" / "penward" / "trust"


def load_anchors(directory: Path) -> list[Certificate]:
    """All certificates of `*.pem *.crt *.cer *.der` in `directory`, by file name, each once.

    Raises:
        PkiError: `pki.no-trust-folder`, `pki.too-many-anchors`, or `pki.bad-anchor-file` naming the file:
            a damaged anchor is told, not skipped.
    """
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError:
        raise PkiError("pki.no-trust-folder", folder=str(directory)) from None
    if len(files) > MAX_FILES:
        raise PkiError("pki.too-many-anchors", limit=MAX_FILES)
    found: dict[bytes, Certificate] = {}
    for path in files:
        for certificate in _load(path):
            found.setdefault(certificate.der, certificate)
    return list(found.values())


def _load(path: Path) -> list[Certificate]:
    try:
        if path.stat().st_size > MAX_FILE:
            raise PkiError("pki.bad-anchor-file", name=path.name)
        data = path.read_bytes()
        bodies = list(pem_bodies(data, PEM_LABELS)) or [data]
        return [Certificate.from_der(body) for body in bodies]
    except (OSError, PkiError, SmError):
        raise PkiError("pki.bad-anchor-file", name=path.name) from None
