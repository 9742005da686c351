"""R28: pictures are decoded by content, within bounds, and raise nothing but OfdError."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from signing.ofd.document import OfdError
from signing.ofd.images import MOST_PIXELS, decode_image


def encoded(mode: str, kind: str) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (3, 2), 1 if mode in ("1", "L") else None).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("mode", "kind", "result"),
    [
        ("1", "PNG", "L"),
        ("L", "PNG", "L"),
        ("LA", "PNG", "RGBA"),
        ("I;16", "PNG", "L"),
        ("RGBA", "PNG", "RGBA"),
        ("P", "PNG", "RGB"),
        ("1", "TIFF", "L"),
        ("CMYK", "TIFF", "RGB"),
        ("1", "BMP", "L"),
    ],
)
def test_modes(mode: str, kind: str, result: str) -> None:
    """R28: every mode ends in one of three."""
    raster = decode_image(encoded(mode, kind))
    assert (raster.width, raster.height, raster.mode) == (3, 2, result)
    assert len(raster.data) == 6 * len(result)


def test_a_picture_that_unpacks_to_too_much_is_refused() -> None:
    """R28: the header is looked at before memory is taken."""
    side = int(MOST_PIXELS**0.5) + 10
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(OfdError) as caught:
        decode_image(png + b"\0\0\0\0IEND\xaeB`\x82")
    assert caught.value.code == "ofd.bad-image"


JBIG2 = bytes.fromhex(
    "974a42320d0a1a0a0100000001"  # file header: sequential, one page
    "0000000030000100000013"  # page information
    "00000008000000080000000000000000000000"
)


@pytest.mark.parametrize(
    "data", [b"", b"BM", b"%PDF-1.7", b"<svg/>", JBIG2[:9], JBIG2[:20], JBIG2[:8] + b"\0" * 30]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """R28: nothing, text, other formats, cut JBIG2."""
    with pytest.raises(OfdError):
        decode_image(data)


@given(
    st.binary(max_size=120), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", JBIG2])
)
def test_noise_raises_only_ofd_error(noise: bytes, magic: bytes) -> None:
    """R28: any bytes as a picture."""
    try:
        raster = decode_image(magic + noise)
    except OfdError:
        return
    assert raster.width * raster.height > 0
