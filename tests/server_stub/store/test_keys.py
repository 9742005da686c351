"""Keys at rest: bound to purpose and id, opened by the passphrase, wrapped anew as one (protocol.md)."""

from __future__ import annotations

import pytest

from server_stub.errors import NotFound, SetupError
from server_stub.store import Database, KeyVault
from server_stub.store.keys import WrappedKey

SECRET = b"s" * 32


@pytest.fixture
def vault(database: Database) -> KeyVault:
    with database.write() as session:
        vault = KeyVault.create(session, "first passphrase")
        vault.put(session, "tsa", "key-1", SECRET)
    return vault


def test_the_passphrase_opens_the_vault(database: Database, vault: KeyVault) -> None:
    with database.read() as session:
        assert KeyVault.open(session, "first passphrase").get(session, "tsa", "key-1") == SECRET
        row = session.get_one(WrappedKey, ("tsa", "key-1"))
    assert SECRET not in row.wrapped


def test_another_passphrase_does_not(database: Database, vault: KeyVault) -> None:
    with database.read() as session, pytest.raises(SetupError) as refused:
        KeyVault.open(session, "first passphrasE")
    assert refused.value.code == "store.passphrase-wrong"


def test_a_database_without_a_vault_is_told(database: Database) -> None:
    with database.read() as session, pytest.raises(SetupError) as refused:
        KeyVault.open(session, "x")
    assert refused.value.code == "store.no-vault"


def test_a_key_cannot_stand_in_for_another(database: Database, vault: KeyVault) -> None:
    """Purpose and id are additional data."""
    wrapped = vault.wrap("tsa", "key-1", SECRET)
    for purpose, key_id in (("his-hmac", "key-1"), ("tsa", "key-2")):
        with pytest.raises(SetupError) as refused:
            vault.unwrap(purpose, key_id, wrapped)
        assert refused.value.code == "store.key-damaged"


def test_a_changed_bit_is_noticed(vault: KeyVault) -> None:
    wrapped = bytearray(vault.wrap("tsa", "key-1", SECRET))
    for position in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[position] ^= 1
        with pytest.raises(SetupError):
            vault.unwrap("tsa", "key-1", bytes(changed))


def test_rotation_wraps_every_key_anew(database: Database, vault: KeyVault) -> None:
    with database.write() as session:
        fresh = vault.rotate(session, "second passphrase")
    with database.read() as session:
        assert fresh.get(session, "tsa", "key-1") == SECRET
        assert KeyVault.open(session, "second passphrase").get(session, "tsa", "key-1") == SECRET
        with pytest.raises(SetupError):
            KeyVault.open(session, "first passphrase")


def test_a_rotation_that_fails_changes_nothing(database: Database, vault: KeyVault) -> None:
    with pytest.raises(LookupError), database.write() as session:
        vault.rotate(session, "second passphrase")
        raise LookupError
    with database.read() as session:
        assert KeyVault.open(session, "first passphrase").get(session, "tsa", "key-1") == SECRET


def test_a_deleted_key_is_gone(database: Database, vault: KeyVault) -> None:
    with database.write() as session:
        vault.delete(session, "tsa", "key-1")
        vault.delete(session, "tsa", "key-1")
    with database.read() as session, pytest.raises(NotFound):
        vault.get(session, "tsa", "key-1")
