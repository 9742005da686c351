"""Where a signed PDF was changed, when its structure can no longer be read: told from the bytes alone."""

from __future__ import annotations

import re

from signing.cms import CmsError, first_element, verify_signed_data
from signing.verdict import Check, CheckName, Outcome, PenwardError

_RANGE = re.compile(rb"/ByteRange\s{0,8}\[\s{0,8}0 {1,8}(\d{1,10}) {1,8}(\d{1,10}) {1,8}(\d{1,10})\s{0,8}\]")
_MAX_RANGES = 50


def locate_damage(data: bytes) -> tuple[Check, ...]:
    """One check with the offsets between which the first change lies, none when that cannot be told.

    Signatures are looked for by their byte ranges; the last whose digest is right bounds the change from
    below, the first whose digest is wrong from above.
    """
    intact = 0
    ranges = sorted({tuple(map(int, found.groups())) for found in _RANGE.finditer(data)}, key=sum)
    for start, end, length in ranges[:_MAX_RANGES]:
        covered = end + length
        if not (0 < start < end - 2 and covered <= len(data)):
            continue
        if _digest_right(data, start, end, covered):
            intact = covered
            continue
        return (_changed(intact, covered),)
    return (_changed(intact, len(data)),) if ranges and intact < len(data) else ()


def _digest_right(data: bytes, start: int, end: int, covered: int) -> bool:
    try:
        value = bytes.fromhex(data[start + 1 : end - 1].decode("ascii"))
        content = data[:start] + data[end:covered]
        results = verify_signed_data(first_element(value), content=content, anchors=())
    except (ValueError, CmsError, PenwardError):
        return False
    return any(check.reason == "cms.digest-right" for result in results for check in result.checks)


def _changed(start: int, end: int) -> Check:
    params = {"start": str(start), "end": str(end)}
    return Check(CheckName.INTEGRITY, Outcome.FAIL, "pdfsign.bytes-changed", f"{start}–{end}", params)
