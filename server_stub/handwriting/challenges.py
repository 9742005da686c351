"""Challenges: handed out for one signature of one document at one station, answered once, in time."""

from __future__ import annotations

import datetime as dt
import secrets

from sqlalchemy import delete
from sqlalchemy.orm import Session

from server_stub.errors import Conflict, Forbidden
from server_stub.handwriting.models import Challenge
from server_stub.handwriting.ports import Subject
from server_stub.store import Store
from signing.wire import CHALLENGE_BYTES

KEPT_FOR = dt.timedelta(days=30)
"""How long an expired challenge is remembered, so that a late package hears `expired` and not `unknown`."""


class Challenges:
    """Issues and checks challenges; both inside the caller's transaction."""

    def __init__(self, store: Store, lifetime: dt.timedelta) -> None:
        self._store = store
        self._lifetime = lifetime

    def issue(
        self,
        session: Session,
        subject: Subject,
        *,
        station_id: str,
        document_digest: bytes,
        until: dt.datetime,
    ) -> Challenge:
        """A fresh challenge, good for its lifetime but not beyond `until`."""
        now = self._store.clock()
        challenge = Challenge(
            value=secrets.token_bytes(CHALLENGE_BYTES).hex(),
            task_id=subject.task_id,
            signer_index=subject.signer_index,
            station_id=station_id,
            document_digest=document_digest.hex(),
            created_at=now,
            expires_at=min(now + self._lifetime, until),
            used_at=None,
        )
        session.add(challenge)
        return challenge

    def check(
        self,
        session: Session,
        value: bytes,
        *,
        task_id: str,
        station_id: str,
    ) -> Challenge:
        """The open challenge of this value.

        Raises:
            Forbidden: `handwriting.challenge-unknown`, `handwriting.challenge-foreign` (another task or
                station), `handwriting.challenge-expired`.
            Conflict: `handwriting.challenge-used`.
        """
        challenge = session.get(Challenge, value.hex())
        if challenge is None:
            raise Forbidden("handwriting.challenge-unknown", task=task_id)
        if (challenge.task_id, challenge.station_id) != (task_id, station_id):
            raise Forbidden("handwriting.challenge-foreign", task=task_id)
        if challenge.used_at is not None:
            raise Conflict("handwriting.challenge-used", task=task_id)
        if challenge.expires_at <= self._store.clock():
            raise Forbidden("handwriting.challenge-expired", task=task_id)
        return challenge

    def sweep(self, session: Session) -> None:
        """Forget unused challenges that expired long ago; used ones stay with their signature."""
        limit = self._store.clock() - KEPT_FOR
        session.execute(delete(Challenge).where(Challenge.used_at.is_(None), Challenge.expires_at < limit))
