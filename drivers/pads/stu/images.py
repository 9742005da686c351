"""Pictures for the display of a STU pad: pixel encodings and the blocks they are sent in.

devices.md §1.3: mono is MSB first, white = 1, rows padded to a byte; RGB565 is big-endian words;
BGR24 is bytes B, G, R. Over HID a block carries at most 253 bytes behind a little-endian length.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image

from drivers.pads.stu.reports import FEATURE_SIZE, Capability, Encoding, ReportId

BLOCK_DATA = FEATURE_SIZE[ReportId.IMAGE_DATA_BLOCK] - 2
START_MONO, START_RGB565, START_BGR24 = 0, 2, 4
"""Values of StartImageData (0x25)."""


def best_encoding(capability: Capability) -> int:
    """The StartImageData value for the most colour that the pad can show with the fewest blocks.

    RGB565 is preferred to BGR24: two thirds of the blocks, and nobody sees the difference on a pad.
    """
    if Encoding.RGB565 in capability.encodings:
        return START_RGB565
    if Encoding.BGR24 in capability.encodings:
        return START_BGR24
    return START_MONO


def encode(rgb: bytes, width: int, height: int, start: int) -> bytes:
    """Encode `width × height` pixels of 3 bytes R, G, B for the encoding `start`.

    Raises:
        ValueError: the length does not fit, or the encoding is not known.
    """
    if len(rgb) != width * height * 3:
        raise ValueError("rgb must hold width × height × 3 bytes")
    if start == START_BGR24:
        return Image.frombytes("RGB", (width, height), rgb).tobytes("raw", "BGR")
    if start == START_RGB565:
        return _rgb565(rgb)
    if start == START_MONO:
        return Image.frombytes("RGB", (width, height), rgb).convert("1").tobytes()
    raise ValueError(f"unknown encoding {start}")


def decode(data: bytes, width: int, height: int, start: int) -> bytes:
    """The reverse of `encode`: RGB bytes (mono comes back as black and white).

    Raises:
        ValueError: the length does not fit, or the encoding is not known.
    """
    if len(data) != encoded_size(width, height, start):
        raise ValueError("data does not fill the screen")
    if start == START_BGR24:
        return Image.frombytes("RGB", (width, height), data, "raw", "BGR").tobytes()
    if start == START_RGB565:
        out = bytearray()
        for (word,) in struct.iter_unpack(">H", data):
            red, green, blue = word >> 11, word >> 5 & 0x3F, word & 0x1F
            out += bytes((red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2))
        return bytes(out)
    return Image.frombytes("1", (width, height), data).convert("RGB").tobytes()


def encoded_size(width: int, height: int, start: int) -> int:
    """Bytes of a full screen in the encoding `start`."""
    if start == START_BGR24:
        return width * height * 3
    if start == START_RGB565:
        return width * height * 2
    if start == START_MONO:
        return (width + 7) // 8 * height
    raise ValueError(f"unknown encoding {start}")


def blocks(data: bytes) -> Iterator[bytes]:
    """ImageDataBlock reports (with ID, zero padded to the published size) for encoded pixels."""
    for offset in range(0, len(data), BLOCK_DATA):
        part = data[offset : offset + BLOCK_DATA]
        yield (
            bytes([ReportId.IMAGE_DATA_BLOCK]) + struct.pack("<H", len(part)) + part.ljust(BLOCK_DATA, b"\0")
        )


def _rgb565(rgb: bytes) -> bytes:
    """Big-endian 5-6-5 words, computed by bands of bits because a loop over 384,000 pixels is slow."""
    red, green, blue = rgb[0::3], rgb[1::3], rgb[2::3]
    high_g = green.translate(_HIGH_GREEN)
    low_g = green.translate(_LOW_GREEN)
    high = _either(red.translate(_TOP_FIVE), high_g)
    low = _either(low_g, blue.translate(_BLUE))
    out = bytearray(len(red) * 2)
    out[0::2] = high
    out[1::2] = low
    return bytes(out)


def _either(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "little") | int.from_bytes(b, "little")).to_bytes(len(a), "little")


_TOP_FIVE = bytes(value & 0xF8 for value in range(256))
_HIGH_GREEN = bytes(value >> 5 for value in range(256))
_LOW_GREEN = bytes(value << 3 & 0xE0 for value in range(256))
_BLUE = bytes(value >> 3 for value in range(256))
