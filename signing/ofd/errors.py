"""The one error that leaves the OFD room, and the leniencies it tells of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from signing.verdict import Language, PenwardError, say

if TYPE_CHECKING:
    from collections.abc import Mapping


class OfdError(PenwardError):
    """A file is not an OFD that can be used; `code` is `ofd.<name>`, its sentence is in the catalogue."""


class Params(dict[str, str]):
    """Parameters of a sentence, hashable so that each remark is kept once. Not to be changed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Something a file does against the standard that was read all the same.

    `code` is a message code (`ofd.tolerance-case`), `params` fill its sentence.
    """

    code: str
    params: Mapping[str, str] = field(default_factory=Params)

    def text(self, language: Language = "zh_CN") -> str:
        """The sentence for people."""
        return say(self.code, language, **self.params)
