"""What happened to a PDF after a signature: further signatures are right, anything else is named."""

from __future__ import annotations

from collections.abc import Sequence

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import (
    CatalogModificationRule,
    DocInfoRule,
    DSSCompareRule,
    FormUpdatingRule,
    MetadataUpdateRule,
    ModificationLevel,
    ObjectStreamRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
    SuspiciousModification,
    XrefStreamRule,
)
from pyhanko.sign.fields import FieldMDPSpec, MDPPerm

from signing.pdf.normalise import permission_of
from signing.pdf.reading import FOREIGN
from signing.pdf.signatures import Found
from signing.verdict import Check, CheckName, Outcome

_LTA = ModificationLevel.LTA_UPDATES
_POLICY = StandardDiffPolicy(
    global_rules=[
        CatalogModificationRule(),
        DocInfoRule().as_qualified(_LTA),
        XrefStreamRule().as_qualified(_LTA),
        ObjectStreamRule().as_qualified(_LTA),
        DSSCompareRule().as_qualified(_LTA),
        MetadataUpdateRule().as_qualified(_LTA),
    ],
    form_rule=FormUpdatingRule(field_rules=[SigFieldCreationRule(), SigFieldModificationRule()]),
    ignore_orphaned_objects=False,
)
"""pyHanko's own rules less the one that lets form fields be filled in."""

_TEXT = 200


class LaterChanges:
    """Looks at what lies behind each signature of one file; a step between revisions is looked at once."""

    def __init__(self, reader: PdfFileReader, data: bytes, all_found: Sequence[Found]) -> None:
        self._reader = reader
        self._data = data
        self._all_found = all_found
        self._steps: dict[int, SuspiciousModification | None] = {}

    def check(self, found: Found, appearance: Sequence[generic.Reference]) -> Check:
        """One check on everything behind the bytes that `found` covers.

        `appearance` are the objects that make up what the signature shows; no later increment may replace
        them.
        """
        if found.covered == len(self._data):
            return Check(CheckName.LATER_CHANGES, Outcome.PASS, "pdfsign.covers-file")
        last = self._reader.xrefs.total_revisions - 1
        if found.revision == last:
            return _fail("pdfsign.bytes-after", count=str(len(self._data) - found.covered))
        own = {found.reference, found.widget_reference, *appearance}
        try:
            for revision in range(found.revision + 1, last + 1):
                new = self._reader.get_historical_resolver(revision)
                if own & new.explicit_refs_in_revision():
                    return _fail("pdfsign.signature-replaced", revision=str(revision + 1))
                self._step(found, revision)
        except SuspiciousModification as change:
            return _fail("pdfsign.changed-later", what=str(change)[:_TEXT])
        except FOREIGN as error:
            return Check(
                CheckName.LATER_CHANGES,
                Outcome.UNDECIDED,
                "pdfsign.changes-unreadable",
                params={"what": type(error).__name__},
            )
        later = sum(1 for other in self._all_found if other.revision > found.revision)
        if not later:
            return Check(CheckName.LATER_CHANGES, Outcome.NOTE, "pdfsign.validation-data-added")
        params = {"count": str(later)}
        return Check(CheckName.LATER_CHANGES, Outcome.PASS, "pdfsign.only-signatures-later", params=params)

    def _step(self, found: Found, revision: int) -> None:
        """Judge one later revision; raises `SuspiciousModification`.

        Without restrictions of its own a signature is judged step by step, and each step serves all
        signatures before it; with DocMDP or FieldMDP from its own revision.
        """
        permission, locked = _permission(found), _locked(found)
        if permission is not None or locked is not None:
            self._apply(found.revision, revision, locked, permission)
            return
        if revision not in self._steps:
            try:
                self._apply(revision - 1, revision, None, None)
                self._steps[revision] = None
            except SuspiciousModification as change:
                self._steps[revision] = change
        found_change = self._steps[revision]
        if found_change is not None:
            raise found_change

    def _apply(self, old: int, new: int, locked: FieldMDPSpec | None, permission: MDPPerm | None) -> None:
        result = _POLICY.apply(
            self._reader.get_historical_resolver(old),
            self._reader.get_historical_resolver(new),
            field_mdp_spec=locked,
            doc_mdp=permission,
        )
        if permission is MDPPerm.NO_CHANGES and result.modification_level > _LTA:
            raise SuspiciousModification("DocMDP allows no changes")


def check_tail(data: bytes, all_found: Sequence[Found]) -> list[Check]:
    """Bytes at the end of the file that no signature covers."""
    covered = max((item.covered for item in all_found), default=len(data))
    if covered >= len(data):
        return []
    place = f"{covered}–{len(data)}"
    return [
        Check(
            CheckName.UNPROTECTED,
            Outcome.WARNING,
            "pdfsign.uncovered-tail",
            place,
            {"count": str(len(data) - covered)},
        )
    ]


def _permission(found: Found) -> MDPPerm | None:
    level = permission_of(found.dictionary)
    return MDPPerm(level) if level in (1, 2) else None


def _locked(found: Found) -> FieldMDPSpec | None:
    for item in found.dictionary.get("/Reference", ()):
        reference = item.get_object()
        if reference.get("/TransformMethod") == "/FieldMDP":
            return FieldMDPSpec.from_pdf_object(reference["/TransformParams"])
    return None


def _fail(reason: str, **params: str) -> Check:
    return Check(CheckName.LATER_CHANGES, Outcome.FAIL, reason, params=params)
