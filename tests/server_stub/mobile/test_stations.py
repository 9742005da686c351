"""R26: stations see their own ward's tasks and nothing else; pushes reach them; the poll stands behind."""

from __future__ import annotations

import threading

import pytest
from starlette.websockets import WebSocketDisconnect

from server_stub.mobile import push, station_api
from server_stub.mobile.push import LOOK_SECONDS
from signing.wire import OFD_MEDIA_TYPE
from tests.conftest import ExpectedWarnings
from tests.support.documents import small_ofd
from tests.support.server import Server
from tests.support.station import API, StationClient, task_request

OTHER_WARD = "产科病区"
PUSH = "/station/push"


def test_wards_are_kept_apart(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A task of another ward is 404 by name on every route, and not in the list."""
    expected_warnings("penward.server", "mobile.task-not-here")
    expected_warnings("penward.handwriting", "package-of-another-station")
    expected_warnings("penward.server", "package-of-another-station")
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    elsewhere = server.station(OTHER_WARD)
    assert elsewhere.tasks() == []
    for method, path in (("GET", ""), ("GET", "/document"), ("GET", "/signed"), ("POST", "/challenge")):
        answer = elsewhere.call(method, f"/station/tasks/{made['id']}{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "mobile.task-not-here")
    here = server.station()
    challenge = here.challenge(made["id"])
    sealed = here.sealed(here.package(here.task(made["id"]), challenge), challenge)
    assert elsewhere.upload(made["id"], sealed).status_code == 403
    assert server.his.task(made["id"])["state"] == "signing"


def test_reading_the_list_acknowledges_the_push(server: Server) -> None:
    """A pending task becomes offered when a station of its ward has seen it."""
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    station = server.station()
    assert [(task.id, task.state.value) for task in station.tasks()] == [(made["id"], "offered")]
    assert server.his.task(made["id"])["state"] == "offered"
    assert server.audited(made["id"]) == ["task-created", "task-offered"]


@pytest.mark.parametrize("bend", ["wrong", "used", "expired", "missing"])
def test_enrolment_codes(server: Server, expected_warnings: ExpectedWarnings, bend: str) -> None:
    """A wrong, used or expired code is 401 by name, and audited."""
    import base64
    import datetime as dt
    import json

    from signing.sm import SM2PrivateKey

    codes = {
        "wrong": "auth.code-unknown",
        "used": "auth.code-used",
        "expired": "auth.code-expired",
        "missing": "auth.no-credentials",
    }
    expected_warnings("penward.", codes[bend])
    with server.core.store.database.write() as session:
        code = server.core.auth.make_enrolment_code(session, "外科一病区", valid=dt.timedelta(hours=1))
    if bend == "used":
        StationClient.enrol(server.http, code)
    if bend == "expired":
        server.clock.ahead = dt.timedelta(hours=2)
    body = {
        "code": "AAAAA-AAAAA-AAAAA-AAAAA" if bend == "wrong" else code,
        "name": "床旁三号",
        "public_key_b64": base64.b64encode(SM2PrivateKey.generate().public_key.spki).decode(),
    }
    if bend == "missing":
        del body["code"]
    answer = server.client.post(f"{API}/stations/enrol", content=json.dumps(body))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, codes[bend])
    assert server.audited()[-1] == "enrolment-refused"


def test_push(server: Server) -> None:
    """A ward's station is told of each change, without anything of the patient; another ward's is not."""
    station, elsewhere = server.station(), server.station(OTHER_WARD)
    headers = {"Authorization": station.authorization("GET", PUSH)}
    others = {"Authorization": elsewhere.authorization("GET", PUSH)}
    with (
        server.client.websocket_connect(API + PUSH, headers=headers) as socket,
        server.client.websocket_connect(API + PUSH, headers=others) as other_socket,
    ):
        made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
        assert socket.receive_json() == {"type": "task", "task_id": made["id"], "state": "pending"}
        station.sign(made["id"])
        states = [socket.receive_json()["state"] for _ in range(2)]
        assert states == ["signing", "signed"]
        other = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, ward=OTHER_WARD))
        assert other_socket.receive_json()["task_id"] == other["id"]


def test_pings_and_revocation(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent line is pinged; a station that was revoked meanwhile is sent away."""
    monkeypatch.setattr(station_api, "_PING_SECONDS", 0.1)
    station = server.station()
    headers = {"Authorization": station.authorization("GET", PUSH)}
    with server.client.websocket_connect(API + PUSH, headers=headers) as socket:
        assert socket.receive_json() == {"type": "ping"}
        with server.core.store.database.write() as session:
            server.core.auth.revoke_station(session, station.id)
        with pytest.raises(WebSocketDisconnect) as gone:
            for _ in range(100):
                assert socket.receive_json() == {"type": "ping"}
    assert gone.value.code == 4401


def test_a_revoked_station_hears_nothing_of_a_busy_ward(server: Server) -> None:
    """Revoked by another process: closed without a silence, and before any message of later."""
    station = server.station()
    headers = {"Authorization": station.authorization("GET", PUSH)}
    with server.client.websocket_connect(API + PUSH, headers=headers) as socket:
        with server.core.store.database.write() as session:
            server.core.auth.revoke_station(session, station.id)
        threading.Event().wait(2 * LOOK_SECONDS)
        server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
        with pytest.raises(WebSocketDisconnect) as gone:
            socket.receive_json()
    assert gone.value.code == 4401


def test_one_look_serves_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many stations ask, the database is asked once in `LOOK_SECONDS`."""
    now, looks = [100.0], list[float]()
    monkeypatch.setattr(push.time, "monotonic", lambda: now[0])

    def look() -> frozenset[str]:
        looks.append(now[0])
        return frozenset({"b"}) if len(looks) > 1 else frozenset()

    revocations = push.Revocations(look)
    assert not any(revocations.holds(station) for station in ("a", "b", "c"))
    assert looks == [100.0]
    now[0] += LOOK_SECONDS
    assert [revocations.holds(station) for station in ("a", "b", "c")] == [False, True, False]
    assert len(looks) == 2


def test_signed_documents_stay_where_they_were_signed(
    server: Server, expected_warnings: ExpectedWarnings
) -> None:
    """While signers wait the whole ward may read; afterwards the stations that signed, and nobody else."""
    expected_warnings("penward.server", "mobile.signed-elsewhere")
    signers = (("patient", "王小明"), ("family", "李永明"))
    fields = tuple(
        {"kind": "box", "page": 0, "x_mm": x, "y_mm": 220.0, "width_mm": 50.0, "height_mm": 20.0}
        for x in (20.0, 110.0)
    )
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, signers=signers, fields=fields))
    one, two, three = server.station(), server.station(), server.station()
    one.sign(made["id"])
    assert three.signed(made["id"]) == one.signed(made["id"]) == three.document(made["id"])
    two.sign(made["id"], seed=2)
    assert one.signed(made["id"]) == two.signed(made["id"]) == server.his.file(made["id"], "signed")
    for path in ("document", "signed"):
        answer = three.call("GET", f"/station/tasks/{made['id']}/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "mobile.signed-elsewhere")
    assert three.task(made["id"]).state == "signed"


def test_push_needs_a_station(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """The upgrade is refused without credentials, and with those of a request used before."""
    expected_warnings("penward.auth", "auth.no-credentials")
    expected_warnings("penward.auth", "store.nonce-replayed")
    with (
        pytest.raises((WebSocketDisconnect, Exception)) as refused,
        server.client.websocket_connect(API + PUSH),
    ):
        pass
    assert "401" in str(refused.value) or getattr(refused.value, "status_code", 401) == 401
    headers = {"Authorization": server.station().authorization("GET", PUSH)}
    with server.client.websocket_connect(API + PUSH, headers=headers):
        pass
    with pytest.raises(Exception), server.client.websocket_connect(API + PUSH, headers=headers):  # noqa: B017
        pass
    assert server.his.call("GET", "/tasks").status_code == 200


def test_a_his_is_no_station(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """Each side's routes are closed to the other."""
    expected_warnings("penward.server", "auth.station-only")
    expected_warnings("penward.server", "auth.his-only")
    answer = server.his.call("GET", "/station/tasks")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "auth.station-only")
    answer = server.station().call("GET", "/tasks")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "auth.his-only")
