"""R45: the receiver sample for HIS programmers runs, takes our callbacks, and refuses all others."""

from __future__ import annotations

import base64
import hashlib
import http.client
import importlib.util
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.wire import Request, canonical_request, new_nonce, sign_callback

DOCS = Path(__file__).resolve().parents[3] / "docs"
SAMPLE = DOCS / "samples" / "callback_receiver.py"
SECRET = bytes(range(32))

if "sm3" not in hashlib.algorithms_available:  # pragma: no cover
    pytest.skip("this Python's OpenSSL has no SM3, which the sample needs", allow_module_level=True)


def load() -> ModuleType:
    """The sample as a module."""
    spec = importlib.util.spec_from_file_location("callback_receiver", SAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SAMPLE_MODULE = load()


def callback(
    target: str = "/done?x=1", event_id: str = "e-1", *, age: int = 0, secret: bytes = SECRET
) -> tuple[bytes, dict[str, str]]:
    """Body and headers as the server sends them."""
    body = json.dumps({"event": "task.signed", "event_id": event_id, "task": {}}).encode()
    now = datetime.now(UTC) - timedelta(seconds=age)
    url = f"http://127.0.0.1{target}"
    return body, sign_callback(
        url, body, secret=secret, key_id="key-1", now=now, nonce=new_nonce(), event_id=event_id
    )


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[int, list[str]]]:
    """The sample as a program of its own: its port, and the lines that it printed."""
    key_file = tmp_path / "his.json"
    key_file.write_text(json.dumps({"key_id": "key-1", "secret_b64": base64.b64encode(SECRET).decode()}))
    process = subprocess.Popen(
        [sys.executable, str(SAMPLE), "--key-file", str(key_file), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None and process.stdout is not None
            found = re.search(r":(\d+)", process.stderr.readline())
            assert found is not None
            lines: list[str] = []
            reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
            reader.start()
            yield int(found[1]), lines
        finally:
            process.terminate()
            reader.join(10)


def post(port: int, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """Send and return status and text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_program(receiver: tuple[int, list[str]]) -> None:
    """R45: acts once on each event, refuses a replay, a forged and an old one."""
    port, lines = receiver
    body, headers = callback()
    assert post(port, "/done?x=1", body, headers) == (204, "")
    assert post(port, "/done?x=1", body, headers) == (401, "seen before")
    again, repeated = callback()
    assert post(port, "/done?x=1", again, repeated) == (204, "")
    assert post(port, "/done?x=2", *callback(event_id="e-2"))[0] == 401
    assert post(port, "/done?x=1", *callback(event_id="e-3", age=400)) == (
        401,
        "signed more than five minutes ago or ahead",
    )
    assert post(port, "/done?x=1", *callback(event_id="e-4", secret=bytes(32))) == (401, "wrong signature")
    assert post(port, "/done?x=1", body, {}) == (401, "no signature in the known form")
    assert post(port, "/other", *callback("/other", "e-5")) == (204, "")
    for _ in range(200):
        if len(lines) >= 2:
            break
        threading.Event().wait(0.05)
    assert [json.loads(line)["event_id"] for line in lines] == ["e-1", "e-5"]


@given(
    st.text(max_size=12).map(lambda s: "/" + s),
    st.lists(st.tuples(st.text(min_size=1, max_size=6), st.text(max_size=6)), max_size=3),
    st.binary(max_size=20),
)
def test_its_canonical_bytes_are_ours(path: str, query: list[tuple[str, str]], body: bytes) -> None:
    """R45: two implementations of the document agree, whatever path and query."""
    from urllib.parse import quote, urlencode

    try:
        target = quote(path) + "?" + urlencode(query)
    except UnicodeEncodeError:
        return
    if target.startswith("//"):
        return
    request = Request.for_url("POST", target, body, "k")
    ours = canonical_request(
        "POST", request.path, request.query, hashlib.new("sm3", body).hexdigest(), "key-1",
        "2026-11-22T04:00:00Z", "n" * 16, "k",
    )  # fmt: skip
    assert (
        SAMPLE_MODULE.canonical("POST", target, body, "key-1", "2026-11-22T04:00:00Z", "n" * 16, "k") == ours
    )


def test_the_document_is_current() -> None:
    """R45: the examples in docs/http-signing.md are what the code does."""
    from tests.signing.wire.test_requests import sign

    text = (DOCS / "http-signing.md").read_text("utf-8")
    signature = re.search(r'signature="[^"]*"', sign())
    assert signature is not None and signature[0] in text
    example = canonical_request(
        "GET", "/api/v1/tasks/三/x y", [("ward", "三病区"), ("a", "2"), ("a", "1 2"), ("A~", "&=")],
        hashlib.new("sm3", b"").hexdigest(), "his-1", "2026-11-22T04:00:00Z", "nonce-nonce-nonce", "",
    )  # fmt: skip
    assert "```\n" + example.decode("ascii") + "```" in text
