"""Secrets at rest: SM4-GCM under a key-encryption key that scrypt makes from a passphrase.

The passphrase lives outside the data folder. The purpose and the key's id are additional data, so that a
wrapped key cannot be put in another one's place.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

from sqlalchemy import LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from server_stub.errors import NotFound, SetupError
from server_stub.store.database import Base, Clock, UtcDateTime, utc_now
from signing.sm import SmError, sm4_gcm_decrypt, sm4_gcm_encrypt

SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 15, 8, 1
_NONCE = 12


class KeyEncryptionKey(Base):
    """How the key-encryption key is derived, and a value that shows whether a passphrase is right."""

    __tablename__ = "key_encryption_keys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    n: Mapped[int]
    r: Mapped[int]
    p: Mapped[int]
    proof: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class WrappedKey(Base):
    """A secret under the key-encryption key: nonce, ciphertext and tag in one."""

    __tablename__ = "wrapped_keys"

    purpose: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class KeyVault:
    """Wraps and unwraps secrets; holds the key-encryption key in memory for the life of the process."""

    def __init__(self, kek: bytes, clock: Clock = utc_now) -> None:
        self._kek = kek
        self._clock = clock

    @staticmethod
    def is_empty(session: Session) -> bool:
        """Whether no vault was ever begun in this database."""
        return session.scalar(select(KeyEncryptionKey.id)) is None

    @classmethod
    def create(cls, session: Session, passphrase: str, clock: Clock = utc_now) -> KeyVault:
        """Begin a vault in an empty database."""
        row, kek = _new_kek(passphrase, clock)
        session.add(row)
        session.flush()
        return cls(kek, clock)

    @classmethod
    def open(cls, session: Session, passphrase: str, clock: Clock = utc_now) -> KeyVault:
        """Open the vault of this database.

        Raises:
            SetupError: `store.no-vault`, or `store.passphrase-wrong`.
        """
        row = session.scalar(select(KeyEncryptionKey))
        if row is None:
            raise SetupError("store.no-vault")
        kek = _derive(passphrase, row.salt, row.n, row.r, row.p)
        try:
            _open(kek, "proof", row.id, row.proof)
        except SmError as error:
            raise SetupError("store.passphrase-wrong") from error
        return cls(kek, clock)

    def wrap(self, purpose: str, key_id: str, secret: bytes) -> bytes:
        """Nonce ‖ SM4-GCM ciphertext ‖ tag of `secret`, for a column of the caller's own."""
        return _seal(self._kek, purpose, key_id, secret)

    def unwrap(self, purpose: str, key_id: str, wrapped: bytes) -> bytes:
        """The secret again.

        Raises:
            SetupError: `store.key-damaged`: other key, purpose or id, or changed bytes.
        """
        try:
            return _open(self._kek, purpose, key_id, wrapped)
        except SmError as error:
            raise SetupError("store.key-damaged", purpose=purpose, key_id=key_id) from error

    def put(self, session: Session, purpose: str, key_id: str, secret: bytes) -> None:
        """Keep a secret in the table of wrapped keys."""
        wrapped = self.wrap(purpose, key_id, secret)
        session.add(WrappedKey(purpose=purpose, key_id=key_id, wrapped=wrapped, created_at=self._clock()))

    def get(self, session: Session, purpose: str, key_id: str) -> bytes:
        """A kept secret. Raises NotFound `store.key-missing`, SetupError `store.key-damaged`."""
        row = session.get(WrappedKey, (purpose, key_id))
        if row is None:
            raise NotFound("store.key-missing", purpose=purpose, key_id=key_id)
        return self.unwrap(purpose, key_id, row.wrapped)

    def delete(self, session: Session, purpose: str, key_id: str) -> None:
        """Forget a kept secret; no error when it is not there."""
        row = session.get(WrappedKey, (purpose, key_id))
        if row is not None:
            session.delete(row)

    def rotate(self, session: Session, passphrase: str) -> KeyVault:
        """Wrap every kept secret anew under a new passphrase, in the caller's one transaction.

        Secrets that a room wraps into columns of its own must be re-wrapped by that room, so rooms keep
        theirs by `put`.
        """
        row, kek = _new_kek(passphrase, self._clock)
        for wrapped in session.scalars(select(WrappedKey)):
            secret = self.unwrap(wrapped.purpose, wrapped.key_id, wrapped.wrapped)
            wrapped.wrapped = _seal(kek, wrapped.purpose, wrapped.key_id, secret)
        for old in session.scalars(select(KeyEncryptionKey)):
            session.delete(old)
        session.add(row)
        session.flush()
        return KeyVault(kek, self._clock)


def _new_kek(passphrase: str, clock: Clock) -> tuple[KeyEncryptionKey, bytes]:
    salt, identifier = secrets.token_bytes(16), secrets.token_hex(16)
    kek = _derive(passphrase, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P)
    row = KeyEncryptionKey(
        id=identifier,
        salt=salt,
        n=SCRYPT_N,
        r=SCRYPT_R,
        p=SCRYPT_P,
        proof=_seal(kek, "proof", identifier, b"penward"),
        created_at=clock(),
    )
    return row, kek


def _derive(passphrase: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(passphrase.encode(), salt=salt, n=n, r=r, p=p, maxmem=128 * n * r * 2, dklen=16)


def _aad(purpose: str, key_id: str) -> bytes:
    return f"penward-key-v1\x00{purpose}\x00{key_id}".encode()


def _seal(kek: bytes, purpose: str, key_id: str, secret: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + sm4_gcm_encrypt(kek, nonce, secret, _aad(purpose, key_id))


def _open(kek: bytes, purpose: str, key_id: str, wrapped: bytes) -> bytes:
    return sm4_gcm_decrypt(kek, wrapped[:_NONCE], wrapped[_NONCE:], _aad(purpose, key_id))
