"""Every word of the desktop is in both catalogues, with the same places to fill."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import desktop_app
from desktop_app.bedside.steps import Step
from signing.verdict import has_message, say
from signing.wire import PhotoPolicy, SignerRole

SOURCES = [path.read_text(encoding="utf-8") for path in Path(desktop_app.__file__).parent.rglob("*.py")]
CODES = {
    *(code for text in SOURCES for code in re.findall(r'"(desktop\.[a-z][a-z0-9-]+)"', text)),
    *(
        f"desktop.{key}"
        for text in SOURCES
        for key in re.findall(r'[wW]ords\(\s*f?"([a-z][a-z0-9-]+)"', text)
    ),
    *(f"desktop.role-{role.value}" for role in SignerRole),
    *(f"desktop.photo-{photo.value}" for photo in PhotoPolicy),
}


def test_words_are_in_both_catalogues() -> None:
    """Chinese first, English second; none is missing."""
    assert len(CODES) > 100
    assert Step.LIST
    missing = [(code, lang) for code, lang in product(CODES, ("zh_CN", "en")) if not has_message(code, lang)]
    assert missing == []
    for code in CODES:
        places = [set(re.findall(r"{(\w+)}", say(code, language))) for language in ("zh_CN", "en")]
        assert places[0] == places[1], code


def test_only_the_door_opens_qt() -> None:
    """Every Qt import of the desktop goes through `desktop_app.qt`."""
    folder = Path(desktop_app.__file__).parent
    offenders = [
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if "PySide6" in path.read_text(encoding="utf-8") and path.parent.name != "qt"
    ]
    assert offenders == []
