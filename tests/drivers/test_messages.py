"""Every code of the drivers has a sentence in both languages, with the same places to fill."""

from __future__ import annotations

import re
from pathlib import Path

import drivers
from signing.verdict import has_message, say

CODES = sorted(
    {
        code
        for path in Path(drivers.__file__).parent.rglob("*.py")
        for code in re.findall(r'"(drivers\.[a-z][a-z0-9-]+)"', path.read_text(encoding="utf-8"))
    }
)


def test_codes_have_sentences() -> None:
    """What the drivers can say is in both catalogues."""
    assert len(CODES) > 20
    for code in CODES:
        assert has_message(code, "zh_CN"), code
        assert has_message(code, "en"), code
        places = [set(re.findall(r"{(\w+)}", say(code, language))) for language in ("zh_CN", "en")]
        assert places[0] == places[1], code
