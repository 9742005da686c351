"""R26: tasks at the HIS's API: made once, read, listed, ended; wrong documents get one sentence."""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server_stub.mobile.service import Prepared, TaskService
from signing.wire import OFD_MEDIA_TYPE, PDF_MEDIA_TYPE, TaskRequest
from tests.conftest import ExpectedWarnings
from tests.support.documents import KEYWORD, PDF_KEYWORD, small_ofd, small_pdf
from tests.support.server import Server, running
from tests.support.station import Answer, HisClient, task_request

OTHER_WARD = "产科病区"


def code_of(answer: Answer) -> str:
    """The error's code, after a look at its form."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "message_en"}
    assert error["message"].endswith(f"（{error['code']}）")
    assert error["code"] not in error["message"].removesuffix(f"（{error['code']}）"), "a sentence is missing"
    return str(error["code"])


def post(server: Server, request: dict[str, Any], *, key: str | None = None) -> Answer:
    """POST /tasks."""
    return server.his.call("POST", "/tasks", json.dumps(request).encode(), key=key)


def test_a_task_is_made_and_read(server: Server) -> None:
    """What the contract promises is in the answer, and the same when it is read."""
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    assert made["state"] == "pending"
    assert made["document"]["pages"] == 1
    assert made["signers"][0]["field"] == {
        "page": 0,
        "x_mm": 50.0,
        "y_mm": 190.0,
        "width_mm": 60.0,
        "height_mm": 25.0,
    }
    assert server.his.task(made["id"]) == made
    assert server.audited(made["id"]) == ["task-created"]


@pytest.mark.parametrize(
    ("media_type", "keyword"), [(OFD_MEDIA_TYPE, KEYWORD), (PDF_MEDIA_TYPE, PDF_KEYWORD)]
)
def test_a_field_by_keyword(server: Server, media_type: str, keyword: str) -> None:
    """The box begins at the keyword's right edge, centred on its height, moved by the offset."""
    document = small_ofd() if media_type == OFD_MEDIA_TYPE else small_pdf(pages=2)
    field = {"kind": "keyword", "keyword": keyword, "width_mm": 40.0, "height_mm": 20.0, "dx_mm": 3.0}
    made = server.his.create(task_request(document, media_type, fields=(field,)))
    box = made["signers"][0]["field"]
    assert box["page"] == (0 if media_type == OFD_MEDIA_TYPE else 1)
    assert (box["width_mm"], box["height_mm"]) == (40.0, 20.0)
    assert box["y_mm"] + 10 == pytest.approx(198, abs=4)
    assert box["x_mm"] == pytest.approx(48 if media_type == OFD_MEDIA_TYPE else 44, abs=4)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ({"kind": "keyword", "keyword": "没有这个词"}, "mobile.keyword-not-found"),
        ({"kind": "keyword", "keyword": KEYWORD, "nth": 2}, "mobile.keyword-not-so-often"),
        ({"kind": "keyword", "keyword": KEYWORD, "dx_mm": 150.0}, "mobile.box-off-page"),
        ({"kind": "box", "page": 1, "x_mm": 1.0, "y_mm": 1.0}, "mobile.page-out-of-range"),
        ({"kind": "box", "page": 0, "x_mm": 190.0, "y_mm": 1.0}, "mobile.box-off-page"),
        ({"kind": "circle", "page": 0}, "wire.field-not-allowed"),
    ],
)
def test_a_field_that_leads_nowhere(
    server: Server, expected_warnings: ExpectedWarnings, field: dict[str, Any], code: str
) -> None:
    """A clear 4xx names what is wrong with the place; no task is made."""
    expected_warnings("penward.server", code)
    field = {"width_mm": 40.0, "height_mm": 20.0, **field}
    answer = post(server, task_request(small_ofd(), OFD_MEDIA_TYPE, fields=(field,)))
    assert (answer.status_code, code_of(answer)) == (422, code)
    assert server.his.call("GET", "/tasks").json() == []


def _zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>
<ofd:OFD xmlns:ofd="http://www.ofdspec.org/2016">&c;</ofd:OFD>"""
NO_PAGES = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \n"
    b"trailer<</Size 3/Root 1 0 R>>\nstartxref\n100\n%%EOF\n"
)


@pytest.mark.parametrize(
    ("name", "document", "media_type"),
    [
        ("empty", b"", OFD_MEDIA_TYPE),
        ("text", b"hello", PDF_MEDIA_TYPE),
        ("not as declared", small_ofd(), PDF_MEDIA_TYPE),
        ("zip bomb", _zip({"OFD.xml": b"<a/>", "big": bytes(300 << 20)}), OFD_MEDIA_TYPE),
        ("entities", _zip({"OFD.xml": ENTITIES}), OFD_MEDIA_TYPE),
        ("a ZIP that is no OFD", _zip({"a.txt": b"a"}), OFD_MEDIA_TYPE),
        ("half a file", small_ofd()[:900], OFD_MEDIA_TYPE),
        ("PDF without pages", NO_PAGES, PDF_MEDIA_TYPE),
        ("half a PDF", small_pdf()[:400], PDF_MEDIA_TYPE),
    ],
)
def test_a_wrong_document(
    server: Server, expected_warnings: ExpectedWarnings, name: str, document: bytes, media_type: str
) -> None:
    """One clear sentence and a 4xx, never a 500."""
    expected_warnings("penward.server", ".")
    answer = post(server, task_request(document, media_type))
    assert 400 <= answer.status_code < 500, answer.content
    assert code_of(answer).split(".")[0] in {"mobile", "ofd", "ofdsign", "pdf", "wire"}, answer.content
    assert server.his.call("GET", "/tasks").json() == []


def test_a_document_above_the_limit(
    hospital: Path, monkeypatch: pytest.MonkeyPatch, expected_warnings: ExpectedWarnings
) -> None:
    """A document above the hospital's limit is 413, and so is a body above the endpoint's."""
    expected_warnings("penward.server", "mobile.document-too-large")
    expected_warnings("penward.auth", "server.body-too-large")
    monkeypatch.setenv("PENWARD_DOCUMENT_LIMIT", "5000")
    monkeypatch.setenv("PENWARD_TASK_REQUEST_LIMIT", "20000")
    with running(hospital) as server:
        answer = post(server, task_request(b"%PDF-1.4\n" + bytes(5000), PDF_MEDIA_TYPE))
        assert (answer.status_code, code_of(answer)) == (413, "mobile.document-too-large")
        answer = post(server, task_request(b"%PDF-1.4\n" + bytes(20_000), PDF_MEDIA_TYPE))
        assert (answer.status_code, code_of(answer)) == (413, "server.body-too-large")


def test_no_ward_and_an_id_number_for_a_name(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """What could never be signed is refused when it is asked for."""
    expected_warnings("penward.server", "mobile.ward-missing")
    expected_warnings("penward.server", "mobile.name-holds-id-number")
    answer = post(server, task_request(small_ofd(), OFD_MEDIA_TYPE, ward=""))
    assert (answer.status_code, code_of(answer)) == (422, "mobile.ward-missing")
    named = task_request(small_ofd(), OFD_MEDIA_TYPE, signers=(("patient", "王小明110101199001011234"),))
    answer = post(server, named)
    assert (answer.status_code, code_of(answer)) == (422, "mobile.name-holds-id-number")
    assert "1101" not in answer.content.decode()


def test_the_same_request_twice(server: Server) -> None:
    """Under one idempotency key a task is made once, and the same answer given again."""
    request = task_request(small_ofd(), OFD_MEDIA_TYPE)
    first = post(server, request, key="order-7")
    again = post(server, request, key="order-7")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert len(server.his.call("GET", "/tasks").json()) == 1


def test_the_same_key_for_another_request(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """The same key with another body, or at another path, is 409."""
    expected_warnings("penward.server", "store.idempotency-conflict")
    request = task_request(small_ofd(), OFD_MEDIA_TYPE)
    made = post(server, request, key="order-7").json()
    for answer in (
        post(server, {**request, "external_id": "his-2"}, key="order-7"),
        server.his.call("POST", f"/tasks/{made['id']}/cancel", key="order-7"),
    ):
        assert (answer.status_code, code_of(answer)) == (409, "store.idempotency-conflict")
    assert server.his.task(made["id"])["state"] == "pending"


def test_lists(server: Server) -> None:
    """By ward, patient, state and external id, page by page."""
    ids = [server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))["id"] for _ in range(3)]
    elsewhere = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, ward=OTHER_WARD))["id"]
    server.his.call("POST", f"/tasks/{ids[1]}/cancel")

    def listed(**query: str) -> list[str]:
        return [task["id"] for task in server.his.call("GET", "/tasks", query=query).json()]

    assert listed() == [*ids, elsewhere]
    assert listed(ward=OTHER_WARD) == [elsewhere]
    assert listed(patient="P1", state="cancelled") == [ids[1]]
    assert listed(patient="P2") == []
    assert listed(external_id="his-1", limit="2") == ids[:2]
    assert listed(after=ids[1]) == [ids[2], elsewhere]
    people = server.his.call("GET", "/patients", query={"patient": "P1"}).json()
    assert [(p["name"], p["ward"]) for p in people] == [("王小明", OTHER_WARD)]
    ward = server.his.call("GET", "/patients", query={"ward": "外科一病区"}).json()
    assert len(ward) >= 3
    assert all(p["ward"] == "外科一病区" for p in ward)


def test_a_refused_task_leaves_no_document(
    server: Server, monkeypatch: pytest.MonkeyPatch, expected_warnings: ExpectedWarnings
) -> None:
    """Refused before or after its document was looked at: no blob stays that no row names."""
    expected_warnings("penward.server", "mobile.keyword-not-found")
    expected_warnings("penward.server", "store.idempotency-conflict")

    def blobs() -> list[Path]:
        folder = server.core.settings.blob_folder
        return [path for path in folder.rglob("*") if path.is_file()]

    field = {"kind": "keyword", "keyword": "没有的词", "nth": 1, "width_mm": 50, "height_mm": 20}
    wrong = json.dumps(task_request(small_ofd(), OFD_MEDIA_TYPE, fields=(field,))).encode()
    assert code_of(server.his.call("POST", "/tasks", wrong)) == "mobile.keyword-not-found"
    assert blobs() == []
    with_pdf = json.dumps(task_request(small_pdf(), PDF_MEDIA_TYPE)).encode()
    prepare = TaskService.prepare

    def overtaken(self: TaskService, caller: str, request: TaskRequest) -> Prepared:
        monkeypatch.undo()
        server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE), key="one")
        return prepare(self, caller, request)

    monkeypatch.setattr(TaskService, "prepare", overtaken)
    answer = server.his.call("POST", "/tasks", with_pdf, key="one")
    assert (answer.status_code, code_of(answer)) == (409, "store.idempotency-conflict")
    assert len(blobs()) == 2


def another_his(server: Server) -> HisClient:
    """A second HIS of the same hospital."""
    with server.core.store.database.write() as session:
        made = server.core.auth.add_his(session, "另一 HIS")
    return replace(server.his, key_id=made.key_id, secret=made.secret)


def test_patients_of_two_his_are_kept_apart(server: Server) -> None:
    """One HIS neither sees nor overwrites what the other says of a patient with the same number."""
    other = another_his(server)
    assert other.call("GET", "/patients").json() == []
    server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    request = task_request(small_ofd(), OFD_MEDIA_TYPE, ward=OTHER_WARD)
    request["patient"]["name"] = "赵小红"
    other.create(request)
    query = {"patient": "P1"}
    for his, name, ward in ((server.his, "王小明", "外科一病区"), (other, "赵小红", OTHER_WARD)):
        (patient,) = his.call("GET", "/patients", query=query).json()
        assert (patient["name"], patient["ward"]) == (name, ward)
    assert len(other.call("GET", "/patients").json()) == 1


def test_another_his_sees_nothing(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A task belongs to the HIS that made it."""
    expected_warnings("penward.server", "mobile.task-unknown")
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    other = another_his(server)
    assert other.call("GET", "/tasks").json() == []
    for method, path in (("GET", ""), ("GET", "/document"), ("GET", "/evidence"), ("POST", "/cancel")):
        answer = other.call(method, f"/tasks/{made['id']}{path}")
        assert (answer.status_code, code_of(answer)) == (404, "mobile.task-unknown")


def test_cancel(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A cancelled task stays cancelled, a signed one cannot be cancelled."""
    expected_warnings("penward.server", "mobile.task-ended")
    one, two = (server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))["id"] for _ in range(2))
    for _ in range(2):
        assert server.his.call("POST", f"/tasks/{one}/cancel").json()["state"] == "cancelled"
    assert server.audited(one) == ["task-created", "task-cancelled"]
    server.station().sign(two)
    answer = server.his.call("POST", f"/tasks/{two}/cancel")
    assert (answer.status_code, code_of(answer)) == (409, "mobile.task-ended")
    answer = server.his.call("POST", f"/tasks/{one}/offer")
    assert (answer.status_code, code_of(answer)) == (409, "mobile.task-ended")


def test_recall_and_offer_again(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A recalled task is gone from the stations until it is offered again."""
    expected_warnings("penward.server", "mobile.task-not-here")
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    station = server.station()
    assert [task.state.value for task in station.tasks()] == ["offered"]
    recalled = server.his.call("POST", f"/tasks/{made['id']}/recall").json()
    assert (recalled["state"], recalled["recalled"]) == ("pending", True)
    assert station.tasks() == []
    assert station.call("GET", f"/station/tasks/{made['id']}").status_code == 404
    offered = server.his.call("POST", f"/tasks/{made['id']}/offer").json()
    assert "recalled" not in offered
    assert station.sign(made["id"])["state"] == "signed"
    assert "task-recalled" in server.audited(made["id"])


def test_nothing_is_fetched_before_it_is_signed(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """Signed document, evidence and report of an unsigned task: 409 by name."""
    expected_warnings("penward.server", "mobile.not-signed-yet")
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    for name in ("signed", "evidence", "report"):
        answer = server.his.call("GET", f"/tasks/{made['id']}/{name}")
        assert (answer.status_code, code_of(answer)) == (409, "mobile.not-signed-yet")


def test_an_expired_task(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """After its time a task is not offered, not signed, and swept into `expired`."""
    expected_warnings("penward.server", "mobile.task-expired")
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    station = server.station()
    server.clock.ahead = dt.timedelta(days=server.core.settings.task_days, seconds=1)
    assert station.tasks() == []
    answer = station.call("POST", f"/station/tasks/{made['id']}/challenge")
    assert (answer.status_code, code_of(answer)) == (409, "mobile.task-expired")
    from server_stub.mobile.rooms import bedside

    bedside(server.core).tasks.sweep()
    assert server.his.task(made["id"])["state"] == "expired"
    assert server.audited(made["id"])[-1] == "task-expired"


def test_a_wrong_and_an_old_signature(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A HIS request with a wrong or old signature, or sent twice: refused by name, nothing made."""
    for name in ("signature-wrong", "time-outside-window", "nonce-replayed"):
        expected_warnings("penward.auth", name)
    body = json.dumps(task_request(small_ofd(), OFD_MEDIA_TYPE)).encode()
    wrong = replace(server.his, secret=bytes(32))
    old = replace(server.his, clock=lambda: server.clock() - dt.timedelta(seconds=400))
    for his, code in ((wrong, "auth.signature-wrong"), (old, "auth.time-outside-window")):
        answer = his.call("POST", "/tasks", body)
        assert (answer.status_code, code_of(answer)) == (401, code)
    assert server.his.call("GET", "/tasks", nonce="n" * 20).status_code == 200
    answer = server.his.call("GET", "/tasks", nonce="n" * 20)
    assert (answer.status_code, code_of(answer)) == (401, "store.nonce-replayed")
    assert server.his.call("GET", "/tasks").json() == []


def test_base64_that_is_none(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A request that does not follow the schema names the member."""
    expected_warnings("penward.server", "wire.field-not-base64")
    request = task_request(small_ofd(), OFD_MEDIA_TYPE)
    request["document"]["content_b64"] = base64.b64encode(b"ab").decode() + "!"
    answer = post(server, request)
    assert (answer.status_code, code_of(answer)) == (422, "wire.field-not-base64")
    assert "$.document.content_b64" in answer.json()["error"]["message"]
