"""R21, R29, R45: the evidence ZIP and the report of a task, fetched by its HIS, verified offline."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from sqlalchemy import select

from server_stub.app import build_rooms
from server_stub.checks import examine_audit
from server_stub.evidence import ArchivedSignature
from signing.evidence import PHOTO, parse_evidence_zip
from signing.pdf import open_pdf
from signing.sm import sm3
from signing.verdict import exit_status
from signing.verify import verify_bytes
from signing.wire import OFD_MEDIA_TYPE, PDF_MEDIA_TYPE
from tests.conftest import ExpectedWarnings
from tests.support.documents import small_ofd, small_pdf
from tests.support.server import Server
from tests.support.station import task_request

PORTRAIT = b"\xff\xd8\xff\xe0 a photo of nobody \xff\xd9"


@pytest.mark.parametrize("media_type", [OFD_MEDIA_TYPE, PDF_MEDIA_TYPE])
def test_the_zip_verifies(server: Server, media_type: str) -> None:
    """Valid with the hospital's anchors, not decidable without; every part is inside; access is audited."""
    document = small_ofd() if media_type == OFD_MEDIA_TYPE else small_pdf()
    made = server.his.create(task_request(document, media_type))
    station = server.station()
    station.sign(made["id"], photo=PORTRAIT)
    data = server.his.file(made["id"], "evidence")
    assert server.audited(made["id"])[-1] == "evidence-exported"
    verdict = verify_bytes("evidence.zip", data, server.core.hospital.anchors)
    assert exit_status([verdict]) == 0, [c.text("en") for c in verdict.all_checks()]
    assert exit_status([verify_bytes("evidence.zip", data, ())]) == 2
    file = parse_evidence_zip(data)
    (signing,) = file.signings
    assert signing.blobs[PHOTO] == PORTRAIT
    assert file.documents == {f"document.{media_type[-3:]}": station.signed(made["id"])}
    assert signing.station_certificate == station.certificate
    assert signing.time_stamp
    assert server.audited(made["id"])[-1] == "document-fetched"


def test_the_log_is_the_audit_chains_own_text(server: Server) -> None:
    """Each event in the ZIP's log can be digested again to the digest that the chain holds."""
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    server.station().sign(made["id"])
    log = json.loads(parse_evidence_zip(server.his.file(made["id"], "evidence")).log)
    kinds = [event["kind"] for event in log["events"]]
    assert kinds == [
        "task-created",
        "task-offered",
        "challenge-issued",
        "task-signed",
        "evidence-accepted",
        "document-signed",
        "evidence-exported",
    ]
    for event in log["events"]:
        assert sm3(event["record"].encode()).hex() == event["digest"]


def test_two_signers_in_one_zip(server: Server) -> None:
    """Both signings are in it, in order, and match the one document."""
    fields = tuple(
        {"kind": "box", "page": 0, "x_mm": x, "y_mm": 220.0, "width_mm": 50.0, "height_mm": 20.0}
        for x in (20.0, 110.0)
    )
    signers = (("patient", "王小明"), ("family", "李永明"))
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, fields=fields, signers=signers))
    station = server.station()
    station.sign(made["id"])
    station.sign(made["id"], seed=4)
    data = server.his.file(made["id"], "evidence")
    verdict = verify_bytes("evidence.zip", data, server.core.hospital.anchors)
    assert exit_status([verdict]) == 0, [c.text("en") for c in verdict.all_checks()]
    assert len(parse_evidence_zip(data).signings) == 2


def test_changed_ink_is_named(server: Server) -> None:
    """R29: another ink in the ZIP fails, and the binding is named."""
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    server.station().sign(made["id"])
    data = server.his.file(made["id"], "evidence")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
        for entry in before.infolist():
            content = before.read(entry)
            if entry.filename == "media/001/ink":
                content = content[:-1] + bytes([content[-1] ^ 1])
            after.writestr(entry, content)
    verdict = verify_bytes("evidence.zip", out.getvalue(), server.core.hospital.anchors)
    assert exit_status([verdict]) == 1
    assert "evidence.ink-not-bound" in {check.reason for check in verdict.all_checks()}


@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_the_report(server: Server, language: str) -> None:
    """A PDF of verdict lines in the language asked for; making it is audited."""
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    server.station().sign(made["id"])
    answer = server.his.call("GET", f"/tasks/{made['id']}/report", query={"lang": language})
    assert answer.status_code == 200, answer.content
    with open_pdf(answer.content) as report:
        assert report.page_count >= 1
    assert server.audited(made["id"])[-1] == "report-made"


def test_a_package_that_cannot_be_opened(server: Server, expected_warnings: ExpectedWarnings) -> None:
    """A damaged package on the disk is named, not passed over."""
    expected_warnings("penward.server", "store.blob-damaged")
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE))
    server.station().sign(made["id"])
    for path in server.core.settings.blob_folder.rglob("*"):
        if path.is_file() and path.read_bytes().startswith(b"PWSEAL"):
            path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    answer = server.his.call("GET", f"/tasks/{made['id']}/evidence")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "store.blob-damaged")


def test_each_signer_is_an_act_of_its_own(server: Server) -> None:
    """An archived signature that came past the audit log is found, also beside another in the same task."""
    signers = (("patient", "王小明"), ("family", "李永明"))
    fields = tuple(
        {"kind": "box", "page": 0, "x_mm": x, "y_mm": 220.0, "width_mm": 50.0, "height_mm": 20.0}
        for x in (20.0, 110.0)
    )
    made = server.his.create(task_request(small_ofd(), OFD_MEDIA_TYPE, signers=signers, fields=fields))
    station = server.station()
    station.sign(made["id"])
    station.sign(made["id"], seed=2)
    assert examine_audit(server.core, build_rooms(server.core), [], None).findings == []
    with server.core.store.database.write() as session:
        row = session.scalars(select(ArchivedSignature).limit(1)).one()
        fields_of = {c.key: getattr(row, c.key) for c in ArchivedSignature.__table__.columns}
        session.add(ArchivedSignature(**{**fields_of, "id": "signature-x", "signer_index": 2}))
    (finding,) = examine_audit(server.core, build_rooms(server.core), [], None).findings
    assert (finding.code, finding.params["kind"], finding.params["subject"]) == (
        "store.audit-act-missing",
        "document-signed",
        made["id"],
    )
