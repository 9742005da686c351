"""Every code of the clock has a sentence in both languages, and every sentence a code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from signing.verdict import Language, say

ROOT = Path(__file__).resolve().parents[3]


def codes() -> set[str]:
    return {
        node.value
        for path in (ROOT / "server_stub" / "clock").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"clock\.[a-z][a-z-]*", node.value)
    }


@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_codes_and_sentences_are_the_same_set(language: Language) -> None:
    text = (ROOT / "resources" / "locale" / language / "LC_MESSAGES" / "clock.po").read_text("utf-8")
    assert set(re.findall(r'^msgid "(.+)"$', text, re.MULTILINE)) == codes()


def test_places_are_the_same_in_both_languages() -> None:
    for code in codes():
        places = [set(re.findall(r"\{(\w+)\}", say(code, language))) for language in ("zh_CN", "en")]
        assert places[0] == places[1], code
