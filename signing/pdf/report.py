"""The report for people: what was verified, in lines, on one page where it fits (`docs/pdf.md`)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    HRFlowable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from signing.pdf.errors import FontError
from signing.pdf.fonts import OVERRIDE, find_fonts, runs
from signing.verdict import (
    Check,
    CheckName,
    FileVerdict,
    Language,
    Outcome,
    SignatureVerdict,
    exit_status,
    has_message,
    say,
)

_COLOURS: dict[Outcome, Color] = {
    Outcome.PASS: HexColor("#1a7f37"),
    Outcome.NOTE: HexColor("#57606a"),
    Outcome.WARNING: HexColor("#9a6700"),
    Outcome.UNDECIDED: HexColor("#8250df"),
    Outcome.FAIL: HexColor("#cf222e"),
}
_RESULTS = {Outcome.FAIL: "verdict.file-broken", Outcome.UNDECIDED: "verdict.file-undecided"}
_INK = HexColor("#1f2328")
_QUIET = HexColor("#57606a")
_LINE = HexColor("#d0d7de")
_TEST = HexColor("#bc4c00")
_MARGIN = 16 * mm
_WIDTH = A4[0] - 2 * _MARGIN - 12  # the frame keeps 6 pt free on either side
_HEADING = [
    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 1.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
]
_MAX_TEXT = 600
_MAX_CHECKS = 500
"""Lines of one signature; a file made to have more gets a line that says so."""


def build_report_pdf(
    verdicts: Sequence[FileVerdict],
    *,
    language: Language = "zh_CN",
    generated_at: datetime,
) -> bytes:
    """An A4 report over `verdicts`; the same verdicts, language, time and fonts give the same bytes.

    Checks of one kind that found nothing wrong share a line; every other check has a line of its own.
    `generated_at` is aware and printed in UTC.

    Raises:
        FontError: `report.no-font`, `report.bad-font`.
    """
    page = _Page(language)
    story: list[Flowable] = list(page.head(verdicts, generated_at))
    for verdict in verdicts:
        story += page.file(verdict, 0)
    story += page.foot()
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=14 * mm,
        bottomMargin=16 * mm,
        title=say("report.title", language),
        author="Penward",
        invariant=1,
        initialFontName=page.font,
    )
    document.build(story, onFirstPage=page.number, onLaterPages=page.number)
    return out.getvalue()


class _Page:
    """The pieces of the report in one language."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._fonts = find_fonts()
        self._names = [_registered(font.path, font.index) for font in self._fonts]
        self.font = self._names[0]

    def head(self, verdicts: Sequence[FileVerdict], generated_at: datetime) -> Iterator[Flowable]:
        """Title, the overall result, and whether a test anchor was used."""
        yield self._text(self._say("report.title"), 18, leading=24)
        moment = generated_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        yield self._text(self._say("report.generated", time=moment), 8.5, colour=_QUIET)
        yield Spacer(1, 3 * mm)
        status = exit_status(verdicts)
        outcome = {0: Outcome.PASS, 1: Outcome.FAIL}.get(status, Outcome.UNDECIDED)
        yield self._banner(self._say(f"report.overall-{status}"), _COLOURS[outcome])
        if any(signature.test_anchor for verdict in verdicts for signature in _signatures(verdict)):
            yield Spacer(1, 1.5 * mm)
            yield self._banner(self._say("report.test-anchor"), _TEST)
        yield Spacer(1, 3 * mm)

    def file(self, verdict: FileVerdict, depth: int) -> list[Flowable]:
        """A file: its name and result, its signatures, its own checks, the files inside."""
        media = self._optional(f"report.media-{verdict.media}", verdict.media)
        title = f"{verdict.name or self._say('report.unnamed')}（{media}）"
        rows: list[Flowable] = [
            Table(
                [[self._badge(verdict.outcome), self._text(title, 11.5, leading=15)]],
                colWidths=[17 * mm, _WIDTH - 17 * mm],
                style=_HEADING,
                hAlign="LEFT",
            ),
            HRFlowable(width="100%", thickness=0.6, color=_LINE, spaceAfter=1.5 * mm),
        ]
        blocks: list[Flowable] = []
        for signature in verdict.signatures:
            blocks += self._signature(signature)
        if verdict.checks:
            blocks.append(self._text(self._say("report.whole-file"), 9.5, leading=13))
            blocks.append(self._checks(verdict.checks))
        blocks.append(Spacer(1, 3 * mm))
        for part in verdict.parts:
            if depth < 4:
                blocks += self.file(part, depth + 1)
        return [CondPageBreak(40 * mm), *rows, *blocks]

    def foot(self) -> list[Flowable]:
        """How to read the report, and how to have it done again."""
        return [
            HRFlowable(width="100%", thickness=0.6, color=_LINE, spaceAfter=1.5 * mm),
            self._text(self._say("report.how-to-read"), 7.5, colour=_QUIET),
        ]

    def number(self, canvas: Any, document: Any) -> None:
        """The page's number at its foot."""
        canvas.saveState()
        canvas.setFont(self.font, 7.5)
        canvas.setFillColor(_QUIET)
        canvas.drawRightString(A4[0] - _MARGIN, 9 * mm, self._say("report.page", page=document.page))
        canvas.drawString(_MARGIN, 9 * mm, self._say("report.made-by"))
        canvas.restoreState()

    def _signature(self, signature: SignatureVerdict) -> list[Flowable]:
        kind = self._optional(f"report.kind-{signature.kind}", signature.kind)
        head = self._say(
            "report.signature",
            number=signature.number,
            signer=signature.signer or self._say("report.unknown-signer"),
            kind=kind,
        )
        times = self._say(
            "report.times",
            signed=signature.signed_at or "—",
            stamped=signature.stamped_at or "—",
        )
        anchor = self._say("report.anchor", anchor=signature.anchor or self._say("report.no-anchor"))
        if signature.test_anchor:
            anchor = f"【测试】{anchor}"
        lines: list[Flowable] = [
            Table(
                [[self._badge(signature.outcome), self._text(head, 10, leading=13)]],
                colWidths=[17 * mm, _WIDTH - 17 * mm],
                style=_HEADING,
                hAlign="LEFT",
            ),
            self._text(times, 8, colour=_QUIET),
            self._text(anchor, 8, colour=_TEST if signature.test_anchor else _QUIET),
        ]
        return [CondPageBreak(30 * mm), *lines, self._checks(signature.checks), Spacer(1, 2 * mm)]

    def _checks(self, checks: Sequence[Check]) -> Table:
        rows = [
            [self._outcome(outcome), self._text(label, 8.5), self._text(reason, 8.5)]
            for outcome, label, reason in self._lines(checks)
        ]
        return Table(
            rows or [[self._text("—", 8.5), "", ""]],
            colWidths=[17 * mm, 30 * mm, _WIDTH - 47 * mm],
            style=[
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 0.8),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 0.8),
                ("LINEBELOW", (0, 0), (-1, -2), 0.25, _LINE),
            ],
            hAlign="LEFT",
        )

    def _lines(self, checks: Sequence[Check]) -> Iterator[tuple[Outcome, str, str]]:
        """(outcome, label, reason): what is right is gathered by kind, all else stands alone."""
        order = {name: number for number, name in enumerate(CheckName)}
        shown = sorted(checks[:_MAX_CHECKS], key=lambda check: order[check.name])
        for name, group in groupby(shown, key=lambda check: check.name):
            label = self._say(f"verdict.check-{name.value}")
            found = list(group)
            # What the evidence is bound to is what a reader looks for: each piece by its name.
            alone = name is CheckName.EVIDENCE_BINDING
            wrong = [check for check in found if alone or check.outcome > Outcome.NOTE]
            right = [check for check in found if not alone and check.outcome <= Outcome.NOTE]
            for check in wrong:
                yield check.outcome, label, self._reason(check)
            if right:
                reasons = list(
                    dict.fromkeys(self._reason(check) for check in right if check.outcome is Outcome.PASS)
                )
                notes = list(
                    dict.fromkeys(self._reason(check) for check in right if check.outcome is Outcome.NOTE)
                )
                first = (reasons or notes)[0]
                more = len(reasons or notes) - 1
                text = first + (self._say("report.and-more", count=more) if more else "")
                if reasons and notes:
                    text += " · " + notes[0]
                yield (Outcome.PASS if reasons else Outcome.NOTE), label, text
        if len(checks) > _MAX_CHECKS:
            left = len(checks) - _MAX_CHECKS
            worst = max(check.outcome for check in checks[_MAX_CHECKS:])
            yield worst, "…", self._say("report.lines-left-out", count=left)

    def _reason(self, check: Check) -> str:
        text = say(check.reason, self._language, subject=check.subject, **check.params)
        subject = self._optional(f"report.subject-{check.subject}", check.subject)
        return f"{subject}: {text}" if subject and check.subject not in text else text

    def _outcome(self, outcome: Outcome) -> Paragraph:
        mark = {Outcome.PASS: "✓", Outcome.NOTE: "·", Outcome.WARNING: "!", Outcome.UNDECIDED: "?"}.get(
            outcome, "×"
        )
        label = self._say(f"verdict.outcome-{outcome.name.lower()}")
        return self._text(f"{mark} {label}", 8.5, colour=_COLOURS[outcome])

    def _badge(self, outcome: Outcome) -> Table:
        label = self._say(_RESULTS.get(outcome, "verdict.file-valid"))
        colour = _COLOURS[Outcome.PASS if outcome is Outcome.NOTE else outcome]
        return Table(
            [[self._text(label, 8.5, colour=white, centred=True)]],
            colWidths=[15 * mm],
            style=[
                ("BACKGROUND", (0, 0), (-1, -1), colour),
                ("ROUNDEDCORNERS", [2, 2, 2, 2]),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ],
            hAlign="LEFT",
        )

    def _banner(self, text: str, colour: Color) -> Table:
        return Table(
            [[self._text(text, 11, colour=white, leading=15)]],
            colWidths=[_WIDTH],
            style=[
                ("BACKGROUND", (0, 0), (-1, -1), colour),
                ("ROUNDEDCORNERS", [3, 3, 3, 3]),
                ("LEFTPADDING", (0, 0), (-1, -1), 8),
                ("TOPPADDING", (0, 0), (-1, -1), 4),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
            ],
            hAlign="LEFT",
        )

    def _text(
        self,
        text: str,
        size: float,
        *,
        colour: Color = _INK,
        leading: float | None = None,
        centred: bool = False,
    ) -> Paragraph:
        style = ParagraphStyle(
            "report",
            fontName=self.font,
            fontSize=size,
            leading=leading or size * 1.35,
            textColor=colour,
            wordWrap="CJK" if self._language == "zh_CN" else None,
            alignment=1 if centred else 0,
            splitLongWords=1,
        )
        return Paragraph(self._markup(text), style)

    def _markup(self, text: str) -> str:
        """The text with a font for each run of characters; control characters are left out."""
        clean = "".join(c if c.isprintable() else " " for c in text)
        if len(clean) > _MAX_TEXT:
            clean = clean[:_MAX_TEXT] + "…"
        return "".join(
            escape(piece) if index == 0 else f'<font name="{self._names[index]}">{escape(piece)}</font>'
            for index, piece in runs(clean, self._fonts)
        )

    def _say(self, code: str, **params: object) -> str:
        return say(code, self._language, **params)

    def _optional(self, code: str, otherwise: str) -> str:
        return self._say(code) if has_message(code, self._language) else otherwise


@cache
def _registered(path: Path, index: int) -> str:
    """The name under which reportlab knows the font."""
    name = f"Penward-{path.stem}-{index}"
    try:
        pdfmetrics.registerFont(TTFont(name, str(path), subfontIndex=index))
    except (TTFError, OSError, ValueError) as error:
        raise FontError("report.bad-font", path=str(path), variable=OVERRIDE) from error
    return name


def _signatures(verdict: FileVerdict) -> Iterator[SignatureVerdict]:
    yield from verdict.signatures
    for part in verdict.parts:
        yield from _signatures(part)
