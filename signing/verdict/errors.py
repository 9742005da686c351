"""The one base of all documented errors: a code that the catalogues know, and its parameters."""

from __future__ import annotations

from signing.verdict.messages import Language, say


class PenwardError(Exception):
    """An error that a person or another program may see.

    `code` is dotted, its first part names the catalogue (`ofd.too-many-entries` is found in
    `resources/locale/*/LC_MESSAGES/ofd.po`). `params` fill the sentence; they must never hold a
    key, a PIN or a patient's ID number.
    """

    def __init__(self, code: str, /, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    def message(self, language: Language = "zh_CN") -> str:
        """One sentence: what happened and what to do, followed by the code."""
        open_, close = ("（", "）") if language == "zh_CN" else (" (", ")")
        return f"{say(self.code, language, **self.params)}{open_}{self.code}{close}"

    def __str__(self) -> str:
        return self.message("en")

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.params))


def _rebuild(kind: type[PenwardError], code: str, params: dict[str, object]) -> PenwardError:
    return kind(code, **params)
