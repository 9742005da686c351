"""Every code of the service has a sentence in both languages, and every sentence a code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from server_stub.svs.codes import Reply
from signing.verdict import has_message, say

ROOT = Path(__file__).resolve().parents[3]
CODE = re.compile(r"svs\.[a-z][a-z-]*")
NOT_FOR_PEOPLE = {"svs.toml"}


def codes() -> set[str]:
    found = {f"svs.{reply.value}" for reply in Reply}
    for path in (ROOT / "server_stub").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                found.add(node.value)
    return found - NOT_FOR_PEOPLE


@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_sentences_and_codes_are_the_same_set(language: str) -> None:
    text = (ROOT / "resources" / "locale" / language / "LC_MESSAGES" / "svs.po").read_text("utf-8")
    assert set(re.findall(r'^msgid "(.+)"$', text, re.MULTILINE)) == codes()
    assert all(has_message(code, language) for code in codes())  # type: ignore[arg-type]


def test_places_are_the_same_in_both_languages() -> None:
    for code in codes():
        places = [set(re.findall(r"\{(\w+)\}", say(code, language))) for language in ("zh_CN", "en")]  # type: ignore[arg-type]
        assert places[0] == places[1], code
