"""Callers and stations that got into the tables past the audit log are found (protocol.md, Audit)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import update

from server_stub.app import build_rooms
from server_stub.auth.models import His, HisKey, StationRow
from server_stub.checks import examine_audit
from signing.sm import SM2PrivateKey
from tests.support.server import Server

NOW = dt.datetime(2026, 11, 22, 4, tzinfo=dt.UTC)


def findings(server: Server) -> set[tuple[str, str, str]]:
    report = examine_audit(server.core, build_rooms(server.core), [], None)
    return {
        (item.code, str(item.params.get("kind")), str(item.params.get("subject"))) for item in report.findings
    }


def enrolled(server: Server) -> str:
    """The id of a fresh station."""
    auth = server.core.auth
    with server.core.store.database.write() as session, SM2PrivateKey.generate() as key:
        code = auth.make_enrolment_code(session, "w", valid=dt.timedelta(hours=1))
        return auth.enrol(session, code=code, name="s", ward="w", spki=key.public_key.spki).id


def test_what_came_by_the_door_is_sound(server: Server) -> None:
    """The fixture's HIS, a station, a revoked key and a revoked station."""
    stations = [enrolled(server), enrolled(server)]
    with server.core.store.database.write() as session:
        made = server.core.auth.add_his(session, "检验")
        server.core.auth.revoke_his_key(session, made.key_id)
        server.core.auth.revoke_station(session, stations[0])
    assert findings(server) == set()


def test_rows_without_their_events_are_named(server: Server) -> None:
    known = enrolled(server)
    with server.core.store.database.write() as session:
        session.add(His(id="his-x", name="x", created_at=NOW))
        session.flush()
        session.add(HisKey(key_id="key-x", his_id="his-x", created_at=NOW, revoked_at=None))
        session.add(
            StationRow(
                id="station-x",
                name="x",
                ward="x",
                spki=b"x",
                certificate=b"x",
                last_counter=0,
                enrolled_at=NOW,
                revoked_at=None,
            )
        )
        session.execute(update(StationRow).where(StationRow.id == known).values(revoked_at=NOW))
    assert findings(server) == {
        ("store.audit-act-missing", "caller-added", "his-x"),
        ("store.audit-act-missing", "caller-key-added", "his-x"),
        ("store.audit-act-missing", "station-enrolled", "station-x"),
        ("store.audit-act-missing", "station-revoked", known),
    }
