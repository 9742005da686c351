"""Judges every signature of a PDF, each thing that was looked at a check of its own (`docs/pdf.md`).

What a signature covers and what it shows is worked out here; the CMS, its certificates and the time
stamp are judged by `signing.cms` and `signing.tsp`, the event certificate by `signing.evidence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.cms import CmsError, SignerResult, verify_signed_data
from signing.evidence import EVENT_BINDING_OID, EventBinding, check_binding
from signing.ink import InkPicture
from signing.pdf.appearance import Shown, read_appearance
from signing.pdf.changes import LaterChanges, check_tail
from signing.pdf.damage import locate_damage
from signing.pdf.errors import PdfError, PdfSignError
from signing.pdf.limits import DEFAULT_LIMITS, Limits
from signing.pdf.reading import FOREIGN, open_reader, reading
from signing.pdf.signatures import BYTE_RANGES, Found, find_signatures
from signing.pki import Certificate
from signing.sm import sm3
from signing.tsp import token_verifier, verify_token
from signing.verdict import Check, CheckName, FileVerdict, Outcome, PenwardError, SignatureVerdict

_CLOCK_TOLERANCE = timedelta(minutes=5)
_WRONG_DIGEST = ("cms.digest-wrong", "tsp.imprint-wrong")


def verify_pdf(
    data: bytes,
    *,
    anchors: Sequence[Certificate],
    at: datetime | None = None,
    name: str = "",
    limits: Limits = DEFAULT_LIMITS,
) -> FileVerdict:
    """The verdict on a PDF: one `SignatureVerdict` for each filled signature field, in the order of signing.

    `anchors` are the only certificates trusted. Validity is judged at the time that the signature claims
    (or at `at`, aware, when given), and the time stamp must agree with it. Nothing is raised for what the
    file holds: what cannot be read becomes a check. A file without a signature is not decidable.
    """
    marks = len(BYTE_RANGES.findall(data)) if len(data) <= limits.size else 0
    try:
        reader = open_reader(data, limits)
        with reading():
            found = find_signatures(reader, data)
            reader.root["/Pages"]["/Count"]
    except PdfError as error:
        # Bytes of a signature in a file that cannot be read: it was signed and is damaged now.
        outcome = Outcome.FAIL if marks and error.code == "pdf.damaged" else Outcome.UNDECIDED
        structure = _from_error(CheckName.STRUCTURE, outcome, error)
        return FileVerdict(name, "pdf", (), (structure, *(locate_damage(data) if marks else ())))
    verifier = _Verifier(reader, data, found, anchors, at)
    signatures = verifier.verdicts()
    checks = check_tail(data, found)
    if marks > len(found):
        params = {"marks": str(marks), "found": str(len(found))}
        # Inside bytes that a sound signature covers it may be a file within the file; elsewhere it is damage.
        inside = all(mark.end() <= verifier.intact_up_to for mark in BYTE_RANGES.finditer(data))
        outcome = Outcome.UNDECIDED if inside else Outcome.FAIL
        checks.append(Check(CheckName.STRUCTURE, outcome, "pdfsign.hidden-signature", params=params))
        checks += () if inside else locate_damage(data)
    if not found:
        checks.append(Check(CheckName.STRUCTURE, Outcome.UNDECIDED, "pdfsign.no-signature"))
    return FileVerdict(name, "pdf", tuple(signatures), tuple(checks))


@dataclass(frozen=True, slots=True)
class _Look:
    """What the widget shows, or the reason why that cannot be said."""

    shown: Shown | None
    problem: Check | None


class _Verifier:
    def __init__(
        self,
        reader: PdfFileReader,
        data: bytes,
        found: Sequence[Found],
        anchors: Sequence[Certificate],
        at: datetime | None,
    ) -> None:
        self._data = data
        self._found = found
        self._anchors = anchors
        self._at = at
        self._changes = LaterChanges(reader, data, found)
        self.intact_up_to = 0
        """The end of the last signature, so far, whose digest is right: a change lies behind it."""

    def verdicts(self) -> list[SignatureVerdict]:
        """One verdict for each signature."""
        return [self._verdict(number, item) for number, item in enumerate(self._found, start=1)]

    def _verdict(self, number: int, found: Found) -> SignatureVerdict:
        look = _look(found)
        checks = list(found.problems)
        if look.problem is not None:
            checks.append(look.problem)
        if found.dictionary.get("/Type") == "/DocTimeStamp":
            return self._document_time_stamp(number, found, checks, look)
        claimed, time_checks = _claimed_time(found)
        checks += time_checks
        try:
            result = self._signer_result(found, claimed)
        except CmsError as error:
            checks.append(_from_error(CheckName.STRUCTURE, Outcome.FAIL, error))
            checks += self._placed_changes(found, look)
            return SignatureVerdict(number, "pdf-cms", "", tuple(checks), label=found.field_name)
        if not checks:
            checks.append(Check(CheckName.STRUCTURE, Outcome.PASS, "pdfsign.structure-good"))
        whole = not any(check.reason in _WRONG_DIGEST for check in result.checks)
        checks.append(self._integrity(found, result.certificate, whole))
        checks += result.checks
        checks += _times(result, claimed, strict=found.is_ours)
        checks += self._binding(found, result.certificate, look)
        checks += self._placed_changes(found, look)
        stamped = result.timestamp.gen_time if result.timestamp else None
        path = result.path
        return SignatureVerdict(
            number=number,
            kind="pdf-cms",
            signer=result.certificate.common_name if result.certificate else "",
            checks=tuple(checks),
            signed_at=_text(claimed or result.signing_time),
            stamped_at=_text(stamped),
            anchor=path.anchor.subject_text if path and path.anchor else "",
            label=found.field_name,
        )

    def _signer_result(self, found: Found, claimed: datetime | None) -> SignerResult:
        results = verify_signed_data(
            found.cms,
            content=found.content(self._data),
            anchors=self._anchors,
            at=self._at or claimed,
            strict=found.is_ours,
            timestamp_verifier=token_verifier(self._anchors, strict=found.is_ours),
            known_extensions=frozenset({EVENT_BINDING_OID}),
        )
        if len(results) != 1:
            raise CmsError("cms.strict-extra")
        return results[0]

    def _document_time_stamp(
        self, number: int, found: Found, checks: list[Check], look: _Look
    ) -> SignatureVerdict:
        try:
            result = verify_token(found.cms, found.content(self._data), anchors=self._anchors, at=self._at)
        except PenwardError as error:
            checks.append(_from_error(CheckName.TIME_STAMP, Outcome.FAIL, error))
            return SignatureVerdict(number, "pdf-time-stamp", "", tuple(checks), label=found.field_name)
        whole = not any(check.reason in _WRONG_DIGEST for check in result.checks)
        checks.append(self._integrity(found, None, whole))
        checks += result.checks
        checks += self._placed_changes(found, look)
        path = result.path
        return SignatureVerdict(
            number=number,
            kind="pdf-time-stamp",
            signer=result.certificate.common_name if result.certificate else "",
            checks=tuple(checks),
            stamped_at=_text(result.gen_time),
            anchor=path.anchor.subject_text if path and path.anchor else "",
            label=found.field_name,
        )

    def _integrity(self, found: Found, certificate: Certificate | None, whole: bool) -> Check:
        """Whether the signed bytes are as they were and, if not, between which offsets the change lies."""
        if whole and found.covered:
            self.intact_up_to = max(self.intact_up_to, found.covered)
            return Check(
                CheckName.INTEGRITY,
                Outcome.PASS,
                "pdfsign.bytes-whole",
                params={"count": str(found.covered - (found.end - found.start))},
            )
        start, end = min(self.intact_up_to, found.covered), found.covered
        sound = all(check.reason != "pdfsign.bad-base" for check in found.problems)
        bound = _bound_document(certificate) if sound else None
        if bound is not None and found.base is not None and 0 < found.base < end:
            if sm3(self._data[: found.base]) == bound:
                start = max(start, found.base)
            else:
                end = found.base
        return Check(
            CheckName.INTEGRITY,
            Outcome.FAIL,
            "pdfsign.bytes-changed",
            f"{start}–{end}",
            {"start": str(start), "end": str(end)},
        )

    def _binding(self, found: Found, certificate: Certificate | None, look: _Look) -> list[Check]:
        """The event certificate against the document before the increment and the ink that is shown."""
        if certificate is None or certificate.extension(EVENT_BINDING_OID) is None:
            return []
        if found.base is None:
            return [Check(CheckName.EVIDENCE_BINDING, Outcome.FAIL, "pdfsign.no-base", "document")]
        picture = look.shown.picture if look.shown else None
        checks = list(
            check_binding(
                certificate,
                document_digest=sm3(self._data[: found.base]),
                picture_bytes=_bytes_of(picture),
            )
        )
        if picture is None:
            checks.append(Check(CheckName.EVIDENCE_BINDING, Outcome.FAIL, "pdfsign.no-ink", "picture"))
        return checks

    def _placed_changes(self, found: Found, look: _Look) -> list[Check]:
        parts = look.shown.parts if look.shown else ()
        return [self._changes.check(found, parts)]


def _look(found: Found) -> _Look:
    """Only of our own signatures is it known how they must look."""
    if not found.is_ours:
        return _Look(None, None)
    try:
        shown = read_appearance(found.widget)
        page = found.widget["/P"]
        annotations = [item.reference for item in page["/Annots"]]
        if found.widget_reference not in annotations:
            raise PdfSignError("pdfsign.hidden")
    except PdfSignError as error:
        return _Look(None, _from_error(CheckName.STRUCTURE, Outcome.FAIL, error))
    except FOREIGN:
        return _Look(None, Check(CheckName.STRUCTURE, Outcome.FAIL, "pdfsign.not-ink"))
    return _Look(shown, None)


def _claimed_time(found: Found) -> tuple[datetime | None, list[Check]]:
    """/M of the signature dictionary, in UTC."""
    stored = found.dictionary.get("/M")
    if stored is None:
        return None, []
    try:
        moment = generic.parse_pdf_date(str(stored), strict=False)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC), []
    except FOREIGN:
        outcome = Outcome.FAIL if found.is_ours else Outcome.WARNING
        return None, [Check(CheckName.STRUCTURE, outcome, "pdfsign.bad-time")]


def _times(result: SignerResult, claimed: datetime | None, *, strict: bool) -> list[Check]:
    """The time stamp must lie inside the certificate's validity and not before the claimed time.

    `strict` is for what we wrote: it always has a time stamp, so one that is gone was taken off.
    """
    stamp = result.timestamp
    if stamp is None:
        if result.timestamp_token is not None:
            return []
        outcome = Outcome.UNDECIDED if strict else Outcome.NOTE
        return [Check(CheckName.TIME_STAMP, outcome, "pdfsign.no-time-stamp")]
    stamped, certificate = stamp.gen_time, result.certificate
    if stamped is None or certificate is None:
        return []
    params = {"stamped": _text(stamped), "claimed": _text(claimed)}
    checks = []
    if not certificate.not_before <= stamped <= certificate.not_after:
        checks.append(
            Check(CheckName.VALIDITY, Outcome.FAIL, "pdfsign.stamped-outside-validity", params=params)
        )
    if claimed is not None and claimed > stamped + _CLOCK_TOLERANCE:
        outcome = Outcome.FAIL if strict else Outcome.WARNING
        checks.append(Check(CheckName.TIME_STAMP, outcome, "pdfsign.signed-after-stamp", params=params))
    return checks


def _bound_document(certificate: Certificate | None) -> bytes | None:
    """The document digest in an event certificate, None when it has none that can be read."""
    try:
        binding = EventBinding.of_certificate(certificate) if certificate else None
    except PenwardError:
        return None
    return binding.document if binding else None


def _bytes_of(picture: InkPicture | None) -> bytes | None:
    return None if picture is None else picture.to_bytes()


def _from_error(name: CheckName, outcome: Outcome, error: PenwardError) -> Check:
    return Check(name, outcome, error.code, params={key: str(value) for key, value in error.params.items()})


def _text(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
