"""The desktop's words in the language that was chosen, out of the `desktop` catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from signing.verdict import Language, PenwardError, say
from signing.wire import Patient, Signer


class Words:
    """Looks up sentences. `words("list.title")` is the entry `desktop.list-title`."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language

    def __call__(self, key: str, /, **params: object) -> str:
        """The text of `desktop.<key>`, its places filled."""
        return say(f"desktop.{key}", self.language, **params)

    def code(self, code: str, /, **params: object) -> str:
        """The text of a full message code of any catalogue."""
        return say(code, self.language, **params)

    def error(self, error: PenwardError) -> str:
        """One sentence with its code."""
        return error.message(self.language)

    def list(self, texts: Iterable[str]) -> str:
        """Several texts in one line, as the language separates them."""
        return ("；" if self.language == "zh_CN" else "; ").join(texts)

    def identity(self, patient: Patient) -> str:
        """Name, sex, age, bed, visit: the line by which a person is recognised."""
        parts = [patient.name, patient.sex, patient.age]
        if patient.bed:
            parts.append(self("bed", bed=patient.bed))
        if patient.visit:
            parts.append(self("visit", visit=patient.visit))
        return " · ".join(part for part in parts if part)

    def signer(self, signer: Signer) -> str:
        """Role and name of who signs: 患者本人 张三, 家属（配偶）李四."""
        role = self(f"role-{signer.role.value}")
        if signer.relation:
            role = self("role-with-relation", role=role, relation=signer.relation)
        return f"{role} {signer.name}"

    def instant(self, text: str) -> str:
        """An RFC 3339 time to the second in the station's own zone; what is none stays as it is."""
        try:
            return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
        except ValueError:
            return text

    def moment(self, moment: datetime) -> str:
        """A time of day as people of the ward read it, in the station's own zone."""
        return moment.astimezone().strftime("%m-%d %H:%M")
