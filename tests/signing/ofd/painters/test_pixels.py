"""R28: pages whose pixels are known beforehand: fills, lines, clips, shadings, pictures, blend, order."""

from __future__ import annotations

import io
import math
import threading

import pytest
from PIL import Image
from PySide6.QtGui import QImage

from signing.ofd.document import Document, OfdError
from signing.ofd.painters.qt import png_bytes, render, render_page, render_png
from tests.signing.ofd.micro import SQUARE, fill, micro, path, text

Rgb = tuple[int, int, int]
WHITE, BLACK, RED, GREEN, BLUE = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)
DPI = 254.0  # ten pixels a millimetre


def draw(content: str, **parts: object) -> QImage:
    return render_page(micro(content, **parts), 0, DPI)


def at(image: QImage, x_mm: float, y_mm: float) -> Rgb:
    color = image.pixelColor(int(x_mm * 10), int(y_mm * 10))
    return color.red(), color.green(), color.blue()


def close(color: Rgb, wanted: Rgb, by: int = 6) -> bool:
    return all(abs(a - b) <= by for a, b in zip(color, wanted, strict=True))


def test_size_and_a_filled_square() -> None:
    """R28: 100 mm at 254 dpi are 1000 pixels; a filled square has sharp edges on pixel borders."""
    image = draw(fill("255 0 0", SQUARE, "20 30 10 10"))
    assert (image.width(), image.height()) == (1000, 1000)
    assert at(image, 20.05, 30.05) == at(image, 29.95, 39.95) == RED
    assert (
        at(image, 19.95, 35) == at(image, 30.05, 35) == at(image, 25, 29.95) == at(image, 25, 40.05) == WHITE
    )


def test_even_odd_and_non_zero() -> None:
    """R28: 9.1 Rule: a square in a square, both the same way round."""
    data = "M 0 0 L 30 0 L 30 30 L 0 30 C M 10 10 L 20 10 L 20 20 L 10 20 C"
    assert at(draw(fill("255 0 0", data)), 15, 15) == RED
    assert at(draw(fill("255 0 0", data, Rule="Even-Odd")), 15, 15) == WHITE
    assert at(draw(fill("255 0 0", data, Rule="Even-Odd")), 5, 5) == RED


def test_arcs_are_drawn() -> None:
    """R28: operator A: a disc of two arcs."""
    image = draw(fill("0 0 255", "M 10 30 A 20 20 0 0 1 50 30 A 20 20 0 0 1 10 30 C"))
    for angle in range(0, 360, 15):
        x, y = 30 + 19.8 * math.cos(math.radians(angle)), 30 + 19.8 * math.sin(math.radians(angle))
        assert at(image, x, y) == BLUE
        x, y = 30 + 20.2 * math.cos(math.radians(angle)), 30 + 20.2 * math.sin(math.radians(angle))
        assert at(image, x, y) == WHITE


def test_curves_end_where_they_say() -> None:
    """R28: operators B and Q: the middle of a symmetric curve."""
    image = draw(
        path("M 10 50 B 10 10 50 10 50 50", LineWidth=1) + path("M 60 50 Q 75 10 90 50", LineWidth=1)
    )
    assert at(image, 30, 20) == BLACK
    assert at(image, 75, 30) == BLACK
    assert at(image, 30, 22) == at(image, 75, 28) == WHITE


def test_line_width_caps_and_dashes() -> None:
    """R28: 8.2 LineWidth, Cap, DashPattern and DashOffset in millimetres, and grown by the CTM."""
    image = draw(path("M 20 20 L 40 20", LineWidth=2) + path("M 20 30 L 40 30", LineWidth=2, Cap="Square"))
    assert at(image, 30, 19.1) == at(image, 30, 20.9) == BLACK
    assert at(image, 30, 18.9) == at(image, 30, 21.1) == at(image, 19.8, 20) == WHITE
    assert at(image, 19.1, 30) == at(image, 40.9, 30) == BLACK
    image = draw(path("M 10 10 L 90 10", LineWidth=2, DashPattern="6 4", DashOffset="3"))
    for x in range(80):
        assert at(image, 10.5 + x, 10) == (BLACK if (x + 3) % 10 < 6 else WHITE)
    image = draw(path("M 10 10 L 40 10", LineWidth=2, CTM="2 0 0 2 0 0"))
    assert at(image, 50, 21.8) == BLACK
    assert at(image, 50, 22.2) == WHITE


def test_joins_and_the_miter_limit() -> None:
    """R28: 8.2 Join: a miter reaches out, a bevel does not, a small MiterLimit makes one the other."""
    corner = "M 20 60 L 50 30 L 80 60"
    for attributes, tip in (
        ({"Join": "Miter", "MiterLimit": 10}, BLACK),
        ({"Join": "Bevel"}, WHITE),
        ({"Join": "Miter", "MiterLimit": 1.1}, WHITE),
    ):
        image = draw(path(corner, LineWidth=10, **attributes))
        assert at(image, 50, 24.5) == tip
        assert at(image, 50, 31) == BLACK


def test_boundary_and_clips_cut() -> None:
    """R28: 8.4, 8.5: several clips meet, several areas of one clip join."""
    image = draw(fill("255 0 0", "M 0 0 L 50 0 L 50 50 L 0 50 C", "10 10 20 20"))
    assert at(image, 29.9, 29.9) == RED
    assert at(image, 30.1, 20) == at(image, 20, 30.1) == WHITE

    def area(x: int, y: int, side: int) -> str:
        outline = f"M 0 0 L {side} 0 L {side} {side} L 0 {side} C"
        return (
            f'<ofd:Area><ofd:Path Boundary="{x} {y} {side} {side}"><ofd:AbbreviatedData>{outline}'
            "</ofd:AbbreviatedData></ofd:Path></ofd:Area>"
        )

    big = "M 0 0 L 90 0 L 90 90 L 0 90 C"
    color = '<ofd:FillColor Value="255 0 0"/>'
    both = (
        f"<ofd:Clips><ofd:Clip>{area(0, 0, 40)}</ofd:Clip><ofd:Clip>{area(20, 20, 40)}</ofd:Clip></ofd:Clips>"
    )
    image = draw(path(big, inner=color + both, Fill="true", Stroke="false"))
    assert at(image, 30, 30) == RED
    assert at(image, 10, 10) == at(image, 50, 50) == WHITE
    joined = f"<ofd:Clips><ofd:Clip>{area(0, 0, 20)}{area(40, 40, 20)}</ofd:Clip></ofd:Clips>"
    image = draw(path(big, inner=color + joined, Fill="true", Stroke="false"))
    assert at(image, 10, 10) == at(image, 50, 50) == RED
    assert at(image, 30, 30) == WHITE


def test_opacity_and_blend() -> None:
    """R28: half a black over white is grey; Multiply darkens, Normal covers."""
    image = draw(fill("0 0 0", SQUARE, "10 10 10 10", Alpha="128"))
    assert close(at(image, 15, 15), (127, 127, 127), 2)
    under = fill("255 255 0", "M 0 0 L 30 0 L 30 30 L 0 30 C")
    assert at(draw(under + fill("0 255 255", SQUARE, "5 5 10 10")), 10, 10) == (0, 255, 255)
    assert at(draw(under + fill("0 255 255", SQUARE, "5 5 10 10", BlendMode="Multiply")), 10, 10) == GREEN
    after = fill("0 255 255", SQUARE, "5 5 10 10", BlendMode="Multiply") + fill(
        "255 0 0", SQUARE, "5 5 10 10"
    )
    assert at(draw(under + after), 10, 10) == RED


def shading(kind: str, attributes: str) -> str:
    colors = "".join(f"<ofd:Segment><ofd:Color Value='{c}'/></ofd:Segment>" for c in ("255 0 0", "0 0 255"))
    inner = f"<ofd:FillColor><ofd:{kind} {attributes}>{colors}</ofd:{kind}></ofd:FillColor>"
    return path("M 0 0 L 90 0 L 90 90 L 0 90 C", inner=inner, Fill="true", Stroke="false")


def test_axial_shading() -> None:
    """R28: 8.3.4.2: linear between the ends; outside only where Extend says so; repeated by MapUnit."""
    image = draw(shading("AxialShd", 'StartPoint="20 0" EndPoint="60 0"'))
    assert close(at(image, 20.5, 50), RED)
    assert close(at(image, 40, 10), (128, 0, 128))
    assert close(at(image, 59.5, 80), BLUE)
    assert at(image, 10, 50) == at(image, 70, 50) == WHITE
    image = draw(shading("AxialShd", 'StartPoint="20 0" EndPoint="60 0" Extend="3"'))
    assert at(image, 10, 50) == RED
    assert at(image, 70, 50) == BLUE
    image = draw(shading("AxialShd", 'StartPoint="20 0" EndPoint="60 0" Extend="1"'))
    assert at(image, 10, 50) == RED
    assert at(image, 70, 50) == WHITE
    image = draw(shading("AxialShd", 'StartPoint="20 0" EndPoint="60 0" MapType="Repeat" MapUnit="10"'))
    assert close(at(image, 35, 50), (128, 0, 128))
    assert close(at(image, 45, 50), (128, 0, 128))
    assert at(image, 65, 50) == WHITE
    image = draw(shading("AxialShd", 'StartPoint="20 0" EndPoint="60 0" MapType="Reflect" MapUnit="10"'))
    assert close(at(image, 22, 50), (204, 0, 51))
    assert close(at(image, 38, 50), (204, 0, 51))


def test_radial_shading() -> None:
    """R28: 8.3.4.3: a circle in a circle, and a cone where neither holds the other."""
    image = draw(shading("RadialShd", 'StartPoint="45 45" StartRadius="0" EndPoint="45 45" EndRadius="40"'))
    assert close(at(image, 45, 45), RED)
    assert close(at(image, 65, 45), (128, 0, 128))
    assert close(at(image, 45, 84.5), BLUE)
    assert at(image, 88, 88) == WHITE
    cone = 'StartPoint="20 45" StartRadius="5" EndPoint="70 45" EndRadius="15"'
    image = draw(shading("RadialShd", cone))
    assert close(at(image, 15.2, 45), RED, 12)
    assert close(at(image, 70, 45), BLUE, 40)
    assert at(image, 10, 45) == at(image, 88, 45) == WHITE
    assert at(draw(shading("RadialShd", cone + ' Extend="2"')), 89, 45) == BLUE


def picture(mode: str, kind: str, **options: object) -> bytes:
    """Left half red, right half blue; the lower half of it in the lower row."""
    image = Image.new("RGB", (20, 20), RED)
    image.paste(BLUE, (10, 0, 20, 20))
    image.paste(WHITE, (0, 10, 10, 20))
    out = io.BytesIO()
    image.convert(mode).save(out, kind, **options)
    return out.getvalue()


def pictured(members: dict[str, bytes], attributes: str = "", ctm: str = "40 0 0 40 0 0") -> QImage:
    entries = "".join(
        f'<ofd:MultiMedia ID="{50 + i}" Type="Image"><ofd:MediaFile>{name}</ofd:MediaFile></ofd:MultiMedia>'
        for i, name in enumerate(members)
    )
    return draw(
        f'<ofd:ImageObject ID="3" Boundary="10 10 40 40" CTM="{ctm}" ResourceID="50" {attributes}/>',
        resources=f"<ofd:MultiMedias>{entries}</ofd:MultiMedias>",
        members={f"Doc_0/Res/{name}": data for name, data in members.items()},
    )


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("RGB", "PNG"),
        ("P", "PNG"),
        ("RGBA", "PNG"),
        ("RGB", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGB", "BMP"),
        ("P", "GIF"),
        ("RGB", "TIFF"),
        ("CMYK", "TIFF"),
    ],
)
def test_pictures(mode: str, kind: str) -> None:
    """R28: 10: every format, recognised by its content, whatever the member is called."""
    image = pictured({"a.dat": picture(mode, kind)})
    by = 40 if kind == "JPEG" or mode in ("P", "CMYK") else 2
    assert close(at(image, 18, 18), RED, by)
    assert close(at(image, 42, 18), BLUE, by)
    assert close(at(image, 18, 42), WHITE, by)
    assert at(image, 9.5, 30) == at(image, 50.5, 30) == WHITE


def test_pictures_turned_masked_and_faded() -> None:
    """R28: any CTM, ImageMask, Alpha, and transparency of the picture's own."""
    image = pictured({"a.png": picture("RGB", "PNG")}, ctm="0 40 -40 0 40 0")
    assert close(at(image, 42, 18), RED, 2)
    assert close(at(image, 42, 42), BLUE, 2)
    mask = Image.new("L", (20, 20), 255)
    mask.paste(0, (0, 0, 10, 20))
    out = io.BytesIO()
    mask.save(out, "PNG")
    image = pictured({"a.png": picture("RGB", "PNG"), "m.png": out.getvalue()}, 'ImageMask="51"')
    assert at(image, 18, 18) == WHITE
    assert close(at(image, 42, 18), BLUE, 2)
    image = pictured({"a.png": picture("RGB", "PNG")}, 'Alpha="128"')
    assert close(at(image, 18, 18), (255, 127, 127), 3)


def test_a_damaged_picture_is_told_and_the_page_is_drawn() -> None:
    """R28: the rest of the page is shown."""
    resources = (
        '<ofd:MultiMedias><ofd:MultiMedia ID="50" Type="Image"><ofd:MediaFile>a.png</ofd:MediaFile>'
        "</ofd:MultiMedia></ofd:MultiMedias>"
    )
    document = micro(
        '<ofd:ImageObject ID="3" Boundary="0 0 9 9" CTM="9 0 0 9 0 0" ResourceID="50"/>'
        + fill("255 0 0", SQUARE, "20 20 10 10"),
        resources=resources,
        members={"Doc_0/Res/a.png": picture("RGB", "PNG")[:60]},
    )
    page = render(document, 0, DPI)
    assert {note.code for note in page.notes} == {"ofd.note-image"}
    assert at(page.image, 25, 25) == RED


def test_a_page_too_large_for_the_machine_is_refused() -> None:
    """R28: width and height are bounded before memory is taken."""
    for dpi in (100_000, math.inf, 0, -1, math.nan):
        with pytest.raises(OfdError) as caught:
            render(micro(), 0, dpi)
        assert caught.value.code == "ofd.page-too-large"


def test_png_is_the_picture() -> None:
    """R28: the export holds the same pixels and its resolution."""
    document = micro(fill("255 0 0", SQUARE, "20 30 10 10"))
    exported = Image.open(io.BytesIO(render_png(document, 0, DPI)))
    assert exported.size == (1000, 1000)
    assert exported.convert("RGB").getpixel((250, 350)) == RED
    assert round(float(exported.info["dpi"][0])) == 254


def test_several_threads_draw_the_same_picture() -> None:
    """R10, R28: the desktop draws in a worker; fonts stay in the thread that made them."""
    fonts = '<ofd:Fonts><ofd:Font ID="5" FontName="宋体"/></ofd:Fonts>'
    words = text("知情同意", "10 10 80 20", start='X="0" Y="15" DeltaX="10"')
    document: Document = micro(words + path(SQUARE), resources=fonts)
    pictures: list[bytes] = []

    def work() -> None:
        pictures.append(png_bytes(render_page(document, 0, 100)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pictures) == 4
    assert set(pictures) == {png_bytes(render_page(document, 0, 100))}
