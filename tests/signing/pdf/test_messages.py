"""Every code of the room has a sentence in both languages, with the same places in both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import signing.pdf
from signing.verdict import has_message, say

ROOM = Path(signing.pdf.__file__).parent
CODES = sorted(
    {
        code
        for path in ROOM.glob("*.py")
        for code in re.findall(r'"((?:pdf|pdfsign|report)\.[a-z0-9-]+)"', path.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize("code", CODES)
def test_a_sentence_in_both_languages(code: str) -> None:
    """No bare code is ever shown to a person."""
    assert has_message(code, "zh_CN")
    assert has_message(code, "en")
    places = [set(re.findall(r"\{(\w+)\}", say(code, language))) for language in ("zh_CN", "en")]
    assert places[0] == places[1]
