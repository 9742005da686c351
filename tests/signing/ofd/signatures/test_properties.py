"""The verifier takes any bytes: it returns a verdict, never a traceback, and never calls a change valid."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from signing.ofd.errors import OfdError
from signing.ofd.package import open_package, update_package
from signing.ofd.signatures import OfdSignError, event_signatures, normalise, verify_ofd
from signing.verdict import exit_status
from tests.support.hospital import Hospital
from tests.support.tiny_ofd import tiny_ofd


@cache
def _sample() -> tuple[Hospital, bytes]:
    hospital = Hospital()
    return hospital, hospital.sign(normalise(tiny_ofd()), name="小")


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert exit_status([verify_ofd(data, anchors=[])]) in (1, 2)
    assert event_signatures(data) == []


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_changed_signature_parts(data: st.DataObject) -> None:
    """Whole members rewritten: XML that is broken, empty, or spliced."""
    hospital, signed = _sample()
    package = open_package(signed)
    name = data.draw(st.sampled_from(sorted(package.names())))
    content = bytearray(package.read(name))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        stop = min(len(content), start + data.draw(st.integers(0, 40)))
        content[start:stop] = data.draw(st.binary(max_size=20))
    changed = update_package(package, {name: bytes(content)})
    verdict = verify_ofd(changed, anchors=[hospital.root])
    if bytes(content) != package.read(name) and not name.endswith("Signatures.xml"):
        assert exit_status([verdict]) != 0
    event_signatures(changed)
    try:
        normalise(changed)
    except (OfdError, OfdSignError):
        return
