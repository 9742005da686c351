"""Managed keys for other systems: SM4 for data and HMAC-SM3 for records, by name, versioned, rotated.

A key belongs to the caller who made it; no other can use it. Sealed data names its version, so that what was
sealed before a rotation opens after it. Nonces are random: one version is for at most 2³² seals.
"""

from __future__ import annotations

import hmac
import re
import secrets
import struct
import threading
import time

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server_stub.errors import Conflict, NotFound, Unprocessable
from server_stub.store import AuditKind, KeyVault, Store
from server_stub.svs.models import SvsDataKey
from signing.sm import SmError, hmac_sm3, sm4_gcm_decrypt, sm4_gcm_encrypt

PURPOSE = "svs-data"
ENCRYPT, MAC = "encrypt", "mac"
KEY_SIZES = {ENCRYPT: 16, MAC: 32}
MAGIC = b"PWE1"
NONCE = 12
KEPT_S = 30.0
MAX_KEYS = 200
MAX_VERSION = (1 << 31) - 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class DataKeys:
    """Makes, rotates and uses data keys; keys in use are held in memory for half a minute."""

    def __init__(self, store: Store, vault: KeyVault) -> None:
        self._store = store
        self._vault = vault
        self._kept: dict[tuple[str, str, str], tuple[float, dict[int, bytes]]] = {}
        self._lock = threading.Lock()

    def make(self, caller: str, purpose: str, name: str) -> int:
        """A new key; its version is 1.

        Raises:
            Unprocessable: `svs.data-key-name`. Conflict: `svs.data-key-exists`, `svs.too-many-data-keys`.
        """
        if purpose not in KEY_SIZES or not _NAME.fullmatch(name):
            raise Unprocessable("svs.data-key-name", name=name[:64])
        with self._store.database.write() as session:
            count = session.scalar(
                select(func.count()).select_from(SvsDataKey).where(SvsDataKey.caller == caller)
            )
            if (count or 0) >= MAX_KEYS:
                raise Conflict("svs.too-many-data-keys", limit=MAX_KEYS)
            if self._newest(session, caller, purpose, name):
                raise Conflict("svs.data-key-exists", name=name)
            self._add(session, caller, purpose, name, 1, AuditKind.DATA_KEY_MADE)
        self._forget(caller, purpose, name)
        return 1

    def rotate(self, caller: str, purpose: str, name: str, from_version: int) -> int:
        """A next version, in use from now on; older ones still open what they sealed.

        `from_version` must be the newest, so that a request that is sent twice rotates once.

        Raises:
            NotFound: `svs.no-such-data-key`. Conflict: `svs.data-key-rotated`, `svs.too-many-data-keys`.
        """
        with self._store.database.write() as session:
            newest = self._newest(session, caller, purpose, name)
            if not newest:
                raise NotFound("svs.no-such-data-key", name=name)
            if newest != from_version:
                raise Conflict("svs.data-key-rotated", name=name, version=newest)
            if newest >= MAX_KEYS:
                raise Conflict("svs.too-many-data-keys", limit=MAX_KEYS)
            self._add(session, caller, purpose, name, newest + 1, AuditKind.DATA_KEY_ROTATED)
        self._forget(caller, purpose, name)
        return newest + 1

    def encrypt(self, caller: str, name: str, plaintext: bytes, context: bytes = b"") -> bytes:
        """`PWE1` ‖ version (4 bytes, big-endian) ‖ nonce (12) ‖ SM4-GCM ciphertext and tag.

        `context` is bound and not stored: the same must be given to decrypt.

        Raises:
            NotFound: `svs.no-such-data-key`.
        """
        versions = self._versions(caller, ENCRYPT, name)
        version = max(versions)
        nonce = secrets.token_bytes(NONCE)
        sealed = sm4_gcm_encrypt(versions[version], nonce, plaintext, _aad(caller, name, version, context))
        return MAGIC + struct.pack(">I", version) + nonce + sealed

    def decrypt(self, caller: str, name: str, sealed: bytes, context: bytes = b"") -> bytes:
        """The plaintext again.

        Raises:
            NotFound: `svs.no-such-data-key`. Unprocessable: `svs.not-authentic`: other key, caller, context,
            or changed bytes.
        """
        if len(sealed) < len(MAGIC) + 4 + NONCE + 16 or not sealed.startswith(MAGIC):
            raise Unprocessable("svs.not-authentic")
        (version,) = struct.unpack(">I", sealed[4:8])
        key = self._version(caller, ENCRYPT, name, version)
        try:
            return sm4_gcm_decrypt(key, sealed[8:20], sealed[20:], _aad(caller, name, version, context))
        except SmError:
            raise Unprocessable("svs.not-authentic") from None

    def protect(self, caller: str, name: str, record: str, content: bytes) -> tuple[int, bytes]:
        """Version and HMAC-SM3 over a record's id and content. Raises NotFound `svs.no-such-data-key`."""
        versions = self._versions(caller, MAC, name)
        version = max(versions)
        return version, hmac_sm3(versions[version], _record(caller, name, version, record, content))

    def is_intact(
        self, caller: str, name: str, record: str, content: bytes, version: int, mac: bytes
    ) -> bool:
        """Whether a record is what was protected. Raises NotFound `svs.no-such-data-key`."""
        key = self._version(caller, MAC, name, version)
        return hmac.compare_digest(hmac_sm3(key, _record(caller, name, version, record, content)), mac)

    def _version(self, caller: str, purpose: str, name: str, version: int) -> bytes:
        versions = self._versions(caller, purpose, name)
        if version not in versions:
            self._forget(caller, purpose, name)
            versions = self._versions(caller, purpose, name)
        if version not in versions:
            raise Unprocessable("svs.not-authentic")
        return versions[version]

    def _versions(self, caller: str, purpose: str, name: str) -> dict[int, bytes]:
        place = (caller, purpose, name)
        with self._lock:
            kept = self._kept.get(place)
            if kept is not None and kept[0] > time.monotonic():
                return kept[1]
        with self._store.database.read() as session:
            rows = session.scalars(
                select(SvsDataKey).where(
                    SvsDataKey.caller == caller, SvsDataKey.purpose == purpose, SvsDataKey.name == name
                )
            ).all()
            found = {row.version: self._vault.get(session, PURPOSE, row.key_id) for row in rows}
        if not found:
            raise NotFound("svs.no-such-data-key", name=name[:64])
        with self._lock:
            self._kept[place] = (time.monotonic() + KEPT_S, found)
        return found

    def _forget(self, caller: str, purpose: str, name: str) -> None:
        with self._lock:
            self._kept.pop((caller, purpose, name), None)

    def _newest(self, session: Session, caller: str, purpose: str, name: str) -> int:
        return (
            session.scalar(
                select(func.max(SvsDataKey.version)).where(
                    SvsDataKey.caller == caller, SvsDataKey.purpose == purpose, SvsDataKey.name == name
                )
            )
            or 0
        )

    def _add(
        self, session: Session, caller: str, purpose: str, name: str, version: int, kind: AuditKind
    ) -> None:
        key_id = f"data-{secrets.token_hex(12)}"
        row = SvsDataKey(
            key_id=key_id,
            caller=caller,
            purpose=purpose,
            name=name,
            version=version,
            created_at=self._store.clock(),
        )
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:
            raise Conflict("svs.data-key-rotated", name=name, version=version) from None
        self._vault.put(session, PURPOSE, key_id, secrets.token_bytes(KEY_SIZES[purpose]))
        self._store.audit.append(
            session, kind, subject=key_id, actor=caller, data={"name": name, "version": version}
        )


def _aad(caller: str, name: str, version: int, context: bytes) -> bytes:
    return f"penward-data-v1\0{caller}\0{name}\0{version}\0".encode() + context


def _record(caller: str, name: str, version: int, record: str, content: bytes) -> bytes:
    encoded = record.encode("utf-8")
    head = f"penward-record-v1\0{caller}\0{name}\0{version}\0{len(encoded)}\0".encode()
    return head + encoded + content
