"""Small PDFs for tests, and one signing of them, so that tests read like what they prove."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pikepdf
from reportlab.pdfgen.canvas import Canvas

from signing.pdf import document_digest, sign_pdf
from signing.verdict import FileVerdict, Outcome
from signing.wire import PDF_MEDIA_TYPE, StampBox
from tests.support.hospital import Event, Hospital

BOX = StampBox(0, 20.0, 20.0, 60.0, 20.0)
OTHER_BOX = StampBox(0, 20.0, 60.0, 60.0, 20.0)


def plain_pdf(*, pages: int = 1, text: str = "Consent") -> bytes:
    """`pages` pages of 300 × 400 pt, each with `text` at (100, 300) pt and (100, 200) pt."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(300, 400), invariant=1, pageCompression=0)
    for _ in range(pages):
        canvas.setFont("Helvetica", 20)
        canvas.drawString(100, 300, text)
        canvas.drawString(100, 200, text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def rewritten(data: bytes, *, rotate: int = 0, crop: Sequence[int] = (), **options: object) -> bytes:
    """The same document saved by qpdf with other options; `rotate` and `crop` go to the first page."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as document:
        if rotate:
            document.pages[0].Rotate = rotate
        if crop:
            document.pages[0].CropBox = pikepdf.Array(crop)
        document.save(out, static_id=True, **options)  # type: ignore[arg-type]
    return out.getvalue()


def sign(
    hospital: Hospital,
    data: bytes,
    *,
    box: StampBox = BOX,
    name: str = "王小明",
    seed: int = 1,
    text: Sequence[str] = (),
    event: Event | None = None,
    stamped: bool = True,
    **options: object,
) -> bytes:
    """Sign `data` with a fresh event certificate of the hospital."""
    event = event or hospital.event(document_digest(data), name=name, seed=seed, media_type=PDF_MEDIA_TYPE)
    return sign_pdf(
        data,
        box=box,
        picture=event.picture,
        text=text,
        signer=event.signer,
        certificate=event.certificate,
        chain=[hospital.ca],
        stamper=hospital.tsa if stamped else None,
        signed_at=hospital.now,
        **options,  # type: ignore[arg-type]
    )


def worst_reasons(verdict: FileVerdict) -> set[str]:
    """The reasons of every check that is more than a warning."""
    return {check.reason for check in verdict.all_checks() if check.outcome > Outcome.WARNING}
