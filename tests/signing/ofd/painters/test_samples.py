"""R28: real documents drawn, and compared with pictures that another implementation made of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageStat
from PySide6.QtGui import QFontDatabase, QImage

from signing.ofd.document import Document, OfdError, open_document
from signing.ofd.painters.application import ensure_application
from signing.ofd.painters.qt import render, render_page
from signing.ofd.text import page_lines
from signing.verdict import has_message

REFERENCE_FONTS = ("AR PL SungtiL GB", "AR PL KaitiM GB", "Liberation Mono")


def gray(image: QImage) -> Image.Image:
    """The page in shades of grey."""
    plain = image.convertToFormat(QImage.Format.Format_Grayscale8)
    return Image.frombytes(
        "L", (plain.width(), plain.height()), bytes(plain.constBits()), "raw", "L", plain.bytesPerLine()
    )


def open_sample(shared_testdata: Path, name: str) -> Document:
    return open_document(shared_testdata / "ofd" / name)


def test_every_page_of_every_sample_is_drawn(samples: list[Path]) -> None:
    """R28: no exception, and every remark has its sentence in both languages."""
    for sample in samples:
        document = open_document(sample)
        for index in range(len(document.pages)):
            page = render(document, index, 40)
            for remark in (*page.notes, *document.package.tolerances):
                for language in ("zh_CN", "en"):
                    assert has_message(remark.code, language), remark.code
                    assert "{" not in remark.text(language)


@pytest.mark.parametrize(
    ("name", "index"),
    [("999", 0), ("999", 1), ("1", 0), ("n", 0), ("n", 1), ("zsbk", 0), ("zsbk", 1), ("20240531141733", 0)],
)
def test_glyphs_stand_where_the_reference_has_them(shared_testdata: Path, name: str, index: int) -> None:
    """R28: the ink of each glyph, at 150 dpi with the reference's font map.

    Not every glyph can agree to the pixel: rasterisers differ in thin strokes, and the reference draws no
    weight. Most must agree within one pixel and nearly all within four.
    """
    ensure_application()
    if not set(REFERENCE_FONTS) <= set(QFontDatabase.families()):
        pytest.skip("the fonts that the reference pictures were made with are not installed")
    document = open_sample(shared_testdata, f"ofdrw/converter/{name}.ofd")
    ours = gray(render_page(document, index, 150))
    theirs = Image.open(shared_testdata / "ofd-reference" / f"{name}-{index + 1}.png").convert("L")
    assert ours.size == theirs.size
    offsets = []
    scale = 150 / 25.4
    for line in page_lines(document, index):
        for placed in line:
            x, y, width, height = placed.box
            box = (
                int(x * scale) - 1,
                int(y * scale) - 1,
                int((x + width) * scale) + 2,
                int((y + height) * scale) + 2,
            )
            inks = [i.crop(box).point(lambda v: 255 if v < 160 else 0).getbbox() for i in (ours, theirs)]
            if all(inks):
                offsets.append(max(abs(a - b) for a, b in zip(inks[0] or (), inks[1] or (), strict=True)))
    assert len(offsets) > 40
    assert sum(o <= 1 for o in offsets) / len(offsets) > 0.78
    assert sum(o <= 4 for o in offsets) / len(offsets) > 0.95


def share_of_red(
    image: QImage, x_mm: float, y_mm: float, width_mm: float, height_mm: float, dpi: float
) -> float:
    scale = dpi / 25.4
    picture = image.copy(
        round(x_mm * scale), round(y_mm * scale), round(width_mm * scale), round(height_mm * scale)
    )
    red = sum(
        color.red() > 180 and color.green() < 120
        for color in (
            picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height())
        )
    )
    return red / (picture.width() * picture.height())


def test_a_riding_seal_shows_one_slice_on_each_page(shared_testdata: Path) -> None:
    """R39: Clip of a StampAnnot: V4RideRight.ofd, five pages, eight millimetres each at the right edge."""
    document = open_sample(shared_testdata, "ofdrw/converter/V4RideRight.ofd")
    bare = render_page(document, 0, 72, appearance=False)
    assert share_of_red(bare, 202, 40, 8, 40, 72) == 0
    for index in range(5):
        image = render_page(document, index, 72)
        assert share_of_red(image, 202, 40, 8, 40, 72) > 0.04
        assert share_of_red(image, 195, 40, 6.5, 40, 72) == 0


@pytest.mark.parametrize(
    ("name", "box"),
    [
        ("ofdrw/converter/999.ofd", (90, 8, 30, 20)),  # an OFD as picture
        ("ofdrw/converter/n.ofd", (122.94, 37, 33, 33)),  # layout v1
        ("ofdrw/reader/SESV4SignDoc.ofd", (50, 50, 40, 40)),
        ("easyofd-java/image-seal.ofd", (10, 10, 40, 30)),
        ("ofdrw/converter/zsbk.ofd", (87, 140, 45, 45)),
    ],
)
def test_seals_are_shown_where_they_belong(
    shared_testdata: Path, name: str, box: tuple[float, float, float, float]
) -> None:
    """R39: the pictures of seal signatures, whatever their type; and not without appearance."""
    document = open_sample(shared_testdata, name)
    assert not any(n.code == "ofd.note-seal" for n in render(document, 0, 72).notes)
    shares = []
    for index in range(len(document.pages)):
        drawn, bare = (render_page(document, index, 72, appearance=a) for a in (True, False))
        shares.append(share_of_red(drawn, *box, 72) - share_of_red(bare, *box, 72))
    assert max(shares) > 0.03


def test_a_jbig2_picture_is_decoded(shared_testdata: Path) -> None:
    """R28: 1.ofd holds its QR code as JBIG2: about half of it is dark."""
    document = open_sample(shared_testdata, "ofdrw/converter/1.ofd")
    page = gray(render_page(document, 0, 150))
    scale = 150 / 25.4
    code = page.crop((round(8.5 * scale), round(3.5 * scale), round(28 * scale), round(23 * scale)))
    assert 0.3 < 1 - ImageStat.Stat(code).mean[0] / 255 < 0.65


def test_leniencies_of_real_files(shared_testdata: Path) -> None:
    """R28: folders that differ in case; a signature list that is named and missing."""
    document = open_sample(shared_testdata, "ofdrw/converter/containsJPEG.ofd")
    assert ImageStat.Stat(gray(render_page(document, 0, 40))).mean[0] < 250
    assert {t.code for t in document.package.tolerances} == {"ofd.tolerance-case"}
    assert open_sample(shared_testdata, "ofdrw/layout/fptpl.ofd").signatures_missing


def test_damaged_samples_raise_only_ofd_error(shared_testdata: Path) -> None:
    """R28: one bit of each member in turn."""
    data = bytearray((shared_testdata / "ofd/easyofd-java/FontGlyphsBase.ofd").read_bytes())
    for position in range(0, len(data), max(1, len(data) // 60)):
        data[position] ^= 0x10
        try:
            document = open_document(bytes(data))
            for index in range(len(document.pages)):
                render(document, index, 30)
        except OfdError as error:
            assert has_message(error.code, "zh_CN")
        data[position] ^= 0x10
