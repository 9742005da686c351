"""R20, R21, R28, R29, R47: steps 6 to 8 of a bedside signature, over HTTP, with a simulated station."""

from __future__ import annotations

import pytest

from signing.ofd.signatures import verify_ofd
from signing.pdf import verify_pdf
from signing.sm import sm3
from signing.verdict import Outcome, exit_status
from signing.wire import OFD_MEDIA_TYPE, PDF_MEDIA_TYPE
from tests.support.documents import small_ofd, small_pdf
from tests.support.server import Server
from tests.support.station import task_request


@pytest.mark.parametrize("media_type", [OFD_MEDIA_TYPE, PDF_MEDIA_TYPE])
def test_a_document_is_signed_and_valid(server: Server, media_type: str) -> None:
    """R28, R29: what comes back verifies with the hospital's roots; the steps ran in the promised order."""
    document = small_ofd() if media_type == OFD_MEDIA_TYPE else small_pdf()
    verify = verify_ofd if media_type == OFD_MEDIA_TYPE else verify_pdf
    station = server.station()
    made = server.his.create(task_request(document, media_type))
    server.steps.seen.clear()
    reply = station.sign(made["id"])
    signed = station.signed(made["id"])
    assert reply["state"] == "signed"
    assert reply["document_sm3"] == sm3(signed).hex()
    verdict = verify(signed, anchors=server.core.hospital.anchors)
    assert exit_status([verdict]) == 0, [c.text("en") for c in verdict.all_checks()]
    assert verdict.signatures[-1].test_anchor
    assert exit_status([verify(signed, anchors=())]) == 2
    assert all(c.outcome is not Outcome.FAIL for c in verdict.all_checks())
    task = server.his.task(made["id"])
    assert (task["state"], task["signed_sm3"]) == ("signed", reply["document_sm3"])
    assert server.his.file(made["id"], "signed") == signed
    assert server.his.file(made["id"], "document") == document
