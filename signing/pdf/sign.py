"""Signs a PDF: one increment with a visible field, and a CMS whose keys stay with the caller.

pyHanko writes the increment (classic and stream cross references); the CMS comes from `signing.cms`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import PdfSignedData

from signing.cms import build_signed_data
from signing.ink import InkPicture
from signing.pdf.appearance import Look, appearance
from signing.pdf.document import MM_PER_PT, PageFrame, open_pdf
from signing.pdf.errors import PdfSignError
from signing.pdf.limits import DEFAULT_LIMITS, Limits
from signing.pdf.normalise import certification_level
from signing.pdf.reading import open_writer, reading
from signing.pki import Certificate, Signer
from signing.tsp import TimeStamper
from signing.wire import StampBox

APP = "Penward"
PRIVATE_KEY = "/PNWD"
"""Our entry in the signature dictionary: << /V 1 /Base N >>, N the count of bytes before the increment."""
MAX_SIGNATURES = 100
_CMS_ROOM = 1024
_TOKEN_ROOM = 4 * 1024
_BOX_TOLERANCE_MM = 0.01


def sign_pdf(
    data: bytes,
    *,
    box: StampBox,
    picture: InkPicture | None,
    image_png: bytes | None = None,
    text: Sequence[str] = (),
    signer: Signer,
    certificate: Certificate,
    chain: Sequence[Certificate],
    stamper: TimeStamper | None,
    signed_at: datetime,
    reason: str = "",
    field_name: str = "",
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    """The signed document: `data` byte for byte, and one increment.

    `box` is where the ink (`picture`) or image is fitted in, with the lines of `text` below it; `chain`
    holds the certificates above `certificate`, which are exactly those embedded; `signed_at` is aware and
    written as /M to the second; `field_name` is made unique when empty.

    Raises:
        PdfError: what `normalise_pdf` raises; pass its result here.
        PdfSignError: `pdfsign.no-page`, `pdfsign.outside-page`, `pdfsign.field-taken`,
            `pdfsign.too-many`, `pdfsign.no-changes-allowed`, `pdfsign.two-pictures`, `pdfsign.bad-image`.
        FontError: lines of text and no font. What signer and stamper raise.
    """
    frame = _frame(data, box, limits)
    signed_at = signed_at.astimezone(UTC).replace(microsecond=0)
    look = Look(picture, image_png, tuple(text))

    def cms(digest: bytes) -> bytes:
        return build_signed_data(
            None,
            signer=signer,
            certificate=certificate,
            chain=chain,
            detached=True,
            content_digest=digest,
            timestamp=stamper.stamp if stamper else None,
        )

    room = _CMS_ROOM + sum(len(c.der) for c in (certificate, *chain)) + (_TOKEN_ROOM if stamper else 0)
    increment = _Increment(data, box, frame, look, certificate, signed_at, reason, field_name, limits)
    algorithm = "sm3" if signer.algorithm == "sm2" else "sha256"
    try:
        return increment.write(room, algorithm, cms)
    except _TooSmall as short:
        # A time stamp larger than was thought of: once more, with as much room as it took.
        return increment.write(short.needed + 1024, algorithm, cms)


class _TooSmall(Exception):
    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


class _Increment:
    def __init__(
        self,
        data: bytes,
        box: StampBox,
        frame: PageFrame,
        look: Look,
        certificate: Certificate,
        signed_at: datetime,
        reason: str,
        field_name: str,
        limits: Limits,
    ) -> None:
        self._data = data
        self._box = box
        self._frame = frame
        self._look = look
        self._certificate = certificate
        self._signed_at = signed_at
        self._reason = reason
        self._field_name = field_name
        self._limits = limits

    def write(self, room: int, algorithm: str, cms: Callable[[bytes], bytes]) -> bytes:
        """The file with a signature of at most `room` bytes of DER; raises `_TooSmall`."""
        writer = open_writer(self._data, self._limits)
        with reading():
            name = _free_name(writer, self._field_name)
            out = io.BytesIO()
            steps = self._steps(writer, name)
            field = next(steps).get_object()
            self._dress(writer, field)
            steps.send(SigObjSetup(sig_placeholder=self._dictionary(room)))
            prepared, _ = steps.send(SigIOSetup(md_algorithm=algorithm, output=out))
        value = cms(prepared.document_digest)
        if len(value) > room:
            raise _TooSmall(len(value))
        with reading():
            prepared.fill_with_cms(out, value)
        signed = out.getvalue()
        if not signed.startswith(self._data):
            raise PdfSignError("pdfsign.self-check")
        return signed

    def _steps(self, writer: IncrementalPdfFileWriter, name: str) -> Generator[Any, Any, None]:
        left, bottom, right, top = self._frame.rect
        spec = SigFieldSpec(
            sig_field_name=name,
            on_page=self._box.page,
            box=(left, bottom, right, top),
        )
        steps: Generator[Any, Any, None] = PdfCMSEmbedder(new_field_spec=spec).write_cms(
            field_name=name, writer=writer
        )
        return steps

    def _dress(self, writer: IncrementalPdfFileWriter, field: generic.DictionaryObject) -> None:
        """Give the new field its exact place and its appearance."""
        field[pdf_name("/Rect")] = generic.ArrayObject(
            [generic.FloatObject(f"{value:.4f}") for value in self._frame.rect]
        )
        field[pdf_name("/F")] = generic.NumberObject(132)  # printed, locked
        shown = appearance(
            writer,
            self._look,
            self._box.width_mm / MM_PER_PT,
            self._box.height_mm / MM_PER_PT,
            self._frame.rotation,
        )
        field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): shown})
        if self._frame.rotation:
            field[pdf_name("/MK")] = generic.DictionaryObject(
                {pdf_name("/R"): generic.NumberObject(self._frame.rotation)}
            )

    def _dictionary(self, room: int) -> PdfSignedData:
        signature = PdfSignedData(
            obj_type=pdf_name("/Sig"),
            subfilter=SigSeedSubFilter.PADES,
            timestamp=self._signed_at,
            bytes_reserved=2 * room,
        )
        signature[pdf_name("/Name")] = pdf_string(self._certificate.common_name)
        if self._reason:
            signature[pdf_name("/Reason")] = pdf_string(self._reason)
        signature[pdf_name("/Prop_Build")] = generic.DictionaryObject(
            {pdf_name("/App"): generic.DictionaryObject({pdf_name("/Name"): pdf_name(f"/{APP}")})}
        )
        signature[pdf_name(PRIVATE_KEY)] = generic.DictionaryObject(
            {
                pdf_name("/V"): generic.NumberObject(1),
                pdf_name("/Base"): generic.NumberObject(len(self._data)),
            }
        )
        return signature


def _frame(data: bytes, box: StampBox, limits: Limits) -> PageFrame:
    with open_pdf(data, limits) as document:
        if not 0 <= box.page < document.page_count:
            raise PdfSignError("pdfsign.no-page", page=box.page + 1, pages=document.page_count)
        width, height = document.page_size_mm(box.page)
        slack = _BOX_TOLERANCE_MM
        if (
            box.width_mm <= 0
            or box.height_mm <= 0
            or box.x_mm < -slack
            or box.y_mm < -slack
            or box.x_mm + box.width_mm > width + slack
            or box.y_mm + box.height_mm > height + slack
        ):
            raise PdfSignError("pdfsign.outside-page", page=box.page + 1)
        return document.frame(box.page, box.x_mm, box.y_mm, box.width_mm, box.height_mm)


def _free_name(writer: IncrementalPdfFileWriter, wanted: str) -> str:
    """The field's name: what was asked for, else the next of Penward-1, Penward-2, …"""
    if certification_level(writer.prev) == 1:
        raise PdfSignError("pdfsign.no-changes-allowed")
    taken = {name for name, _, _ in enumerate_sig_fields(writer)}
    if len(taken) >= MAX_SIGNATURES:
        raise PdfSignError("pdfsign.too-many", limit=MAX_SIGNATURES)
    if wanted:
        name = wanted.replace(".", "-")
        if name in taken:
            raise PdfSignError("pdfsign.field-taken", field=name)
        return name
    return next(name for n in range(1, MAX_SIGNATURES + 2) if (name := f"{APP}-{n}") not in taken)
