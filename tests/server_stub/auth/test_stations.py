"""Stations: enrolled once by a one-time code, known by their own SM2 key, counters that never go back."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server_stub.auth.api import AUDITED_REFUSALS_A_MINUTE
from server_stub.auth.schemas import EnrolRequest
from server_stub.errors import Conflict, NotFound
from signing.pki import Certificate, Usage, validate_path
from signing.sm import SM2PrivateKey
from signing.verdict import Outcome
from signing.wire import Checkpoint, verify_checkpoint
from tests.conftest import ExpectedWarnings
from tests.support.server import WARD, Server
from tests.support.station import Answer

ENROL = "/api/v1/stations/enrol"


def code(server: Server, *, hours: int = 1, ward: str = WARD) -> str:
    with server.core.store.database.write() as session:
        return server.core.auth.make_enrolment_code(session, ward, valid=dt.timedelta(hours=hours))


def enrol(server: Server, code: str, *, spki: bytes | None = None, **more: Any) -> Answer:
    key = SM2PrivateKey.generate()
    body = {
        "code": code,
        "name": "床旁一号",
        "ward": WARD,
        "public_key_b64": base64.b64encode(spki or key.public_key.spki).decode(),
    } | more
    return server.client.post(ENROL, content=json.dumps(body).encode())


def outcome(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_station_gets_all_it_needs(server: Server) -> None:
    """Roots to pin, the encryption certificate with its path, its own certificate, a signed checkpoint."""
    answer = enrol(server, code(server))
    assert answer.status_code == 201, answer.content
    reply = answer.json()
    hospital = server.core.hospital
    roots = [Certificate.from_pem(pem) for pem in reply["hospital_root_pem"]]
    assert tuple(roots) == hospital.anchors
    encryption = [Certificate.from_der(base64.b64decode(der)) for der in reply["encryption_chain_b64"]]
    assert encryption[0].der == base64.b64decode(reply["encryption_certificate_b64"])
    now = dt.datetime.now(dt.UTC)
    own = Certificate.from_der(base64.b64decode(reply["station_certificate_b64"]))
    for certificate, chain, usage in (
        (encryption[0], encryption[1:], Usage.ENCRYPTION),
        (own, hospital.issued_chain, Usage.STATION),
    ):
        result = validate_path(certificate, chain, roots, at=now, usage=usage)
        assert all(check.outcome <= Outcome.NOTE for check in result.checks), result.checks
    server_certificate = Certificate.from_der(base64.b64decode(reply["server_certificate_b64"]))
    verify_checkpoint(Checkpoint.from_dict(reply["checkpoint"]), server_certificate.public_key)
    assert server.audited(reply["station_id"]) == ["station-enrolled"]
    with server.core.store.database.read() as session:
        (station,) = server.core.auth.stations(session, WARD)
        assert station.id == reply["station_id"]
        assert server.core.auth.stations(session, "别的病区") == []


def test_a_code_works_once(server: Server, expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.server", "auth.code-used")
    one = code(server)
    assert enrol(server, one).status_code == 201
    assert outcome(enrol(server, one)) == (401, "auth.code-used")


def test_a_code_is_read_as_people_type_it(server: Server) -> None:
    assert enrol(server, code(server).lower().replace("-", " ")).status_code == 201


def test_a_code_expires(server: Server, expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.server", "auth.code-expired")
    one = code(server, hours=1)
    server.clock.ahead = dt.timedelta(hours=2)
    assert outcome(enrol(server, one)) == (401, "auth.code-expired")


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b'"x"', b'{"code": 5}', b'{"code": ""}', b"\xff\xfe", b"[" * 5000]
)
def test_without_a_code_there_is_nothing_but_401(
    server: Server, expected_warnings: ExpectedWarnings, body: bytes
) -> None:
    expected_warnings("penward.server", "auth.no-credentials")
    assert outcome(server.client.post(ENROL, content=body)) == (401, "auth.no-credentials")


def test_a_guessed_code_is_refused_before_anything_else_is_looked_at(
    server: Server, expected_warnings: ExpectedWarnings
) -> None:
    expected_warnings("penward.server", "auth.code-unknown")
    assert outcome(enrol(server, "AAAAA-AAAAA-AAAAA-AAAAA", name="")) == (401, "auth.code-unknown")


def test_a_code_is_for_its_ward(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A refused enrolment does not use the code up."""
    expected_warnings("penward.server", "auth.ward-differs")
    one = code(server)
    assert outcome(enrol(server, one, ward="别的病区")) == (403, "auth.ward-differs")
    assert enrol(server, one, ward="").status_code == 201


def test_only_an_sm2_key_is_certified_and_only_once(
    server: Server, expected_warnings: ExpectedWarnings
) -> None:
    expected_warnings("penward.server", "auth.station-key-wrong")
    expected_warnings("penward.server", "auth.station-key-known")
    one = code(server)
    p256 = server.core.hospital.certificate("tls").spki_der
    assert outcome(enrol(server, one, spki=p256)) == (422, "auth.station-key-wrong")
    assert outcome(enrol(server, one, spki=b"\x30\x00")) == (422, "auth.station-key-wrong")
    spki = SM2PrivateKey.generate().public_key.spki
    assert enrol(server, one, spki=spki).status_code == 201
    assert outcome(enrol(server, code(server), spki=spki)) == (409, "auth.station-key-known")


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "x" * 101}, {"name": "a\nb"}, {"public_key_b64": "!"}, {"extra": 1}, {"ward": 5}],
)
def test_a_wrong_field_is_named(
    server: Server, expected_warnings: ExpectedWarnings, wrong: dict[str, object]
) -> None:
    expected_warnings("penward.server", "server.request-wrong")
    answer = enrol(server, code(server), **wrong)
    assert outcome(answer) == (422, "server.request-wrong")
    assert next(iter(wrong)) in answer.json()["error"]["message_en"]


def test_a_revoked_station_is_refused(server: Server, expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.auth", "auth.station-revoked")
    station = server.station()
    assert station.call("GET", "/station/tasks").status_code == 200
    with server.core.store.database.write() as session:
        server.core.auth.revoke_station(session, station.id)
        with pytest.raises(NotFound):
            server.core.auth.revoke_station(session, station.id)
        with pytest.raises(NotFound):
            server.core.auth.find_station(session, station.id)
    assert outcome(station.call("GET", "/station/tasks")) == (401, "auth.station-revoked")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-1, 1 << 63), min_size=1, max_size=12))
def test_counters_only_rise(made_counter: tuple[Server, str], counters: list[int]) -> None:
    """Against the rule in one line: taken when above every one taken before."""
    server, station_id = made_counter
    auth, database = server.core.auth, server.core.store.database
    highest = 0
    with database.write() as session:
        from server_stub.auth.models import StationRow

        session.get_one(StationRow, station_id).last_counter = 0
    for counter in counters:
        expected = highest < counter < 1 << 63
        try:
            with database.write() as session:
                auth.advance_counter(session, station_id, counter)
            taken = True
        except Conflict as refused:
            assert refused.code == "auth.counter-gone-back"
            taken = False
        assert taken == expected
        highest = max(highest, counter) if taken else highest


@pytest.fixture(scope="module")
def made_counter(made_hospital: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with one station, for all examples."""
    import shutil

    from tests.support.server import running

    folder = tmp_path_factory.mktemp("counter") / "hospital"
    shutil.copytree(made_hospital, folder)
    with running(folder) as server:
        yield server, server.station().id


@given(st.dictionaries(st.text(max_size=12), st.one_of(st.none(), st.integers(), st.text(max_size=40))))
def test_the_request_parser_raises_nothing_else(content: dict[str, Any]) -> None:
    """Only pydantic's own error escapes."""
    from pydantic import ValidationError

    with contextlib.suppress(ValidationError):
        EnrolRequest.model_validate(content)


def test_a_flood_of_guesses_cannot_fill_the_audit_log(
    server: Server, expected_warnings: ExpectedWarnings
) -> None:
    """Every guess is refused and logged; the chain keeps a bounded number of them a minute."""
    expected_warnings("penward.server", "auth.code-unknown")
    for _ in range(AUDITED_REFUSALS_A_MINUTE + 5):
        assert enrol(server, "AAAAA-AAAAA-AAAAA-AAAAA").status_code == 401
    assert server.audited().count("enrolment-refused") == AUDITED_REFUSALS_A_MINUTE
