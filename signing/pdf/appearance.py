"""What a signature shows: ink, an image or lines of text in a box, turned with the page; read strictly.

Layout of the appearance stream: `q S 0 0 S X Y cm /Ink Do Q`, where the form /Ink is a function of the
picture alone (`signing.pdf.ink`), and `q 1 0 0 1 0 0 cm /Note Do Q` for lines of text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.writer import BasePdfFileWriter

from signing.ink import InkPicture
from signing.pdf.document import MM_PER_PT
from signing.pdf.errors import PdfSignError
from signing.pdf.ink import ink_box, ink_matrix, ink_stream, read_ink_stream
from signing.pdf.lettering import lettering_form, lettering_height

MAX_IMAGE_PIXELS = 25_000_000
_PT_PER_UM = 1 / (1000 * MM_PER_PT)
_PLACED = re.compile(
    rb"q\n(\d+\.\d{9}) 0 0 (\d+\.\d{9}) (\d+\.\d{4}) (\d+\.\d{4}) cm\n/Ink Do\nQ\n"
    rb"(?:q\n1 0 0 1 0 0 cm\n/Note Do\nQ\n)?"
)
# Clockwise degrees of the page → the matrix that turns the appearance the other way.
_TURNS = {0: (1, 0, 0, 1, 0, 0), 90: (0, 1, -1, 0, 0, 0), 180: (-1, 0, 0, -1, 0, 0), 270: (0, -1, 1, 0, 0, 0)}


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be shown; `picture` and `image_png` exclude each other, `lines` go below."""

    picture: InkPicture | None = None
    image_png: bytes | None = None
    lines: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """What a widget shows: the ink when there is any, and the objects that make up the appearance."""

    picture: InkPicture | None
    parts: tuple[generic.Reference, ...]


def appearance(
    writer: BasePdfFileWriter, look: Look, width_pt: float, height_pt: float, rotation: int
) -> generic.IndirectObject:
    """The normal appearance of a box of this size as shown, for a page turned by `rotation` degrees.

    Raises:
        PdfSignError: `pdfsign.two-pictures`, `pdfsign.bad-image`.
        FontError: lines of text and no font to write them with.
    """
    if look.picture is not None and look.image_png is not None:
        raise PdfSignError("pdfsign.two-pictures")
    below = lettering_height(look.lines, height_pt)
    content = b""
    forms = generic.DictionaryObject()
    if look.picture is not None:
        picture = look.picture
        fit = _fit(
            picture.width_um * _PT_PER_UM, picture.height_um * _PT_PER_UM, width_pt, height_pt - below, below
        )
        scale = fit[2] * _PT_PER_UM
        content += b"q\n%.9f 0 0 %.9f %.4f %.4f cm\n/Ink Do\nQ\n" % (scale, scale, fit[0], fit[1])
        forms[pdf_name("/Ink")] = writer.add_object(_ink_form(picture))
    if look.image_png is not None:
        image, width, height = _image(writer, look.image_png)
        fit = _fit(width, height, width_pt, height_pt - below, below)
        content += b"q\n%.4f 0 0 %.4f %.4f %.4f cm\n/Image Do\nQ\n" % (
            width * fit[2],
            height * fit[2],
            fit[0],
            fit[1],
        )
        forms[pdf_name("/Image")] = image
    if look.lines:
        content += b"q\n1 0 0 1 0 0 cm\n/Note Do\nQ\n"
        forms[pdf_name("/Note")] = lettering_form(writer, look.lines, width_pt, below)
    stream = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): _numbers((0, 0, width_pt, height_pt)),
            pdf_name("/Matrix"): generic.ArrayObject([generic.NumberObject(v) for v in _TURNS[rotation]]),
            pdf_name("/Resources"): generic.DictionaryObject({pdf_name("/XObject"): forms}),
        },
        stream_data=content,
    )
    return writer.add_object(stream)


def read_appearance(widget: generic.DictionaryObject) -> Shown:
    """What a widget that we wrote shows; `picture` is None when it shows no ink.

    Raises:
        PdfSignError: `pdfsign.not-ink`, `pdfsign.hidden`: an appearance that we would not have written.
    """
    appearances = widget["/AP"]
    normal = appearances.raw_get("/N")
    stream = normal.get_object()
    forms = stream["/Resources"]["/XObject"]
    parts = [normal.reference]
    if "/Ink" not in forms:
        return Shown(None, tuple(parts))
    x1, y1, x2, y2 = (float(value) for value in widget["/Rect"])
    if set(appearances) != {"/N"} or int(widget["/F"]) != 132 or not (x2 - x1 and y2 - y1):
        raise PdfSignError("pdfsign.hidden")
    placed = _PLACED.fullmatch(stream.data)
    if (
        placed is None
        or placed[1] != placed[2]
        or float(placed[1]) <= 0
        or set(stream) - {"/Type", "/Subtype", "/BBox", "/Matrix", "/Resources", "/Length", "/Filter"}
        or set(stream["/Resources"]) != {"/XObject"}
        or set(forms) - {"/Ink", "/Note"}
        or tuple(int(value) for value in stream["/Matrix"]) not in _TURNS.values()
    ):
        raise PdfSignError("pdfsign.not-ink")
    ink = forms.raw_get("/Ink")
    parts.append(ink.reference)
    picture = _read_ink(ink.get_object())
    _check_inside(stream, picture, placed)
    return Shown(picture, tuple(parts))


def _ink_form(picture: InkPicture) -> generic.StreamObject:
    form = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): generic.ArrayObject([generic.NumberObject(v) for v in ink_box(picture)]),
            pdf_name("/Matrix"): generic.ArrayObject([generic.NumberObject(v) for v in ink_matrix(picture)]),
            pdf_name("/Resources"): generic.DictionaryObject(),
        },
        stream_data=ink_stream(picture),
    )
    form.compress()
    return form


def _read_ink(form: generic.StreamObject) -> InkPicture:
    left, top, width, height = (int(value) for value in form["/BBox"])
    picture = read_ink_stream(form.data, width, height)
    if (
        (left, top) != (0, 0)
        or tuple(int(value) for value in form["/Matrix"]) != ink_matrix(picture)
        or form["/Subtype"] != "/Form"
        or set(form) - {"/Type", "/Subtype", "/BBox", "/Matrix", "/Resources", "/Length", "/Filter"}
        or len(form["/Resources"])
    ):
        raise PdfSignError("pdfsign.not-ink")
    return picture


def _check_inside(stream: generic.StreamObject, picture: InkPicture, placed: re.Match[bytes]) -> None:
    """The whole picture lies within the box, so that nothing of it is cut off."""
    scale, x, y = float(placed[1]), float(placed[3]), float(placed[4])
    left, bottom, right, top = (float(value) for value in stream["/BBox"])
    slack = 0.01
    if (
        x < left - slack
        or y < bottom - slack
        or x + picture.width_um * scale > right + slack
        or y + picture.height_um * scale > top + slack
    ):
        raise PdfSignError("pdfsign.hidden")


def _fit(
    width: float, height: float, box_width: float, box_height: float, bottom: float
) -> tuple[float, float, float]:
    """(x, y, scale): as large as fits, in the middle of the box that begins at `bottom`."""
    scale = min(box_width / width, box_height / height)
    left, up = (box_width - width * scale) / 2, (box_height - height * scale) / 2
    return max(0.0, left), bottom + max(0.0, up), scale


def _image(writer: BasePdfFileWriter, png: bytes) -> tuple[generic.IndirectObject, int, int]:
    """An image XObject with a soft mask where the PNG is transparent."""
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as opened:
            if opened.width * opened.height > MAX_IMAGE_PIXELS:
                raise PdfSignError("pdfsign.bad-image")
            rgba = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise PdfSignError("pdfsign.bad-image") from error
    image = _pixels(rgba.convert("RGB"), "/DeviceRGB")
    image[pdf_name("/SMask")] = writer.add_object(_pixels(rgba.getchannel("A"), "/DeviceGray"))
    return writer.add_object(image), rgba.width, rgba.height


def _pixels(image: Image.Image, space: str) -> generic.StreamObject:
    stream = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Image"),
            pdf_name("/Width"): generic.NumberObject(image.width),
            pdf_name("/Height"): generic.NumberObject(image.height),
            pdf_name("/ColorSpace"): pdf_name(space),
            pdf_name("/BitsPerComponent"): generic.NumberObject(8),
        },
        stream_data=image.tobytes(),
    )
    stream.compress()
    return stream


def _numbers(values: Sequence[float]) -> generic.ArrayObject:
    return generic.ArrayObject([generic.FloatObject(f"{value:.4f}") for value in values])
