"""R28, R39: the pictures of seal signatures on a page."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from PIL import Image

from signing.ofd.document import Document, load_document, open_package
from signing.ofd.painters.qt import RenderedPage, render
from signing.seal import Picture, build_seal_signature_v4, build_seal_v4
from tests.signing.ofd.micro import NAMESPACE, fill, micro_bytes
from tests.support.hospital import Hospital

LIST = (
    f'<ofd:Signatures {NAMESPACE}><ofd:Signature ID="1" Type="Seal" BaseLoc="S/Signature.xml"/>'
    "</ofd:Signatures>"
)


@pytest.fixture(scope="module")
def hospital() -> Hospital:
    """One set of test certificates."""
    return Hospital()


def sealed(hospital: Hospital, kind: str, data: bytes, stamps: str, value: bytes | None = None) -> Document:
    """A yellow page of 100 mm with stamps of a seal of that picture."""
    seal = build_seal_v4(
        esid="1",
        name="测试章",
        vendor_id="x",
        picture=Picture(kind, data, 20, 20),
        certificates=[hospital.station.der],
        valid_from=hospital.now,
        valid_to=hospital.now + timedelta(days=1),
        created=hospital.now,
        maker=hospital.maker_signer,
        maker_certificate=hospital.maker,
    )
    signature = build_seal_signature_v4(
        seal_der=seal,
        data_hash=bytes(32),
        property_info="/Doc_0/S/Signature.xml",
        signed_at=hospital.now,
        signer=hospital.station_signer,
        certificate=hospital.station,
    )
    entry = (
        f"<ofd:Signature {NAMESPACE}><ofd:SignedInfo>{stamps}<ofd:Seal><ofd:BaseLoc>Seal.esl</ofd:BaseLoc>"
        "</ofd:Seal></ofd:SignedInfo><ofd:SignedValue>/Doc_0/S/Value.dat</ofd:SignedValue></ofd:Signature>"
    )
    package = micro_bytes(
        fill("255 255 0", "M 0 0 L 100 0 L 100 100 L 0 100 C"),
        body="<ofd:Signatures>Doc_0/List.xml</ofd:Signatures>",
        members={
            "Doc_0/List.xml": LIST.encode(),
            "Doc_0/S/Signature.xml": entry.encode(),
            "Doc_0/S/Value.dat": signature if value is None else value,
            "Doc_0/S/Seal.esl": seal,
        },
    )
    return load_document(open_package(package))


def picture(kind: str) -> bytes:
    """Cyan on the left, white on the right."""
    image = Image.new("RGB", (40, 40), (0, 255, 255))
    image.paste((255, 255, 255), (20, 0, 40, 40))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def at(page: RenderedPage, x: float, y: float) -> tuple[int, int, int]:
    color = page.image.pixelColor(int(x * 4), int(y * 4))
    return color.red(), color.green(), color.blue()


STAMP = '<ofd:StampAnnot ID="2" PageRef="1" Boundary="20 20 40 40"/>'


@pytest.mark.parametrize("kind", ["png", "PNG", "GIF", "bmp", "tif"])
def test_a_raster_seal_darkens_what_lies_under_it(hospital: Hospital, kind: str) -> None:
    """R39: Multiply: white lets the page through, cyan on yellow is green; whatever case the type has."""
    real = {"tif": "TIFF"}.get(kind, kind.upper())
    page = render(sealed(hospital, kind, picture(real), STAMP), 0, 101.6)
    assert page.notes == ()
    assert at(page, 30, 40) == (0, 255, 0)
    assert at(page, 50, 40) == at(page, 19, 40) == at(page, 61, 40) == (255, 255, 0)


def test_an_ofd_seal_is_drawn_as_vectors_in_its_box(hospital: Hospital) -> None:
    """R28: the ink of a signature is such a picture; it is scaled from its page to the box."""
    inner = micro_bytes(fill("0 255 255", "M 0 0 L 5 0 L 5 10 L 0 10 C"), size="0 0 10 10")
    page = render(sealed(hospital, "ofd", inner, STAMP), 0, 101.6)
    assert page.notes == ()
    assert at(page, 39.5, 21) == at(page, 21, 59) == (0, 255, 0)
    assert at(page, 40.5, 40) == at(page, 19, 40) == (255, 255, 0)


def test_a_slice_of_a_riding_seal(hospital: Hospital) -> None:
    """R39: Clip is relative to the stamp's box."""
    clipped = STAMP.replace("/>", ' Clip="10 0 5 40"/>')
    page = render(sealed(hospital, "png", picture("PNG"), clipped), 0, 101.6)
    assert at(page, 29.5, 40) == at(page, 35.5, 40) == (255, 255, 0)
    assert at(page, 32, 40) == (0, 255, 0)


def test_stamps_of_other_pages_and_without_appearance_are_not_drawn(hospital: Hospital) -> None:
    """R39: PageRef; and the page as it was before it was sealed."""
    other = sealed(hospital, "png", picture("PNG"), STAMP.replace('PageRef="1"', 'PageRef="7"'))
    assert at(render(other, 0, 101.6), 30, 40) == (255, 255, 0)
    bare = render(sealed(hospital, "png", picture("PNG"), STAMP), 0, 101.6, appearance=False)
    assert at(bare, 30, 40) == (255, 255, 0)


def test_the_seal_file_stands_in_for_a_value_without_one(hospital: Hospital) -> None:
    """R39: where the signature value holds no seal, the seal beside it is shown."""
    page = render(sealed(hospital, "png", picture("PNG"), STAMP, value=b"0\0"), 0, 101.6)
    assert at(page, 30, 40) == (0, 255, 0)


@pytest.mark.parametrize(("kind", "data"), [("ofd", b"PK\x03\x04 broken"), ("png", b"broken"), ("xyz", b"?")])
def test_a_seal_that_cannot_be_shown_is_told(hospital: Hospital, kind: str, data: bytes) -> None:
    """R28: nothing is left out in silence, and the page is still drawn."""
    page = render(sealed(hospital, kind, data, STAMP), 0, 101.6)
    assert {n.code for n in page.notes} & {"ofd.note-seal", "ofd.note-image"}
    assert at(page, 30, 40) == (255, 255, 0)


def test_a_seal_that_holds_a_bomb_is_told(hospital: Hospital) -> None:
    """R28: the picture of a seal is opened under limits of its own."""
    bomb = micro_bytes(members={"bomb": bytes(17 << 20)})
    page = render(sealed(hospital, "ofd", bomb, STAMP), 0, 101.6)
    assert {n.code for n in page.notes} == {"ofd.note-seal"}
