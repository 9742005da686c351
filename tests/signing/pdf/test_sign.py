"""R20, R21, R28: a visible SM2 signature as one increment, and the ink in it found again."""

from __future__ import annotations

import io
import re

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from signing.ink import InkPicture, raster_png
from signing.pdf import PdfSignError, find_text, render_page, verify_pdf
from signing.pdf.appearance import read_appearance
from signing.pdf.ink import ink_stream, read_ink_stream
from signing.pdf.reading import open_reader
from signing.pki import EcSigner, Profile
from signing.verdict import Outcome
from signing.wire import StampBox
from tests.support.hospital import Hospital
from tests.support.pdfs import BOX, OTHER_BOX, plain_pdf, rewritten, sign, worst_reasons


def _ink(data: bytes, box: StampBox, page: int = 0) -> Image.Image:
    image = render_page(data, page, 254)
    whole = Image.frombytes("RGB", (image.width, image.height), image.rgb).convert("L")
    corners = (box.x_mm, box.y_mm, box.x_mm + box.width_mm, box.y_mm + box.height_mm)
    return whole.crop(tuple(round(v * 10) for v in corners))


def test_the_original_is_kept_byte_for_byte(plain: bytes, signed: bytes, signed_twice: bytes) -> None:
    """Each signature is an increment; nothing before it changes."""
    assert signed.startswith(plain)
    assert signed_twice.startswith(signed)


def test_contents_are_upper_case_hex_and_zero_padding(signed: bytes) -> None:
    """protocol.md: what we write is of one form."""
    match = re.search(rb"/Contents <([0-9A-F]+)>", signed)
    assert match is not None
    assert match[1].endswith(b"00" * 64)


def test_it_verifies(hospital: Hospital, signed_twice: bytes) -> None:
    """Two signers; both signatures are valid with the anchor, undecided without."""
    verdict = verify_pdf(signed_twice, anchors=[hospital.root])
    assert [s.signer for s in verdict.signatures] == ["王小明", "李明"]
    assert verdict.outcome <= Outcome.NOTE
    assert all(s.test_anchor and s.signed_at and s.stamped_at for s in verdict.signatures)
    assert verify_pdf(signed_twice, anchors=[]).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("mode", list(pikepdf.ObjectStreamMode))
@pytest.mark.parametrize("linearize", [False, True])
def test_kinds_of_cross_references(
    hospital: Hospital, mode: pikepdf.ObjectStreamMode, linearize: bool
) -> None:
    """Tables, streams, object streams, linearised files: signed twice, both valid."""
    data = rewritten(plain_pdf(), object_stream_mode=mode, linearize=linearize)
    once = sign(hospital, data)
    twice = sign(hospital, once, box=OTHER_BOX, seed=3)
    assert verify_pdf(twice, anchors=[hospital.root]).outcome <= Outcome.NOTE


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_the_ink_stands_upright_in_its_box(hospital: Hospital, rotate: int) -> None:
    """On a turned page the ink is shown as on any other: same box, same pixels but for rounding."""
    data = sign(hospital, rewritten(plain_pdf(text=" "), rotate=rotate), box=BOX)
    shown = _ink(data, BOX)
    assert shown.getextrema()[0] < 60
    upright = _ink(sign(hospital, plain_pdf(text=" "), box=BOX), BOX)
    small = (60, 20)
    pairs = zip(shown.resize(small).tobytes(), upright.resize(small).tobytes(), strict=True)
    assert sum(abs(a - b) for a, b in pairs) / (small[0] * small[1]) < 8
    around = StampBox(0, BOX.x_mm - 5, BOX.y_mm - 5, BOX.width_mm + 10, BOX.height_mm + 10)
    framed = _ink(data, around)
    framed.paste(255, (50, 50, 50 + 600, 50 + 200))
    assert framed.getextrema()[0] == 255


@settings(max_examples=25, deadline=None)
@given(
    width=st.floats(1, 100),
    height=st.floats(1, 100),
    picture_width=st.integers(1, 200_000),
    picture_height=st.integers(1, 200_000),
    lines=st.booleans(),
)
def test_what_is_written_is_read_back(
    hospital: Hospital, width: float, height: float, picture_width: int, picture_height: int, lines: bool
) -> None:
    """Whatever the shapes of box and picture: the very picture comes out of the appearance again."""
    corner = (picture_width, picture_height)
    picture = InkPicture(*corner, (((0, 0), (picture_width, 0), corner),))
    event = hospital.event(bytes(32))
    drawn = type(event)(event.signer, event.certificate, picture, event.evidence)
    box = StampBox(0, 1.0, 2.0, width, height)
    data = sign(hospital, plain_pdf(), event=drawn, box=box, text=("王",) if lines else (), stamped=False)
    reader = open_reader(data)
    widget = reader.root["/AcroForm"]["/Fields"][0].get_object()
    assert read_appearance(widget).picture == picture


def test_lines_of_text_are_shown_and_found(signed_twice: bytes) -> None:
    """Name and time below the ink, by an embedded font: what is read is what is meant."""
    assert _ink(signed_twice, OTHER_BOX).getextrema()[0] < 60
    with pikepdf.open(io.BytesIO(signed_twice)) as document:
        widget = document.Root.AcroForm.Fields[1]
        fonts = widget.AP.N.Resources.XObject.Note.Resources.Font
        assert all("/FontFile2" in f.DescendantFonts[0].FontDescriptor for f in fonts.values())
        mapping = next(iter(fonts.values())).ToUnicode.read_bytes()
    assert "李".encode("utf-16-be").hex().upper().encode() in mapping


def test_an_image_instead_of_ink(hospital: Hospital, plain: bytes) -> None:
    """Staff sign with a stored picture of their hand; transparency is kept."""
    event = hospital.event(bytes(32))
    signer = hospital.key()
    certificate = hospital.issue(Profile.STAFF_SIGN, "周建国", signer)
    staff = type(event)(signer, certificate, None, event.evidence)  # type: ignore[arg-type]
    png = raster_png(event.picture, 400, transparent=True)
    data = sign(hospital, plain, event=staff, image_png=png)
    assert _ink(data, BOX).getextrema()[0] < 60
    assert verify_pdf(data, anchors=[hospital.root]).outcome <= Outcome.NOTE
    with pytest.raises(PdfSignError) as caught:
        sign(hospital, plain, image_png=png)
    assert caught.value.code == "pdfsign.two-pictures"
    with pytest.raises(PdfSignError) as caught:
        sign(hospital, plain, event=staff, image_png=b"no picture")
    assert caught.value.code == "pdfsign.bad-image"


def test_other_algorithms_sign_too(hospital: Hospital, plain: bytes) -> None:
    """A P-256 key: SHA-256 instead of SM3, the rest the same."""
    from cryptography.hazmat.primitives.asymmetric import ec

    signer = EcSigner(ec.generate_private_key(ec.SECP256R1()))
    certificate = hospital.issue(Profile.STAFF_SIGN, "P-256", signer)
    event = hospital.event(bytes(32))
    staff = type(event)(signer, certificate, event.picture, event.evidence)
    assert verify_pdf(sign(hospital, plain, event=staff), anchors=[hospital.root]).outcome <= Outcome.NOTE


def test_without_a_time_stamp_it_cannot_be_decided(hospital: Hospital, plain: bytes) -> None:
    """R29: the signing time is then only claimed, and a token in unsigned bytes can be taken off."""
    verdict = verify_pdf(sign(hospital, plain, stamped=False), anchors=[hospital.root])
    found = [check.reason for check in verdict.all_checks() if check.outcome > Outcome.NOTE]
    assert (found, verdict.outcome) == (["pdfsign.no-time-stamp"], Outcome.UNDECIDED)


def test_a_large_time_stamp_finds_room(hospital: Hospital, plain: bytes) -> None:
    """A token larger than was reserved: written again with room; nothing is cut."""
    signer = hospital.key()
    certificate = hospital.issue(Profile.STAFF_SIGN, "张三", signer)
    event = hospital.event(bytes(32))
    staff = type(event)(signer, certificate, event.picture, event.evidence)

    class Padded:
        def stamp(self, message: bytes) -> bytes:
            # Not a token, but 20,000 bytes of DER: the room is what is tested here.
            return b"\x04\x82\x4e\x20" + bytes(20_000)

    hospital_like = type("H", (), {"tsa": Padded(), "ca": hospital.ca, "now": hospital.now})()
    data = sign(hospital_like, plain, event=staff)
    assert worst_reasons(verify_pdf(data, anchors=[hospital.root])) <= {"tsp.bad-token", "cms.strict-form"}


@pytest.mark.parametrize(
    ("box", "code"),
    [
        (StampBox(1, 10, 10, 20, 10), "pdfsign.no-page"),
        (StampBox(0, 100, 10, 20, 10), "pdfsign.outside-page"),
        (StampBox(0, -5, 10, 20, 10), "pdfsign.outside-page"),
        (StampBox(0, 10, 10, 0, 10), "pdfsign.outside-page"),
    ],
)
def test_boxes_that_are_not_on_a_page(hospital: Hospital, plain: bytes, box: StampBox, code: str) -> None:
    """Refused by name before anything is signed."""
    with pytest.raises(PdfSignError) as caught:
        sign(hospital, plain, box=box)
    assert caught.value.code == code


def test_a_field_is_signed_once(hospital: Hospital, plain: bytes) -> None:
    """The same field name twice is refused; without a name a free one is found."""
    once = sign(hospital, plain, field_name="patient")
    with pytest.raises(PdfSignError) as caught:
        sign(hospital, once, field_name="patient")
    assert caught.value.code == "pdfsign.field-taken"
    labels = [s.label for s in verify_pdf(sign(hospital, sign(hospital, once)), anchors=[]).signatures]
    assert labels == ["patient", "Penward-1", "Penward-2"]


def test_text_of_the_document_is_still_found(signed_twice: bytes) -> None:
    """Signing does not disturb the page."""
    assert len(find_text(signed_twice, "Consent")) == 2


_coordinate = st.integers(0, 50_000)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.tuples(_coordinate, _coordinate), min_size=3, max_size=12), max_size=5),
)
def test_ink_goes_into_pdf_and_back(paths: list[list[tuple[int, int]]]) -> None:
    """The form's stream is a function of the picture that can be turned back."""
    picture = InkPicture(50_000, 50_000, tuple(map(tuple, paths)))
    assert read_ink_stream(ink_stream(picture), 50_000, 50_000) == picture


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_other_streams_are_no_ink(stream: bytes) -> None:
    """Only what `ink_stream` makes is read as ink."""
    try:
        assert ink_stream(read_ink_stream(stream, 50_000, 50_000)) == stream
    except PdfSignError as error:
        assert error.code == "pdfsign.not-ink"
