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


def check_later_changes(
    reader: PdfFileReader,
    data: bytes,
    found: Found,
    all_found: Sequence[Found],
    appearance: Sequence[generic.Reference],
) -> Check:
    """One check on everything behind the bytes that `found` covers.

    `appearance` are the objects that make up what the signature shows; no later increment may replace
    them.
    """
    if found.covered == len(data):
        return Check(CheckName.LATER_CHANGES, Outcome.PASS, "pdfsign.covers-file")
    last = reader.xrefs.total_revisions - 1
    if found.revision == last:
        return _fail("pdfsign.bytes-after", count=str(len(data) - found.covered))
    own = {found.reference, found.widget_reference, *appearance}
    try:
        base = reader.get_historical_resolver(found.revision)
        for revision in range(found.revision + 1, last + 1):
            new = reader.get_historical_resolver(revision)
            if own & new.explicit_refs_in_revision():
                return _fail("pdfsign.signature-replaced", revision=str(revision + 1))
            _POLICY.apply(base, new, field_mdp_spec=_locked(found), doc_mdp=_permission(found))
    except SuspiciousModification as change:
        return _fail("pdfsign.changed-later", what=str(change)[:_TEXT])
    except FOREIGN as error:
        return Check(
            CheckName.LATER_CHANGES,
            Outcome.UNDECIDED,
            "pdfsign.changes-unreadable",
            params={"what": type(error).__name__},
        )
    later = sum(1 for other in all_found if other.revision > found.revision)
    if not later:
        return Check(CheckName.LATER_CHANGES, Outcome.NOTE, "pdfsign.validation-data-added")
    return Check(
        CheckName.LATER_CHANGES, Outcome.PASS, "pdfsign.only-signatures-later", params={"count": str(later)}
    )


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
