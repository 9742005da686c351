"""What the ink itself says: is the record whole, and is the picture really drawn from it."""

from __future__ import annotations

from signing.evidence.manifest import INK, PICTURE
from signing.ink import InkError, complete, decode_record, draw_picture
from signing.verdict import Check, CheckName, Outcome


def check_ink(ink: bytes) -> Check:
    """Whether the record can be read and no report of the pen is missing."""
    try:
        whole = complete(decode_record(ink))
    except InkError as error:
        return _check(INK, Outcome.FAIL, "evidence.ink-unreadable", detail=error.code)
    if not whole:
        return _check(INK, Outcome.WARNING, "evidence.ink-incomplete")
    return _check(INK, Outcome.PASS, "evidence.ink-complete")


def check_picture(ink: bytes, picture: bytes) -> Check:
    """Whether drawing the ink again gives the picture, byte for byte."""
    try:
        drawn = draw_picture(decode_record(ink)).to_bytes()
    except InkError as error:
        return _check(PICTURE, Outcome.FAIL, "evidence.ink-unreadable", detail=error.code)
    if drawn != picture:
        return _check(PICTURE, Outcome.FAIL, "evidence.picture-not-from-ink")
    return _check(PICTURE, Outcome.PASS, "evidence.picture-from-ink")


def _check(subject: str, outcome: Outcome, reason: str, **params: str) -> Check:
    return Check(CheckName.EVIDENCE_BINDING, outcome, reason, subject, params)
