"""Every code that the rooms sm, pki, cms and tsp can give has a sentence in both languages, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import resources
import signing
from signing.verdict import has_message, say

ROOMS = ("sm", "pki", "cms", "tsp")
LANGUAGES = ("zh_CN", "en")


def codes_in_source(room: str) -> set[str]:
    """Codes that the room's modules name."""
    folder = Path(signing.__file__).parent / room
    text = "\n".join(path.read_text() for path in folder.rglob("*.py"))
    return set(re.findall(rf'"({room}\.[a-z][a-z0-9-]+)"', text))


@pytest.mark.parametrize("room", ROOMS)
def test_every_code_has_a_sentence(room: str) -> None:
    for code in codes_in_source(room):
        for language in LANGUAGES:
            assert has_message(code, language), (code, language)
            assert not say(code, language).startswith(room)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_left_over(room: str, language: str) -> None:
    path = Path(resources.__file__).parent / "locale" / language / "LC_MESSAGES" / f"{room}.po"
    with path.open("rb") as stream:
        catalogue = {message.id for message in read_po(stream) if message.id}
    assert catalogue <= codes_in_source(room)


@pytest.mark.parametrize("room", ROOMS)
def test_both_languages_have_the_same_places(room: str) -> None:
    for code in codes_in_source(room):
        places = [sorted(re.findall(r"\{(\w+)\}", say(code, language))) for language in LANGUAGES]
        assert places[0] == places[1], code
