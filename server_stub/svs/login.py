"""Certificate login for other systems: user's key and server prove themselves to each other (GM/T 0067).

The state between the two steps travels in `login_id`, sealed under a key of the hospital, so that any node
of a cluster can end what another began; each is good once, for two minutes, for the caller who asked.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import secrets
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server_stub.errors import NotFound, Unauthenticated, Unprocessable
from server_stub.store import AuditKind, KeyVault, Store
from server_stub.svs.codes import Reply
from server_stub.svs.digests import signature_bytes
from server_stub.svs.errors import SvsFault
from server_stub.svs.trust import CHAIN, CRL, Trust
from signing.pki import Certificate, Signer
from signing.sm import SmError, sm4_gcm_decrypt, sm4_gcm_encrypt

PURPOSE, KEY_ID = "svs-login", "state"
RANDOM = 32
GOOD_FOR = dt.timedelta(minutes=2)
SERVER_LABEL, USER_LABEL = b"penward-login-server-1\n", b"penward-login-user-1\n"
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Challenge:
    """The first answer: the server's random number, and its signature over both."""

    login_id: bytes
    server_random: bytes
    signature: bytes
    certificate: Certificate
    chain: tuple[Certificate, ...]
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who has proven to hold the key."""

    certificate: Certificate
    revocation_checked: bool
    at: dt.datetime


class CertificateLogin:
    """Two steps: `begin` with the user's certificate, `finish` with the user's signature."""

    def __init__(
        self,
        store: Store,
        vault: KeyVault,
        trust: Trust,
        *,
        signer: Signer,
        certificate: Certificate,
        chain: tuple[Certificate, ...],
    ) -> None:
        self._store = store
        self._vault = vault
        self._trust = trust
        self._signer = signer
        self._certificate = certificate
        self._chain = chain
        self._key: bytes | None = None

    def begin(self, caller: str, certificate: bytes, client_random: bytes) -> Challenge:
        """Check the certificate's time and chain; sign the client's random number and our own.

        Raises:
            SvsFault: those of `Trust.check`. Unprocessable: `svs.login-random`.
        """
        if len(client_random) != RANDOM:
            raise Unprocessable("svs.login-random", size=RANDOM)
        user = self._trust.check(certificate, CHAIN)
        server_random = secrets.token_bytes(RANDOM)
        expires_at = self._store.clock().replace(microsecond=0) + GOOD_FOR
        state = {
            "caller": caller,
            "certificate": user.der.hex(),
            "client": client_random.hex(),
            "server": server_random.hex(),
            "until": int(expires_at.timestamp()),
        }
        nonce = secrets.token_bytes(_NONCE)
        login_id = nonce + sm4_gcm_encrypt(self._state_key(), nonce, json.dumps(state).encode(), SERVER_LABEL)
        proof = self._signer.sign(SERVER_LABEL + client_random + server_random + user.fingerprint_sm3)
        return Challenge(login_id, server_random, proof, self._certificate, self._chain, expires_at)

    def finish(self, caller: str, login_id: bytes, signature: bytes) -> LoggedIn:
        """Check the user's signature over both random numbers; use the login up.

        Revocation is looked up where a CRL is at hand; `revocation_checked` says whether it was.

        Raises:
            Unauthenticated: `svs.login-unknown` not ours, another caller's, or past; `svs.login-used`;
                `svs.login-signature`. SvsFault: those of `Trust.check`.
        """
        try:
            opened = sm4_gcm_decrypt(self._state_key(), login_id[:_NONCE], login_id[_NONCE:], SERVER_LABEL)
        except SmError:
            raise Unauthenticated("svs.login-unknown") from None
        state = json.loads(opened)
        now = self._store.clock()
        if state["caller"] != caller or state["until"] < now.timestamp():
            raise Unauthenticated("svs.login-unknown")
        data = bytes.fromhex(state["certificate"])
        checked = True
        try:
            user = self._trust.check(data, CRL)
        except SvsFault as fault:
            if fault.reply is not Reply.CRL_NOT_FOUND:
                raise
            checked, user = False, self._trust.check(data, CHAIN)
        with self._store.database.write() as session:
            # the state is used up by any answer, so that no signature can be tried twice
            self._use(session, login_id, dt.datetime.fromtimestamp(state["until"], dt.UTC))
        message = user_message(bytes.fromhex(state["client"]), bytes.fromhex(state["server"]))
        if not user.public_key.verify(signature_bytes(user.public_key, signature), message):
            raise Unauthenticated("svs.login-signature")
        with self._store.database.write() as session:
            self._store.audit.append(
                session,
                AuditKind.CERTIFICATE_LOGIN,
                subject=f"{user.serial:x}",
                actor=caller,
                data={"sm3": user.fingerprint_sm3.hex()},
            )
        return LoggedIn(user, checked, now)

    def _use(self, session: Session, login_id: bytes, until: dt.datetime) -> None:
        try:
            self._store.nonces.use(session, PURPOSE, login_id[:_NONCE].hex(), expires_at=until)
        except Unauthenticated:
            raise Unauthenticated("svs.login-used") from None

    def _state_key(self) -> bytes:
        """The key of the states, made at the first login of a hospital; of two makers the first wins."""
        if self._key is None:
            try:
                with self._store.database.read() as session:
                    self._key = self._vault.get(session, PURPOSE, KEY_ID)
            except NotFound:
                with (
                    contextlib.suppress(IntegrityError),  # another process was first
                    self._store.database.write() as session,
                ):
                    self._vault.put(session, PURPOSE, KEY_ID, secrets.token_bytes(16))
                with self._store.database.read() as session:
                    self._key = self._vault.get(session, PURPOSE, KEY_ID)
        return self._key


def user_message(client_random: bytes, server_random: bytes) -> bytes:
    """What the user's key signs."""
    return USER_LABEL + server_random + client_random
