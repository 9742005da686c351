"""R28: documents that other programs made are signed at a page box; what they held before stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from signing.ofd.signatures import verify_ofd
from signing.verdict import Outcome
from signing.wire import OFD_MEDIA_TYPE
from tests.support.server import Server
from tests.support.station import task_request

FIELD = {"kind": "box", "page": 0, "x_mm": 20.0, "y_mm": 20.0, "width_mm": 40.0, "height_mm": 15.0}


@pytest.mark.parametrize(
    "sample",
    ["helloworld.ofd", "999.ofd", "fptpl.ofd", "6.2.003 使用相对路径.ofd"],
)
def test_signed_without_touching_what_was_there(server: Server, shared_testdata: Path, sample: str) -> None:
    """Our signature is valid; every earlier signature has the verdict that it had."""
    found = sorted(shared_testdata.rglob(sample))
    if not found:
        pytest.skip(f"{sample} is not among the samples")
    before = found[0].read_bytes()
    made = server.his.create(task_request(before, OFD_MEDIA_TYPE, fields=(FIELD,)))
    station = server.station()
    assert station.sign(made["id"])["state"] == "signed"
    anchors = server.core.hospital.anchors
    earlier, now = (
        verify_ofd(before, anchors=anchors),
        verify_ofd(station.signed(made["id"]), anchors=anchors),
    )
    assert now.signatures[-1].outcome < Outcome.UNDECIDED, [c.text("en") for c in now.signatures[-1].checks]
    assert len(now.signatures) == len(earlier.signatures) + 1
    assert [s.outcome for s in now.signatures[:-1]] == [s.outcome for s in earlier.signatures]
