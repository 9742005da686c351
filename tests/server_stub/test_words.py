"""Every code of the server has a sentence in both languages, and every sentence a code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from signing.verdict import has_message, say

ROOT = Path(__file__).resolve().parents[2]
DOMAINS = ("server", "store", "auth", "ca", "tsa", "mobile", "handwriting", "archive")
CODE = re.compile(rf"({'|'.join(DOMAINS)})\.[a-z][a-z-]*")
NOT_FOR_PEOPLE = {
    "store.audit-root",  # kinds of jobs
    "store.sweep",
    "mobile.callback",
    "mobile.sweep",
    "handwriting.sweep",
    "server.lock",  # a file
    "ca.event-certificate-recorded",  # a step of the flow
}


def codes_in_source() -> set[str]:
    found = set()
    for path in (ROOT / "server_stub").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                found.add(node.value)
    return found - NOT_FOR_PEOPLE


def codes_in_catalogue(domain: str, language: str) -> set[str]:
    text = (ROOT / "resources" / "locale" / language / "LC_MESSAGES" / f"{domain}.po").read_text("utf-8")
    return set(re.findall(r'^msgid "(.+)"$', text, re.MULTILINE))


def test_every_code_has_its_sentences() -> None:
    missing = [
        (code, language)
        for code in sorted(codes_in_source())
        for language in ("zh_CN", "en")
        if not has_message(code, language)  # type: ignore[arg-type]
    ]
    assert missing == []


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_no_sentence_is_left_over(domain: str, language: str) -> None:
    assert codes_in_catalogue(domain, language) <= codes_in_source()


def test_places_are_the_same_in_both_languages() -> None:
    for code in codes_in_source():
        places = [set(re.findall(r"\{(\w+)\}", say(code, language))) for language in ("zh_CN", "en")]  # type: ignore[arg-type]
        assert places[0] == places[1], code
