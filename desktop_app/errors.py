"""The one error of the desktop: each code has a sentence in the `desktop` catalogue."""

from __future__ import annotations

from signing.verdict import Language, PenwardError


class DesktopError(PenwardError):
    """Something that the desktop tells a person. `code` is `desktop.<name>`."""


class ServerRefused(DesktopError):
    """The server answered with an error of its own.

    Attributes: `status` is the HTTP status; `said` holds the server's sentence in both languages.
    """

    def __init__(self, code: str, /, *, status: int, said: dict[Language, str]) -> None:
        super().__init__(code, status=status)
        self.status = status
        self.said = said

    def message(self, language: Language = "zh_CN") -> str:
        """The server's own sentence where it sent one, with its code."""
        sentence = self.said.get(language, "")
        if not sentence:
            return super().message(language)
        if self.code in sentence:
            return sentence
        open_, close = ("（", "）") if language == "zh_CN" else (" (", ")")
        return f"{sentence}{open_}{self.code}{close}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.code, self.status, self.said))


def _rebuild(code: str, status: int, said: dict[Language, str]) -> ServerRefused:
    return ServerRefused(code, status=status, said=said)
