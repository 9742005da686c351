"""Sentences for people, looked up by code in gettext catalogues: Chinese first, English second.

A code is `<domain>.<name>`; the domain is the catalogue's name. The catalogues are
`resources/locale/<language>/LC_MESSAGES/<domain>.po`, compiled to `.mo` by `build/catalogues.py`.
"""

from __future__ import annotations

import gettext
from functools import cache
from importlib import resources
from typing import Literal

Language = Literal["zh_CN", "en"]
LANGUAGES: tuple[Language, ...] = ("zh_CN", "en")


def say(code: str, language: Language = "zh_CN", /, **params: object) -> str:
    """The sentence of `code`, its `{name}` places filled from `params`; the code itself when unknown."""
    template = _catalogue(code.partition(".")[0], language).gettext(code)
    try:
        return template.format_map(_Params(params))
    except (ValueError, IndexError, AttributeError):
        return template


def has_message(code: str, language: Language) -> bool:
    """Whether the catalogue of `language` has a sentence for `code`."""
    return _catalogue(code.partition(".")[0], language).gettext(code) != code


class _Params(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


@cache
def _catalogue(domain: str, language: Language) -> gettext.NullTranslations:
    path = resources.files("resources").joinpath("locale", language, "LC_MESSAGES", f"{domain}.mo")
    if not domain.replace("-", "").isalnum() or not path.is_file():
        return gettext.NullTranslations()
    with path.open("rb") as stream:
        return gettext.GNUTranslations(stream)
