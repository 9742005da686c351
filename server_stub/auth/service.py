"""Knows callers: HIS by HMAC-SM3, stations by SM2; enrols stations; keeps their counters (`protocol.md`)."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server_stub.auth.models import EnrolmentCode, His, HisKey, StationRow
from server_stub.errors import Conflict, Forbidden, NotFound, Unauthenticated, Unprocessable
from server_stub.store import AuditKind, KeyVault, Store, new_id
from signing.sm import SM2PublicKey, SmError, sm3
from signing.wire import (
    SCHEME_HMAC,
    WINDOW,
    Authorization,
    Request,
    WireError,
    parse_authorization,
    parse_time,
    verify_request_hmac,
    verify_request_sm2,
)

log = logging.getLogger("penward.auth")

SECRET_PURPOSE = "his-hmac"  # noqa: S105 the purpose of a wrapped key, not a secret
LIVE_KEYS = 2
CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 20
MAX_COUNTER = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Station:
    """An enrolled station; `spki` and `certificate` are DER."""

    id: str
    name: str
    ward: str
    spki: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, proven. `request_digest` is 64 hex over method, path, query and body."""

    kind: str
    id: str
    name: str
    key_id: str
    request_digest: str
    idempotency_key: str
    station: Station | None = None

    @property
    def actor(self) -> str:
        """How the audit chain names this caller."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class HisSecret:
    """A HIS key as it is shown once: the id, and 32 secret bytes."""

    his_id: str
    key_id: str
    secret: bytes


class StationIssuer(Protocol):
    """Whoever issues station certificates (`ca`)."""

    def issue_station_certificate(
        self, session: Session, *, spki: bytes, name: str, station_id: str
    ) -> bytes:
        """A certificate (DER) for the station's own key, recorded in the given transaction."""


class AuthService:
    """Callers and stations; every method that takes a session works in that transaction."""

    def __init__(self, store: Store, vault: KeyVault, issuer: StationIssuer) -> None:
        self._store = store
        self._vault = vault
        self._issuer = issuer

    # who is it

    def known_key(self, header: str) -> Authorization:
        """Parse an Authorization header: its key is live, its time in the window, before any body is read.

        Raises:
            Unauthenticated: `auth.header-wrong`, `auth.unknown-caller`, `auth.station-revoked`,
                `auth.key-revoked`, `auth.time-outside-window`, `store.nonce-replayed`.
        """
        try:
            authorization = parse_authorization(header)
        except WireError as error:
            raise Unauthenticated("auth.header-wrong", reason=error.code) from error
        now = self._store.clock()
        with self._store.database.read() as session:
            found = self._look_up(session, authorization)
            if abs(parse_time(authorization.time) - now) > WINDOW:
                name = (
                    found.name if isinstance(found, StationRow) else session.get_one(His, found.his_id).name
                )
                raise Unauthenticated("auth.time-outside-window", caller=name)
            self._store.nonces.refuse_used(session, authorization.key_id, authorization.nonce)
        return authorization

    def authenticate(self, authorization: Authorization, request: Request) -> Caller:
        """Check signature, time and nonce; the nonce is used up when this returns.

        Raises:
            Unauthenticated: `auth.signature-wrong`, `auth.time-outside-window`, `store.nonce-replayed`, or as
                `known_key`.
        """
        now = self._store.clock()
        with self._store.database.read() as session:
            found = self._look_up(session, authorization)
            if isinstance(found, HisKey):
                keys = [self._vault.get(session, SECRET_PURPOSE, found.key_id)]
                his = session.get_one(His, found.his_id)
                caller_id, name, kind, station = his.id, his.name, "his", None
            else:
                station = _station(found)
                caller_id, name, kind = found.id, found.name, "station"
        try:
            if station is None:
                verify_request_hmac(authorization, request, secrets=keys, now=now)
            else:
                public_key = SM2PublicKey.from_spki(station.spki)
                verify_request_sm2(authorization, request, public_key=public_key, now=now)
        except WireError as error:
            known = {"wire.time-outside-window": "auth.time-outside-window"}
            code = known.get(error.code, "auth.signature-wrong")
            raise Unauthenticated(code, caller=name) from error
        with self._store.database.write() as session:
            expires_at = now + 2 * WINDOW
            self._store.nonces.use(session, authorization.key_id, authorization.nonce, expires_at=expires_at)
        return Caller(
            kind=kind,
            id=caller_id,
            name=name,
            key_id=authorization.key_id,
            request_digest=request_digest(request),
            idempotency_key=request.idempotency_key,
            station=station,
        )

    def _look_up(self, session: Session, authorization: Authorization) -> HisKey | StationRow:
        if authorization.scheme == SCHEME_HMAC:
            key = session.get(HisKey, authorization.key_id)
            if key is None:
                raise Unauthenticated("auth.unknown-caller", key_id=authorization.key_id)
            if key.revoked_at is not None:
                raise Unauthenticated("auth.key-revoked", key_id=authorization.key_id)
            return key
        station = session.get(StationRow, authorization.key_id)
        if station is None:
            raise Unauthenticated("auth.unknown-caller", key_id=authorization.key_id)
        if station.revoked_at is not None:
            raise Unauthenticated("auth.station-revoked", station=station.name)
        return station

    # HIS

    def add_his(self, session: Session, name: str) -> HisSecret:
        """Make a HIS known and give it its first key.

        Raises:
            Conflict: `auth.his-exists`.
        """
        if session.scalar(select(His).where(His.name == name)) is not None:
            raise Conflict("auth.his-exists", name=name)
        his = His(id=new_id("his"), name=name, created_at=self._store.clock())
        session.add(his)
        session.flush()
        self._store.audit.append(session, AuditKind.CALLER_ADDED, subject=his.id, actor="admin")
        return self.add_his_key(session, his.id)

    def add_his_key(self, session: Session, his_id: str) -> HisSecret:
        """A further key for a HIS, so that keys can be changed without a pause; two may live at a time.

        Raises:
            NotFound: `auth.no-such-his`. Conflict: `auth.too-many-keys`.
        """
        if session.get(His, his_id) is None:
            raise NotFound("auth.no-such-his", his=his_id)
        live = session.scalar(
            select(func.count())
            .select_from(HisKey)
            .where(HisKey.his_id == his_id, HisKey.revoked_at.is_(None))
        )
        if (live or 0) >= LIVE_KEYS:
            raise Conflict("auth.too-many-keys", limit=LIVE_KEYS)
        key_id, secret = new_id("key"), secrets.token_bytes(32)
        session.add(HisKey(key_id=key_id, his_id=his_id, created_at=self._store.clock(), revoked_at=None))
        self._vault.put(session, SECRET_PURPOSE, key_id, secret)
        self._store.audit.append(
            session, AuditKind.CALLER_KEY_ADDED, subject=his_id, actor="admin", data={"key": key_id}
        )
        return HisSecret(his_id, key_id, secret)

    def revoke_his_key(self, session: Session, key_id: str) -> None:
        """End a key at once and forget its secret. Raises NotFound `auth.no-such-key`."""
        key = session.get(HisKey, key_id)
        if key is None or key.revoked_at is not None:
            raise NotFound("auth.no-such-key", key_id=key_id)
        key.revoked_at = self._store.clock()
        self._vault.delete(session, SECRET_PURPOSE, key_id)
        self._store.audit.append(
            session, AuditKind.CALLER_KEY_REVOKED, subject=key.his_id, actor="admin", data={"key": key_id}
        )

    def find_his(self, session: Session, name: str) -> str:
        """The id of the HIS of this name. Raises NotFound `auth.no-such-his`."""
        found = session.scalar(select(His.id).where(His.name == name))
        if found is None:
            raise NotFound("auth.no-such-his", his=name)
        return found

    def callback_key(self, session: Session, his_id: str) -> HisSecret:
        """The newest live key of a HIS, to sign a callback with. Raises NotFound `auth.no-such-key`."""
        key = session.scalar(
            select(HisKey)
            .where(HisKey.his_id == his_id, HisKey.revoked_at.is_(None))
            .order_by(HisKey.created_at.desc(), HisKey.key_id.desc())
            .limit(1)
        )
        if key is None:
            raise NotFound("auth.no-such-key", key_id=his_id)
        return HisSecret(his_id, key.key_id, self._vault.get(session, SECRET_PURPOSE, key.key_id))

    # stations

    def make_enrolment_code(self, session: Session, ward: str, *, valid: dt.timedelta) -> str:
        """A one-time code of 20 letters and digits (100 bits), kept only as its digest."""
        code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
        now = self._store.clock()
        session.add(
            EnrolmentCode(
                digest=_code_digest(code),
                ward=ward,
                created_at=now,
                expires_at=now + valid,
                used_at=None,
                station_id=None,
            )
        )
        self._store.audit.append(
            session,
            AuditKind.ENROLMENT_CODE_MADE,
            actor="admin",
            data={"ward": ward, "code": _code_digest(code)[:16]},
        )
        return "-".join(code[start : start + 5] for start in range(0, CODE_LENGTH, 5))

    def check_code(self, session: Session, code: str) -> EnrolmentCode:
        """The row of a code that may still be used.

        Raises:
            Unauthenticated: `auth.code-unknown`, `auth.code-used`, `auth.code-expired`.
        """
        row = session.get(EnrolmentCode, _code_digest(code))
        if row is None:
            raise Unauthenticated("auth.code-unknown")
        if row.used_at is not None:
            raise Unauthenticated("auth.code-used")
        if row.expires_at < self._store.clock():
            raise Unauthenticated("auth.code-expired")
        return row

    def enrol(self, session: Session, *, code: str, name: str, ward: str, spki: bytes) -> Station:
        """Use up a code and certify the station's own SM2 key (SubjectPublicKeyInfo, DER).

        The ward is the code's; a `ward` that differs is refused.

        Raises:
            Unauthenticated: as `check_code`. Forbidden: `auth.ward-differs`.
            Unprocessable: `auth.station-key-wrong`. Conflict: `auth.station-key-known`.
        """
        row = self.check_code(session, code)
        if ward and ward != row.ward:
            raise Forbidden("auth.ward-differs", ward=row.ward)
        try:
            SM2PublicKey.from_spki(spki)
        except SmError as error:
            raise Unprocessable("auth.station-key-wrong") from error
        now = self._store.clock()
        station_id = new_id("station")
        used = session.execute(
            update(EnrolmentCode)
            .where(EnrolmentCode.digest == row.digest, EnrolmentCode.used_at.is_(None))
            .values(used_at=now, station_id=station_id)
        )
        if getattr(used, "rowcount", 0) != 1:
            raise Unauthenticated("auth.code-used")
        certificate = self._issuer.issue_station_certificate(
            session, spki=spki, name=name, station_id=station_id
        )
        station = StationRow(
            id=station_id,
            name=name,
            ward=row.ward,
            spki=spki,
            certificate=certificate,
            last_counter=0,
            enrolled_at=now,
            revoked_at=None,
        )
        try:
            with session.begin_nested():
                session.add(station)
        except IntegrityError as error:
            raise Conflict("auth.station-key-known") from error
        self._store.audit.append(
            session,
            AuditKind.STATION_ENROLLED,
            subject=station_id,
            actor="enrolment",
            data={"ward": row.ward},
        )
        return _station(station)

    def revoke_station(self, session: Session, station_id: str) -> None:
        """Refuse a station from now on. Raises NotFound `auth.no-such-station`."""
        station = session.get(StationRow, station_id)
        if station is None or station.revoked_at is not None:
            raise NotFound("auth.no-such-station", station=station_id)
        station.revoked_at = self._store.clock()
        self._store.audit.append(session, AuditKind.STATION_REVOKED, subject=station_id, actor="admin")

    def stations(self, session: Session, ward: str | None = None) -> Sequence[Station]:
        """Enrolled stations, of one ward or of all."""
        query = select(StationRow).where(StationRow.revoked_at.is_(None)).order_by(StationRow.id)
        if ward is not None:
            query = query.where(StationRow.ward == ward)
        return [_station(row) for row in session.scalars(query)]

    def revoked_stations(self, session: Session) -> frozenset[str]:
        """The ids of all stations that were refused for good."""
        return frozenset(session.scalars(select(StationRow.id).where(StationRow.revoked_at.is_not(None))))

    def find_station(self, session: Session, station_id: str) -> Station:
        """A live station by its id. Raises NotFound `auth.no-such-station`."""
        row = session.get(StationRow, station_id)
        if row is None or row.revoked_at is not None:
            raise NotFound("auth.no-such-station", station=station_id)
        return _station(row)

    def last_counter(self, session: Session, station_id: str) -> int:
        """The highest package counter that a station has used. Raises NotFound `auth.no-such-station`."""
        counter = session.scalar(select(StationRow.last_counter).where(StationRow.id == station_id))
        if counter is None:
            raise NotFound("auth.no-such-station", station=station_id)
        return counter

    def acts(self, session: Session) -> list[tuple[AuditKind, str]]:
        """Every HIS, station and revocation on record, each of which must have its audit event."""
        made = [(AuditKind.CALLER_ADDED, his) for his in session.scalars(select(His.id))]
        keys = session.execute(select(HisKey.his_id, HisKey.revoked_at)).all()
        made += [(AuditKind.CALLER_KEY_ADDED, his) for his, _ in keys]
        made += [(AuditKind.CALLER_KEY_REVOKED, his) for his, revoked_at in keys if revoked_at is not None]
        stations = session.execute(select(StationRow.id, StationRow.revoked_at)).all()
        made += [(AuditKind.STATION_ENROLLED, station) for station, _ in stations]
        made += [(AuditKind.STATION_REVOKED, station) for station, ended in stations if ended is not None]
        return made

    def advance_counter(self, session: Session, station_id: str, counter: int) -> None:
        """Take a package's counter, which must be higher than any before it.

        Raises:
            Conflict: `auth.counter-gone-back`: a second branch from one counter, or an old package.
        """
        if not 0 < counter <= MAX_COUNTER:
            raise Conflict("auth.counter-gone-back", counter=counter)
        changed = session.execute(
            update(StationRow)
            .where(StationRow.id == station_id, StationRow.last_counter < counter)
            .values(last_counter=counter)
        )
        if getattr(changed, "rowcount", 0) != 1:
            raise Conflict("auth.counter-gone-back", counter=counter)


def request_digest(request: Request) -> str:
    """64 hex over method, path, sorted query and body: what an idempotency key is bound to."""
    query = "\n".join(f"{name}={value}" for name, value in sorted(request.query))
    head = f"{request.method}\n{request.path}\n{query}\n{sm3(request.body).hex()}\n"
    return sm3(head.encode("utf-8", "surrogatepass")).hex()


def _code_digest(code: str) -> str:
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    return sm3(b"penward-enrolment-code\n" + plain.encode()).hex()


def _station(row: StationRow) -> Station:
    return Station(row.id, row.name, row.ward, row.spki, row.certificate)
