"""PNG bytes that never depend on a compressor's version: stored blocks, fixed chunks (RFC 2083, 1950)."""

from __future__ import annotations

import struct
import zlib
from itertools import chain

from signing.ink.picture import InkPicture
from signing.ink.raster import Raster

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY = 0
_GRAY_ALPHA = 4
_STORED_LIMIT = 65_535


def raster_png(picture: InkPicture, width_px: int, *, transparent: bool = False) -> bytes:
    """The picture as an 8-bit grey PNG `width_px` wide, or black with alpha when `transparent`.

    Raises:
        InkError: `ink.raster-too-large`.
    """
    return encode_png(
        picture.raster(width_px), transparent=transparent, pixels_per_metre=_density(picture, width_px)
    )


def encode_png(raster: Raster, *, transparent: bool = False, pixels_per_metre: int = 0) -> bytes:
    """The raster's PNG; same raster, same bytes, on any machine."""
    kind = _GRAY_ALPHA if transparent else _GRAY
    rows: list[bytes] = []
    for begin in range(0, len(raster.gray), raster.width):
        row = raster.gray[begin : begin + raster.width]
        if transparent:
            row = bytes(chain.from_iterable((0, 255 - gray) for gray in row))
        rows.append(b"\x00" + row)
    chunks = [_chunk(b"IHDR", struct.pack(">IIBBBBB", raster.width, raster.height, 8, kind, 0, 0, 0))]
    if pixels_per_metre:
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", pixels_per_metre, pixels_per_metre, 1)))
    chunks.append(_chunk(b"IDAT", _stored(b"".join(rows))))
    chunks.append(_chunk(b"IEND", b""))
    return _SIGNATURE + b"".join(chunks)


def _density(picture: InkPicture, width_px: int) -> int:
    return (width_px * 1_000_000 + picture.width_um // 2) // picture.width_um


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _stored(data: bytes) -> bytes:
    """A zlib stream of stored blocks (RFC 1951 §3.2.4)."""
    pieces = [b"\x78\x01"]
    for begin in range(0, len(data), _STORED_LIMIT):
        block = data[begin : begin + _STORED_LIMIT]
        final = begin + _STORED_LIMIT >= len(data)
        pieces.append(struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF))
        pieces.append(block)
    pieces.append(struct.pack(">I", zlib.adler32(data)))
    return b"".join(pieces)
