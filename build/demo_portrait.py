"""Draw the portrait that stands for a camera in the demo: plainly artificial, marked 模拟, always the same.

Shapes are polygons; the words come out of the demo's own subset font as outlines
filled by `signing.ink`'s scan converter: no library's version shows in the pixels.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

from signing.ink.raster import rasterise

WIDTH, HEIGHT = 640, 480
FONT = Path(__file__).resolve().parent.parent / "resources" / "demo" / "demo-font.ttf"
Rgb = tuple[int, int, int]
Point = tuple[int, int]

BACK, BACK_LINE = (214, 226, 236), (196, 212, 225)
SKIN, SKIN_SHADE, HAIR = (238, 205, 176), (222, 184, 152), (64, 54, 50)
GOWN, GOWN_LINE, LINE, BAND = (151, 190, 205), (116, 160, 178), (70, 60, 58), (196, 60, 40)


class _Flattened(BasePen):
    """Collects a glyph's contours as polygons."""

    def __init__(self, glyphs: object) -> None:
        super().__init__(glyphs)
        self.polygons: list[list[tuple[float, float]]] = []

    def _moveTo(self, point: tuple[float, float]) -> None:
        self.polygons.append([point])

    def _lineTo(self, point: tuple[float, float]) -> None:
        self.polygons[-1].append(point)

    def _qCurveToOne(self, control: tuple[float, float], end: tuple[float, float]) -> None:
        x0, y0 = self.polygons[-1][-1]
        for step in range(1, 9):
            t = step / 8
            self.polygons[-1].append(
                (
                    (1 - t) ** 2 * x0 + 2 * t * (1 - t) * control[0] + t * t * end[0],
                    (1 - t) ** 2 * y0 + 2 * t * (1 - t) * control[1] + t * t * end[1],
                )
            )


class _Sheet:
    """Pixels that polygons are painted on."""

    def __init__(self) -> None:
        self.rows = [bytearray(bytes(BACK) * WIDTH) for _ in range(HEIGHT)]

    def fill(self, paths: Sequence[Sequence[Point]], color: Rgb) -> None:
        """Polygons in thousandths of a pixel, with anti-aliased edges."""
        cover = rasterise(paths, WIDTH * 1000, HEIGHT * 1000, WIDTH)
        for y in range(HEIGHT):
            line = cover.gray[y * WIDTH : (y + 1) * WIDTH]
            if line.count(255) == WIDTH:
                continue
            row = self.rows[y]
            for x, gray in enumerate(line):
                if gray != 255:
                    for channel in range(3):
                        old = row[3 * x + channel]
                        row[3 * x + channel] = (old * gray + color[channel] * (255 - gray)) // 255


def portrait_png() -> bytes:
    """640 × 480 RGB."""
    sheet = _Sheet()
    for x in range(20, WIDTH, 40):
        sheet.fill([_polygon((x, 0), (x + 2, 0), (x + 2, HEIGHT), (x, HEIGHT))], BACK_LINE)
    sheet.fill([_ellipse(320, 520, 210, 170)], GOWN)
    sheet.fill([_polygon((286, 355), (354, 355), (320, 432))], SKIN_SHADE)
    sheet.fill([_polygon((262, 368), (290, 350), (326, 436), (312, 446))], GOWN_LINE)
    sheet.fill([_polygon((378, 368), (350, 350), (314, 436), (328, 446))], GOWN_LINE)
    sheet.fill([_polygon((284, 290), (356, 290), (356, 366), (320, 384), (284, 366))], SKIN_SHADE)
    sheet.fill([_ellipse(320, 176, 112, 118)], HAIR)
    for x in (214, 426):
        sheet.fill([_ellipse(x, 222, 16, 26)], SKIN_SHADE)
    sheet.fill([_ellipse(320, 218, 102, 124)], SKIN)
    sheet.fill(
        [
            _polygon(
                (214, 196),
                (222, 120),
                (268, 80),
                (372, 80),
                (418, 120),
                (426, 196),
                (404, 164),
                (352, 146),
                (268, 150),
                (236, 164),
            )
        ],
        HAIR,
    )
    for x in (280, 360):
        sheet.fill([_ellipse(x, 214, 17, 9)], (250, 250, 250))
        sheet.fill([_ellipse(x, 214, 8, 8)], LINE)
        sheet.fill([_polygon((x - 22, 190), (x + 22, 188), (x + 22, 193), (x - 22, 195))], HAIR)
    sheet.fill([_polygon((318, 222), (330, 256), (312, 258), (312, 254), (323, 252))], SKIN_SHADE)
    sheet.fill([_polygon((288, 288), (320, 296), (352, 288), (320, 306))], (190, 110, 100))
    sheet.fill([_polygon((0, 428), (WIDTH, 428), (WIDTH, HEIGHT), (0, HEIGHT))], BAND)
    sheet.fill(_words("模拟人像 · 非真实照片", 34, 318, 464), (255, 255, 255))
    sheet.fill(_words("模拟", 60, 574, 70), BAND)
    return _png(sheet.rows)


def _polygon(*points: Point) -> list[Point]:
    return [(min(max(x, 0), WIDTH) * 1000, min(max(y, 0), HEIGHT) * 1000) for x, y in points]


def _ellipse(x: int, y: int, across: int, down: int) -> list[Point]:
    """96 points by the rational parametrisation of the circle, a quarter at a time."""
    points = []
    quarter = [((1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)) for t in (n / 24 for n in range(24))]
    for turn in range(4):
        for c, s in quarter:
            cosine, sine = ((c, s), (-s, c), (-c, -s), (s, -c))[turn]
            points.append((round((x + across * cosine) * 1000), round((y + down * sine) * 1000)))
    return [(min(max(a, 0), WIDTH * 1000), min(max(b, 0), HEIGHT * 1000)) for a, b in points]


def _words(text: str, size: int, centre: int, baseline: int) -> list[list[Point]]:
    """The outlines of a line of text around `centre`, in thousandths of a pixel."""
    font = TTFont(FONT)
    glyphs, table = font.getGlyphSet(), font.getBestCmap()
    scale = size * 1000 / font["head"].unitsPerEm
    names = [table[ord(c)] for c in text if ord(c) in table]
    x = centre * 1000 - sum(glyphs[name].width for name in names) * scale / 2
    polygons = []
    for name in names:
        pen = _Flattened(glyphs)
        glyphs[name].draw(pen)
        for polygon in pen.polygons:
            polygons.append([(round(x + a * scale), round(baseline * 1000 - b * scale)) for a, b in polygon])
        x += glyphs[name].width * scale
    return polygons


def _png(rows: Sequence[bytes]) -> bytes:
    """An RGB PNG."""
    raw = b"".join(b"\0" + bytes(row) for row in rows)
    body = zlib.compress(raw, 9)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)),
        (b"IDAT", body),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
