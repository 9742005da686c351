"""Decodes the pictures of an OFD (PNG, JPEG, BMP, GIF, TIFF, JBIG2) to plain pixels, within bounds."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from signing.ofd.errors import OfdError
from signing.pdf.document import open_pdf
from signing.pdf.errors import PdfError

MOST_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "TIFF", "JPEG2000")
_JBIG2_MAGIC = b"\x97JB2\r\n\x1a\n"
_PAGE_INFORMATION, _END_OF_PAGE, _END_OF_FILE = 48, 49, 51
_ONE_PIXEL_A_POINT = 72.0


@dataclass(frozen=True, slots=True)
class Raster:
    """Pixels row by row without padding. `mode` is L (1 byte), RGB (3) or RGBA (4, not premultiplied)."""

    width: int
    height: int
    mode: str
    data: bytes


def decode_image(data: bytes, name: str = "", mask: bytes | None = None) -> Raster:
    """The picture, recognised by its content and never by its name.

    `mask` is a second picture whose light parts let the first be seen. GIF and TIFF give their first frame.

    Raises:
        OfdError: `ofd.bad-image`: unknown, damaged, or more than 50 million pixels.
    """
    picture = _open(data, name)
    if mask is not None:
        alpha = _open(mask, name).convert("L")
        if alpha.size != picture.size:
            alpha = alpha.resize(picture.size)
        picture = picture.convert("RGB")
        picture.putalpha(alpha)
    return Raster(picture.width, picture.height, picture.mode, picture.tobytes())


def _open(data: bytes, name: str) -> Image.Image:
    if data.startswith(_JBIG2_MAGIC):
        return _jbig2(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data), formats=_FORMATS)
            if picture.width * picture.height > MOST_PIXELS:
                raise OfdError("ofd.bad-image", name=name)
            picture.load()
            return _plain(ImageOps.exif_transpose(picture) if picture.format == "TIFF" else picture)
    except OfdError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError) as error:
        raise OfdError("ofd.bad-image", name=name) from error
    except Exception as error:  # decoders raise struct, index, type and syntax errors on damaged files
        raise OfdError("ofd.bad-image", name=name) from error


def _plain(picture: Image.Image) -> Image.Image:
    """The picture in one of the three modes of a Raster."""
    if picture.mode in ("L", "RGB", "RGBA"):
        return picture
    if picture.mode in ("1", "I;16", "I", "F"):
        if picture.mode == "1":
            return picture.convert("L")
        return picture.convert("F").point(lambda value: value / 256).convert("L")
    has_alpha = picture.mode in ("LA", "PA", "La", "RGBa") or "transparency" in picture.info
    return picture.convert("RGBA" if has_alpha else "RGB")


def _jbig2(data: bytes, name: str) -> Image.Image:
    """A JBIG2 file (ITU-T T.88, annex D) by way of a PDF of one picture, which PDFium decodes."""
    try:
        stream, width, height = _jbig2_embedded(data)
        if not 0 < width * height <= MOST_PIXELS:
            raise ValueError("size")
        with open_pdf(_one_picture_pdf(stream, width, height)) as document:
            page = document.render(0, _ONE_PIXEL_A_POINT)
        return Image.frombytes("RGB", (page.width, page.height), page.rgb).convert("L")
    except (ValueError, struct.error, IndexError, PdfError) as error:
        raise OfdError("ofd.bad-image", name=name) from error


def _jbig2_embedded(data: bytes) -> tuple[bytes, int, int]:
    """The segments as PDF wants them (no file header, no end marks), and the page's size in pixels."""
    flags = data[8]
    if not flags & 1:
        raise ValueError("segments in random-access order")
    position = 9 if flags & 2 else 13
    kept = bytearray()
    width = height = 0
    while position < len(data):
        number, segment_flags = struct.unpack_from(">IB", data, position)
        header = position + 5
        referred = data[header] >> 5
        if referred == 7:
            referred = struct.unpack_from(">I", data, header)[0] & 0x1FFFFFFF
            header += 4 + (referred + 8) // 8
        else:
            header += 1
        header += referred * (1 if number <= 256 else 2 if number <= 65536 else 4)
        header += 4 if segment_flags & 0x40 else 1
        length = struct.unpack_from(">I", data, header)[0]
        header += 4
        kind = segment_flags & 0x3F
        if length == 0xFFFFFFFF or header + length > len(data):
            length = len(data) - header
        if kind == _PAGE_INFORMATION:
            width, height = struct.unpack_from(">II", data, header)
        if kind not in (_END_OF_PAGE, _END_OF_FILE):
            kept += data[position : header + length]
        position = header + length
    if height == 0xFFFFFFFF:
        raise ValueError("height not known")
    return bytes(kept), width, height


def _one_picture_pdf(stream: bytes, width: int, height: int) -> bytes:
    content = f"{width} 0 0 {height} 0 0 cm /I Do".encode()
    picture = (
        f"<</Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceGray"
        f"/BitsPerComponent 1/Filter/JBIG2Decode/Length {len(stream)}>>"
    ).encode()
    page = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents 4 0 R"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        page.encode() + b"/Resources<</XObject<</I 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        picture + b"stream\n" + stream + b"\nendstream",
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % o for o in offsets)
    out += b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start
    return bytes(out)
