"""R20, R26: the task schema: what a HIS may send, what it gets back, and precise refusals."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.sm import SM2PrivateKey
from signing.wire import (
    Challenge,
    Checkpoint,
    Consent,
    Field,
    Patient,
    PhotoPolicy,
    Policy,
    Signer,
    SignerRequest,
    SignerRole,
    SignerState,
    StampBox,
    Task,
    TaskRequest,
    TaskState,
    WireError,
    check_follows,
    checkpoint_bytes,
    format_time,
    parse_time,
    sign_checkpoint,
    verify_checkpoint,
)

VALID: dict[str, Any] = {
    "external_id": "HIS-2026-1",
    "patient": {
        "id": "P001",
        "name": "李永明",
        "visit": "V9",
        "ward": "骨科三病区",
        "bed": "12",
        "age": "45岁",
    },
    "document": {
        "media_type": "application/ofd",
        "content_b64": base64.b64encode(b"PK\x03\x04").decode(),
        "title": "手术知情同意书",
    },
    "signers": [
        {
            "role": "patient",
            "name": "李永明",
            "field": {
                "kind": "keyword",
                "keyword": "患者签名",
                "width_mm": 40,
                "height_mm": 15,
                "dx_mm": 2.5,
            },
        },
        {
            "role": "family",
            "name": "王小明",
            "relation": "配偶",
            "field": {"kind": "box", "page": 1, "x_mm": 120, "y_mm": 240.5, "width_mm": 40, "height_mm": 15},
        },
    ],
    "policy": {"photo": "required", "reading_seconds": 10},
    "consents": [{"id": "e-sign", "version": "2", "text": "本人同意\n使用电子签名。"}],
    "callback_url": "http://127.0.0.1:9000/done?x=1",
}


def changed(path: str, value: object) -> dict[str, Any]:
    """`VALID` with the member at a dotted path replaced, or removed when `value` is `...`."""
    result = copy.deepcopy(VALID)
    *parents, last = path.split(".")
    inner: Any = result
    for part in parents:
        inner = inner[int(part)] if part.isdigit() else inner[part]
    if value is ...:
        del inner[last]
    elif last.isdigit():
        inner[int(last)] = value
    else:
        inner[last] = value
    return result


def test_a_valid_request() -> None:
    """R26: keyword with offset and page box, read with their defaults, and written back the same."""
    request = TaskRequest.from_bytes(json.dumps(VALID).encode())
    assert request.signers[0].field == Field("keyword", 40.0, 15.0, keyword="患者签名", nth=1, dx_mm=2.5)
    assert request.signers[1].field.y_mm == 240.5
    assert request.policy == Policy(PhotoPolicy.REQUIRED, 10)
    assert request.content == b"PK\x03\x04"
    assert TaskRequest.from_dict(request.to_dict()) == request


def test_what_may_be_left_out() -> None:
    """R20: policy, consents, callback have defaults."""
    bare = {k: v for k, v in VALID.items() if k not in ("policy", "consents", "callback_url")}
    request = TaskRequest.from_dict(bare)
    assert (request.policy, request.consents, request.callback_url) == (Policy(), (), "")


@pytest.mark.parametrize(
    ("path", "value", "code", "where"),
    [
        ("external_id", ..., "field-missing", "$.external_id"),
        ("external_id", "a b", "field-bad-text", "$.external_id"),
        ("external_id", 5, "field-not-text", "$.external_id"),
        ("patient", ..., "field-missing", "$.patient"),
        ("patient", [], "field-not-object", "$.patient"),
        ("patient.name", "", "field-empty", "$.patient.name"),
        ("patient.name", "x" * 65, "field-too-long", "$.patient.name"),
        ("patient.name", "李\n明", "field-bad-text", "$.patient.name"),
        ("patient.name", "李\u2028明", "field-bad-text", "$.patient.name"),
        ("patient.national_id", "1", "field-unknown", "$.patient.national_id"),
        ("document.media_type", "text/html", "field-not-allowed", "$.document.media_type"),
        ("document.content_b64", "", "field-empty", "$.document.content_b64"),
        ("document.content_b64", "AA=A", "field-not-base64", "$.document.content_b64"),
        ("document.content_b64", "AB==", "field-not-base64", "$.document.content_b64"),
        ("document.content_b64", "AA AA", "field-not-base64", "$.document.content_b64"),
        ("document.content_b64", "甲甲甲甲", "field-not-base64", "$.document.content_b64"),
        ("signers", [], "field-empty", "$.signers"),
        ("signers", "x", "field-not-list", "$.signers"),
        ("signers", VALID["signers"] * 9, "field-too-many", "$.signers"),
        ("signers.1.role", "king", "field-not-allowed", "$.signers[1].role"),
        ("signers.0.field.kind", "x", "field-not-allowed", "$.signers[0].field.kind"),
        ("signers.0.field.keyword", ..., "field-missing", "$.signers[0].field.keyword"),
        ("signers.0.field.nth", 0, "field-out-of-range", "$.signers[0].field.nth"),
        ("signers.0.field.nth", True, "field-not-integer", "$.signers[0].field.nth"),
        ("signers.0.field.page", 0, "field-unknown", "$.signers[0].field.page"),
        ("signers.1.field.width_mm", 0, "field-out-of-range", "$.signers[1].field.width_mm"),
        ("signers.1.field.x_mm", float("nan"), "field-out-of-range", "$.signers[1].field.x_mm"),
        ("signers.1.field.x_mm", "1", "field-not-number", "$.signers[1].field.x_mm"),
        ("policy.photo", "maybe", "field-not-allowed", "$.policy.photo"),
        ("consents.0.text", "", "field-empty", "$.consents[0].text"),
        ("consents.0.text", "a\x00b", "field-bad-text", "$.consents[0].text"),
        ("callback_url", "ftp://x/", "field-bad-url", "$.callback_url"),
        ("callback_url", "http://u:p@x/", "field-bad-url", "$.callback_url"),
        ("callback_url", "http://x/#f", "field-bad-url", "$.callback_url"),
        ("callback_url", "http://", "field-bad-url", "$.callback_url"),
        ("callback_url", "http://x:99999/", "field-bad-url", "$.callback_url"),
        ("callback_url", "http://x/\n", "field-bad-text", "$.callback_url"),
        ("colour", "red", "field-unknown", "$.colour"),
    ],
)
def test_refusals_name_the_place(path: str, value: object, code: str, where: str) -> None:
    """R20: a HIS's programmer sees which member is wrong and why."""
    with pytest.raises(WireError) as caught:
        TaskRequest.from_dict(changed(path, value))
    assert (caught.value.code, caught.value.params["path"]) == (f"wire.{code}", where)
    for language in ("zh_CN", "en"):
        assert where in caught.value.message(language) and "{" not in caught.value.message(language)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.sampled_from(
    [
        "external_id",
        "patient",
        "patient.age",
        "document",
        "document.title",
        "signers",
        "signers.0",
        "signers.0.field",
        "signers.1.field.page",
        "policy",
        "consents",
        "consents.0.version",
        "callback_url",
    ]
)


@given(PATHS, JSON)
def test_any_value_anywhere(path: str, value: object) -> None:
    """Only the documented error escapes, and what is accepted round-trips."""
    try:
        request = TaskRequest.from_dict(changed(path, value))
    except WireError as error:
        assert error.code.startswith("wire.field-")
        return
    assert TaskRequest.from_dict(request.to_dict()) == request


def task() -> Task:
    """A task as the server tells it."""
    return Task(
        id="t-1",
        external_id="HIS-2026-1",
        state=TaskState.OFFERED,
        title="手术知情同意书",
        media_type="application/pdf",
        patient=Patient("P001", "李永明"),
        signers=(
            Signer(
                0, SignerRole.PATIENT, "李永明", "", SignerState.WAITING, StampBox(0, 10.0, 20.5, 40.0, 15.0)
            ),
        ),
        policy=Policy(),
        consents=(Consent("e-sign", "2", "本人同意。"),),
        document_sm3=bytes(32),
        document_pages=2,
        document_size=1234,
        created_at=datetime(2026, 11, 22, 4, tzinfo=UTC),
        expires_at=datetime(2026, 11, 23, 4, tzinfo=UTC),
    )


def test_task_round_trip() -> None:
    """R20: what the server tells is what the station reads."""
    for one in (task(), dataclasses.replace(task(), signed_sm3=b"s" * 32, state=TaskState.SIGNED)):
        assert Task.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    broken = task().to_dict() | {"state": "lost"}
    with pytest.raises(WireError, match="field-not-allowed"):
        Task.from_dict(broken)


def test_requests_built_in_code_round_trip() -> None:
    """R20: a HIS simulator in Python builds the same JSON."""
    signer = SignerRequest(SignerRole.PATIENT, "李永明", Field("box", 40.0, 15.0, page=0, x_mm=1.0, y_mm=2.0))
    request = TaskRequest("x", Patient("P", "李"), "application/pdf", b"%PDF-1.7", "书", (signer,), Policy())
    assert TaskRequest.from_dict(request.to_dict()) == request


def test_challenge_round_trip() -> None:
    """R28: the challenge with and without a checkpoint."""
    key = SM2PrivateKey.generate()
    for point in (None, sign_checkpoint("w1", 5, bytes(32), key)):
        challenge = Challenge(
            challenge=b"c" * 32,
            expires_at=datetime(2026, 11, 22, 5, tzinfo=UTC),
            signer_index=1,
            document_digest=b"d" * 32,
            encryption_chain=(b"one", b"two"),
            checkpoint=point,
            task_id="t-1",
        )
        assert Challenge.from_dict(json.loads(json.dumps(challenge.to_dict()))) == challenge
    short = challenge.to_dict() | {"challenge_b64": "AAAA"}
    with pytest.raises(WireError, match="field-wrong-size"):
        Challenge.from_dict(short)


def test_checkpoints() -> None:
    """R47: a station refuses a shortened, rewritten or forged log."""
    key = SM2PrivateKey.generate()
    five = sign_checkpoint("w1", 5, b"r" * 32, key)
    assert five.signed_bytes == b"PENWARD-CHECKPOINT-1\nw1\n5\n" + b"72" * 32 + b"\n"
    assert Checkpoint.from_dict(json.loads(json.dumps(five.to_dict()))) == five
    verify_checkpoint(five, key.public_key)
    for forged in (
        dataclasses.replace(five, count=6),
        dataclasses.replace(five, root=bytes(32)),
        dataclasses.replace(five, writer="w2"),
    ):
        with pytest.raises(WireError, match="wrong-checkpoint-signature"):
            verify_checkpoint(forged, key.public_key)
    check_follows(five, five)
    check_follows(five, sign_checkpoint("w1", 6, bytes(32), key))
    check_follows(five, sign_checkpoint("w2", 1, bytes(32), key))
    for later in (sign_checkpoint("w1", 4, b"r" * 32, key), sign_checkpoint("w1", 5, bytes(32), key)):
        with pytest.raises(WireError, match="inconsistent-checkpoint"):
            check_follows(five, later)
    for writer, count, root in (("a b", 1, bytes(32)), ("a", -1, bytes(32)), ("a", 1, b"")):
        with pytest.raises(WireError, match="bad-checkpoint"):
            checkpoint_bytes(writer, count, root)


def test_times() -> None:
    """One spelling of a moment, in UTC."""
    moment = datetime(2026, 11, 22, 4, 0, 7, 999_999, tzinfo=UTC)
    assert format_time(moment) == "2026-11-22T04:00:07Z"
    assert parse_time("2026-11-22T04:00:07Z") == moment.replace(microsecond=0)
    for text in (
        "2026-11-22T04:00:07",
        "2026-11-22T04:00:07.5Z",
        "2026-02-30T00:00:00Z",
        "２026-11-22T04:00:07Z",
    ):
        with pytest.raises(WireError, match="bad-time"):
            parse_time(text)
