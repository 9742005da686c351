"""The station: its key, the hospital it belongs to, its counter, the checkpoints it keeps.

Folder (`--data DIR`, owner only): `station.json`, `station.key` (PKCS#8), `journal.key`,
`roots/*.pem` (the hospital's roots), `server.der` (whose key signs checkpoints), `counter`,
`checkpoints.json`, `journal/`, `lock`.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_app.errors import DesktopError
from desktop_app.files import make_private_folder, write_private
from desktop_app.offline.format import KEY_BYTES
from desktop_app.offline.journal import JournalFolder
from signing.pki import Certificate, PkiError, Signer, Sm2Signer
from signing.sm import SM2PrivateKey, SmError
from signing.wire import Checkpoint, WireError, check_follows, dump_json, parse_json, verify_checkpoint

LOG = logging.getLogger("penward.desktop")
MAX_ROOTS = 16
MAX_SETTINGS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the server told a new station. Certificates are DER; `roots` PEM texts."""

    station_id: str
    ward: str
    hospital: str
    roots: tuple[str, ...]
    station_certificate: bytes
    server_certificate: bytes | None


class Station:
    """An enrolled station. One program at a time may have it open."""

    def __init__(self, folder: Path) -> None:
        """Open the data folder.

        Raises:
            DesktopError: `desktop.not-enrolled`, `desktop.station-damaged`, `desktop.already-running`.
        """
        if not (folder / "station.json").is_file():
            raise DesktopError("desktop.not-enrolled", folder=str(folder))
        self._folder = folder
        self._lock = _lock(folder / "lock")
        try:
            settings = parse_json((folder / "station.json").read_bytes(), max_bytes=MAX_SETTINGS)
            self.id = str(settings["station_id"])
            self.name = str(settings["name"])
            self.ward = str(settings["ward"])
            self.hospital = str(settings["hospital"])
            self.server_url = str(settings["server"])
            self._key = SM2PrivateKey.from_pkcs8((folder / "station.key").read_bytes())
            self.signer: Signer = Sm2Signer(self._key)
            self.roots: tuple[Certificate, ...] = tuple(
                Certificate.from_pem(path.read_bytes()) for path in sorted((folder / "roots").glob("*.pem"))
            )
            server = folder / "server.der"
            self._server = Certificate.from_der(server.read_bytes()) if server.exists() else None
            journal_key = (folder / "journal.key").read_bytes()
            if len(journal_key) != KEY_BYTES or not self.roots:
                raise DesktopError("desktop.station-damaged")
        except (OSError, KeyError, TypeError, WireError, SmError, PkiError) as error:
            LOG.error("station folder cannot be read: %s", error)
            self._lock.close()
            raise DesktopError("desktop.station-damaged") from error
        self.journals = JournalFolder(folder / "journal", journal_key)
        self._last_checkpoint: Checkpoint | None = None

    def close(self) -> None:
        """Give the folder back and forget the key."""
        self._key.destroy()
        self._lock.close()

    @property
    def tls_roots(self) -> Path | None:
        """A PEM file with the hospital's roots that TLS can use (SM2 roots are not), or None."""
        usable = [root.pem for root in self.roots if root.public_key.algorithm != "sm2"]
        if not usable:
            return None
        path = self._folder / "tls-roots.pem"
        content = b"".join(usable)
        if not path.exists() or path.read_bytes() != content:
            write_private(path, content)
        return path

    def next_counter(self) -> int:
        """The next value of the station's counter, on disk before it is returned."""
        path = self._folder / "counter"
        try:
            value = int(path.read_text("ascii")) + 1 if path.exists() else 1
        except (OSError, ValueError) as error:
            raise DesktopError("desktop.station-damaged") from error
        write_private(path, str(value).encode("ascii"))
        return value

    @property
    def previous_envelope(self) -> bytes:
        """SM3 of the last envelope that this station made, empty when it has made none."""
        path = self._folder / "envelope"
        return path.read_bytes() if path.exists() else b""

    def keep_envelope(self, digest: bytes) -> None:
        """Remember the SM3 of the envelope just made, for the next manifest to name."""
        write_private(self._folder / "envelope", digest)

    @property
    def last_checkpoint(self) -> Checkpoint | None:
        """The checkpoint that was kept last."""
        return self._last_checkpoint

    def keep_checkpoint(self, checkpoint: Checkpoint | None) -> None:
        """Keep the last checkpoint of each writer; refuse one that contradicts it (`protocol.md`, Audit).

        Raises:
            DesktopError: `desktop.checkpoint-inconsistent`: the server's log was cut or rewritten.
        """
        if checkpoint is None:
            return
        path = self._folder / "checkpoints.json"
        try:
            kept: dict[str, Any] = (
                parse_json(path.read_bytes(), max_bytes=MAX_SETTINGS) if path.exists() else {}
            )
            if self._server is not None:
                verify_checkpoint(checkpoint, self._server.public_key)
            if checkpoint.writer in kept:
                earlier = Checkpoint.from_dict(kept[checkpoint.writer])
                check_follows(earlier, checkpoint)
        except WireError as error:
            LOG.error("checkpoint refused: %s", error)
            raise DesktopError("desktop.checkpoint-inconsistent") from error
        kept[checkpoint.writer] = checkpoint.to_dict()
        self._last_checkpoint = checkpoint
        write_private(path, dump_json(kept))


def new_key(folder: Path) -> SM2PrivateKey:
    """The key of a station to be enrolled; one that an interrupted enrolment left is used again."""
    make_private_folder(folder)
    if (folder / "station.json").exists():
        raise DesktopError("desktop.enrolled-already", folder=str(folder))
    path = folder / "station.key"
    if path.exists():
        return SM2PrivateKey.from_pkcs8(path.read_bytes())
    key = SM2PrivateKey.generate()
    write_private(path, key.to_pkcs8())
    return key


def store_enrolment(folder: Path, enrolment: Enrolment, *, name: str, server_url: str) -> None:
    """Write what the server told; `station.json` comes last, so that a half enrolment is none.

    Raises:
        DesktopError: `desktop.enrolment-refused` when the roots cannot be read.
    """
    roots = make_private_folder(folder / "roots")
    if not 0 < len(enrolment.roots) <= MAX_ROOTS:
        raise DesktopError("desktop.enrolment-refused")
    try:
        for number, text in enumerate(enrolment.roots):
            write_private(roots / f"root-{number}.pem", Certificate.from_pem(text).pem)
        if enrolment.server_certificate is not None:
            write_private(folder / "server.der", Certificate.from_der(enrolment.server_certificate).der)
        write_private(folder / "station.der", Certificate.from_der(enrolment.station_certificate).der)
    except PkiError as error:
        raise DesktopError("desktop.enrolment-refused") from error
    write_private(folder / "journal.key", secrets.token_bytes(KEY_BYTES))
    settings = {
        "station_id": enrolment.station_id,
        "name": name,
        "ward": enrolment.ward,
        "hospital": enrolment.hospital,
        "server": server_url,
    }
    write_private(folder / "station.json", json.dumps(settings, ensure_ascii=False).encode())


class _Lock:
    """An exclusive lock on a file for the life of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        """Release; may be called twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _lock(path: Path) -> _Lock:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise DesktopError("desktop.already-running") from error
    return _Lock(descriptor)
