"""Every code of ink, wire and evidence has one sentence in Chinese and one in English, and none is idle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import signing
from signing.evidence import INK, PHOTO, PICTURE
from signing.ink import Gap, GapKind

ROOT = Path(signing.__file__).parent
LOCALE = ROOT.parent / "resources" / "locale"
BUILT = {
    f"evidence.{name}-not-bound" for name in (INK, PICTURE, PHOTO, "document", "manifest", "fingerprint")
}
BUILT |= {"evidence.id-data-not-bound", *(Gap(kind, 0).code for kind in GapKind)}


@pytest.mark.parametrize("room", ["ink", "wire", "evidence"])
@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_codes_and_sentences_match(room: str, language: str) -> None:
    """What happened and what to do, for each code that the room can raise or report."""
    used = {code for code in BUILT if code.startswith(f"{room}.")}
    for path in (ROOT / room).rglob("*.py"):
        used |= set(re.findall(rf'"({room}\.[a-z0-9-]+)"', path.read_text("utf-8")))
    with (LOCALE / language / "LC_MESSAGES" / f"{room}.po").open("rb") as stream:
        catalogue = {message.id: message.string for message in read_po(stream) if message.id}
    assert used == set(catalogue)
    assert all(catalogue.values())


@pytest.mark.parametrize("room", ["ink", "wire", "evidence"])
def test_both_languages_have_the_same_places(room: str) -> None:
    """A translation neither loses nor invents a parameter."""
    places = []
    for language in ("zh_CN", "en"):
        with (LOCALE / language / "LC_MESSAGES" / f"{room}.po").open("rb") as stream:
            places.append({m.id: set(re.findall(r"{(\w+)}", str(m.string))) for m in read_po(stream)})
    assert places[0] == places[1]
