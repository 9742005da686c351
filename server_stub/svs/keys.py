"""Keys by index: unwrapped once, held in memory, opened by an access code that scrypt guards.

The first right code of an index is remembered as an HMAC under a secret of this process, so that a signature
needs no scrypt and no database. After five wrong codes in a row a caller waits for that index.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from server_stub.errors import Conflict
from server_stub.store import AuditKind, KeyVault, Store
from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault
from server_stub.svs.models import SvsAccess, SvsAttempts, SvsKey
from signing.pki import Certificate, Signer, load_signer
from signing.sm import hmac_sm3
from signing.sm.der import Reader

PURPOSE = "svs"
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 14, 8, 1
MAX_FAILURES = 5
LOCKED_FOR = dt.timedelta(minutes=15)
LOOK_AGAIN_S = 2.0
MIN_CODE, MAX_CODE = 8, 128
MAX_INDEX = 9999


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A key pair in memory; `chain` are its certificate's issuers without the root."""

    index: int
    usage: str
    name: str
    signer: Signer
    certificate: Certificate
    chain: tuple[Certificate, ...]


class KeyRing:
    """The service's keys. `refresh` looks for keys that were added, at most every two seconds."""

    def __init__(self, store: Store, vault: KeyVault) -> None:
        self._store = store
        self._vault = vault
        self._secret = secrets.token_bytes(32)
        self._keys: dict[tuple[int, str], ServiceKey] = {}
        self._ids: dict[tuple[int, str], str] = {}
        self._proofs: dict[int, bytes] = {}
        self._locked: dict[tuple[int, str], dt.datetime] = {}
        self._lock = threading.Lock()
        self._trying = threading.Lock()
        self._looked = 0.0

    def refresh(self, *, now: bool = False) -> None:
        """Read what the database knows and this process does not."""
        with self._lock:
            if not now and time.monotonic() - self._looked < LOOK_AGAIN_S:
                return
            self._looked = time.monotonic()
            with self._store.database.read() as session:
                rows = {(row.key_index, row.usage): row for row in session.scalars(select(SvsKey))}
                locked = session.execute(
                    select(SvsAttempts.key_index, SvsAttempts.caller, SvsAttempts.locked_until).where(
                        SvsAttempts.locked_until.is_not(None)
                    )
                ).all()
                ids = {place: row.key_id for place, row in rows.items()}
                fresh = {
                    place: self._keys[place]
                    if self._ids.get(place) == row.key_id
                    else _load(row, self._vault.get(session, PURPOSE, row.key_id))
                    for place, row in rows.items()
                }
            for place in self._ids.keys() - {place for place in ids if ids[place] == self._ids.get(place)}:
                self._proofs.pop(place[0], None)
            self._keys, self._ids = fresh, ids
            self._locked = {(index, caller): until for index, caller, until in locked if until}

    @property
    def is_stale(self) -> bool:
        """Whether it is time to look into the database again."""
        return time.monotonic() - self._looked >= LOOK_AGAIN_S

    def all(self) -> list[ServiceKey]:
        """Every key, by index, the signing key of an index first."""
        return [
            self._keys[place] for place in sorted(self._keys, key=lambda item: (item[0], item[1] != "sign"))
        ]

    def is_open(self, index: int, code: str) -> bool:
        """Whether this very code was found right before, so that `unlock` costs no scrypt."""
        known = self._proofs.get(index)
        return known is not None and hmac.compare_digest(known, self._proof(index, code))

    def unlock(self, index: int, code: str, *, caller: str, usage: str = "sign") -> ServiceKey:
        """The key of an index, for a caller who knows its access code.

        Raises:
            SvsFault: `KEY_INDEX` no such key; `KEY_VALUE` a wrong code, or too many of them before.
        """
        key = self._keys.get((index, usage))
        if key is None:
            raise SvsFault(Reply.KEY_INDEX, index=index)
        until = self._locked.get((index, caller))
        if until is not None and until > self._store.clock():
            raise SvsFault(Reply.KEY_VALUE, index=index)
        if not self.is_open(index, code):
            with self._trying:  # one at a time: right codes sent together must not count as failures
                if not self.is_open(index, code):
                    self._try(index, code, caller)
        return key

    def _try(self, index: int, code: str, caller: str) -> None:
        """Check a code by scrypt, and count it when it is wrong.

        The failure is committed before scrypt runs and taken back after a right code, so that codes tried at
        the same moment all count.
        """
        with self._store.database.write() as session:
            access = session.get(SvsAccess, index)
            attempts = session.get(SvsAttempts, (index, caller), with_for_update=True)
            if access is None:
                raise SvsFault(Reply.KEY_INDEX, index=index)
            now = self._store.clock()
            if attempts is None:
                attempts = SvsAttempts(key_index=index, caller=caller, failures=0, locked_until=None)
                session.add(attempts)
            elif attempts.locked_until is not None:
                if attempts.locked_until > now:
                    self._locked[index, caller] = attempts.locked_until
                    raise SvsFault(Reply.KEY_VALUE, index=index)
                attempts.failures, attempts.locked_until = 0, None
            attempts.failures += 1
            if attempts.failures >= MAX_FAILURES:
                attempts.locked_until = now + LOCKED_FOR
        right = len(code) <= MAX_CODE and hmac.compare_digest(
            _scrypt(code, access.salt, access.n, access.r, access.p), access.digest
        )
        with self._store.database.write() as session:
            attempts = session.get_one(SvsAttempts, (index, caller), with_for_update=True)
            if right:
                attempts.failures, attempts.locked_until = 0, None
                self._locked.pop((index, caller), None)
                self._proofs[index] = self._proof(index, code)
                return
            if attempts.locked_until is not None:
                self._locked[index, caller] = attempts.locked_until
                self._store.audit.append(
                    session, AuditKind.SVS_KEY_LOCKED, subject=f"svs-key-{index}", actor=caller
                )
        raise SvsFault(Reply.KEY_VALUE, index=index)

    def _proof(self, index: int, code: str) -> bytes:
        return hmac_sm3(self._secret, f"{index}\n{code}".encode("utf-8", "surrogatepass"))


def keep_key(
    session: Session,
    store: Store,
    vault: KeyVault,
    *,
    index: int,
    usage: str,
    name: str,
    private: bytes,
    certificate: Certificate,
    chain: tuple[Certificate, ...],
) -> None:
    """Keep a key pair under an index in the caller's transaction; `private` is PKCS#8 (DER).

    Raises:
        Conflict: `svs.index-taken`, `svs.key-not-of-certificate`.
    """
    if session.get(SvsKey, (index, usage)) is not None:
        raise Conflict("svs.index-taken", index=index, usage=usage)
    signer = load_signer(private)
    if signer.public_key_spki != certificate.spki_der:
        raise Conflict("svs.key-not-of-certificate", subject=certificate.common_name)
    key_id = f"svs-{index}-{usage}-{secrets.token_hex(8)}"
    vault.put(session, PURPOSE, key_id, private)
    session.add(
        SvsKey(
            key_index=index,
            usage=usage,
            name=name,
            algorithm=signer.algorithm,
            certificate=certificate.der,
            chain=b"".join(item.der for item in chain),
            key_id=key_id,
            created_at=store.clock(),
        )
    )
    store.audit.append(
        session,
        AuditKind.SVS_KEY_ADDED,
        subject=f"svs-key-{index}",
        actor="admin",
        data={"usage": usage, "algorithm": signer.algorithm, "sm3": certificate.fingerprint_sm3.hex()},
    )


def has_access_code(session: Session, index: int) -> bool:
    """Whether an index has its access code: its second key pair is under the same."""
    return session.get(SvsAccess, index) is not None


def set_access_code(session: Session, index: int, code: str) -> None:
    """Set the access code of an index in the caller's transaction.

    Raises:
        Conflict: `svs.code-length`.
    """
    if not MIN_CODE <= len(code) <= MAX_CODE:
        raise Conflict("svs.code-length", least=MIN_CODE, most=MAX_CODE)
    salt = secrets.token_bytes(16)
    digest = _scrypt(code, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P)
    old = session.get(SvsAccess, index)
    if old is not None:
        session.delete(old)
        session.flush()
    session.add(SvsAccess(key_index=index, salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, digest=digest))


def read_chain(stored: bytes) -> tuple[Certificate, ...]:
    """Certificates that lie one after the other."""
    reader = Reader(stored)
    return tuple(Certificate.from_der(element.raw) for element in reader.rest(16))


def _load(row: SvsKey, private: bytes) -> ServiceKey:
    certificate = Certificate.from_der(row.certificate)
    return ServiceKey(
        row.key_index, row.usage, row.name, load_signer(private), certificate, read_chain(row.chain)
    )


def _scrypt(code: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(
        code.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=128 * n * r * 2, dklen=32
    )
