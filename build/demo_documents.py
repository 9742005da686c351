"""Make the demo's documents from one text: `resources/demo/consent.toml` becomes consent.ofd and consent.pdf.

The same layout is drawn in both formats with the committed subset font, so that neither the fonts of the
machine nor its zlib change a byte. `--check` writes nothing and exits 1 when a file is not what its sources
give. `--font FILE[#INDEX]` cuts the subset anew, which is needed when the text gets a new character.
"""

from __future__ import annotations

import io
import sys
import tomllib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
from demo_portrait import portrait_png
from PIL import Image
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from signing.ofd.archive import RawEntry, write_package
from signing.ofd.package import open_package
from signing.ofd.writer import EmbeddedFont, Line, PageContent, PageItem, Rectangle, TextLine, make_document
from signing.pdf.fonts import cut

DEMO = Path(__file__).resolve().parent.parent / "resources" / "demo"
FONT = DEMO / "demo-font.ttf"
SOURCE = DEMO / "consent.toml"
FONT_NAME = "WenQuanYi Micro Hei"
DEFAULT_FONT = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
EXTRA = "".join(map(chr, range(0x20, 0x7F))) + "第页共模拟人像非真实照片·"

WIDTH, HEIGHT = 210.0, 297.0
LEFT, RIGHT, TOP, BOTTOM = 22.0, 188.0, 20.0, 274.0
BODY, LEADING = 3.9, 6.35
INK, QUIET, ACCENT, RULE, SHADE = (
    (33, 37, 41),
    (108, 117, 125),
    (24, 74, 110),
    (173, 181, 189),
    (244, 246, 248),
)
Rgb = tuple[int, int, int]


class Layout:
    """Sets the text into pages, from the top down, in millimetres."""

    def __init__(self, text: dict[str, Any], font: EmbeddedFont) -> None:
        self._text = text
        self._font = font
        self._pages: list[list[PageItem]] = []
        self._y = 0.0

    def pages(self) -> list[PageContent]:
        """The finished pages."""
        self._new_page()
        self._head()
        for section in self._text["sections"]:
            self._section(section)
        self._declaration()
        self._signatures()
        count = len(self._pages)
        for number, items in enumerate(self._pages, start=1):
            self._foot(items, number, count)
        return [PageContent(tuple(items), WIDTH, HEIGHT) for items in self._pages]

    def _head(self) -> None:
        self._centred(self._text["hospital"], 4.6, INK, 7.5)
        self._centred(self._text["title"], 7.4, INK, 9.5, spacing=1.2)
        self._write(LEFT, self._y, self._text["number"], 3.1, QUIET)
        notice = self._text["notice"]
        self._write(RIGHT - self._font.width(notice, 2.6), self._y, notice, 2.6, QUIET)
        self._y += 2.4
        self._table()

    def _table(self) -> None:
        """Rows of three labels and values, between fine rules."""
        starts, label, row = (LEFT, 83.0, 139.0, RIGHT), 16.5, 8.2
        for cells in self._text["info"]:
            for column in range(3):
                x, end = starts[column], starts[column + 1]
                self._add(Rectangle(x, self._y, label, row, 0.0, None, SHADE))
                self._add(Rectangle(x, self._y, end - x, row, 0.2, RULE))
                self._write(x + 1.6, self._y + 5.4, cells[2 * column], 3.3, QUIET)
                value = cells[2 * column + 1]
                self._write(x + label + 1.6, self._y + 5.4, value, 3.5, INK)
            self._y += row
        self._y += 3.4

    def _section(self, section: dict[str, Any]) -> None:
        paragraphs = section.get("paragraphs", ())
        lines = len(list(self._wrapped(paragraphs[0], 2 * BODY))) if paragraphs else 2
        self._heading(section["heading"], lines)
        for paragraph in paragraphs:
            self._paragraph(paragraph, indent=2 * BODY)
        for number, item in enumerate(section.get("items", ()), start=1):
            self._item(f"{number}.", item)
        self._y += 1.6

    def _declaration(self) -> None:
        declaration = self._text["declaration"]
        self._heading(declaration["heading"], 4)
        for paragraph in declaration["paragraphs"]:
            self._paragraph(paragraph, indent=2 * BODY)
        self._y += 1.0
        self._room(24)
        self._write(LEFT, self._y + 4, declaration["copy_label"] + declaration["copy_text"], BODY, INK)
        self._y += 8
        self._add(Rectangle(LEFT, self._y, RIGHT - LEFT, 14.0, 0.2, RULE))
        self._y += 19

    def _signatures(self) -> None:
        for row in self._text["signatures"]:
            self._room(24)
            first, second = row["labels"]
            base = self._y + 14.0
            self._write(LEFT, base, first, 4.2, INK)
            start = LEFT + self._font.width(first, 4.2) + 1
            self._add(Line(start, base + 1.4, 124.0, base + 1.4, 0.2, RULE))
            self._write(130.0, base, second, 4.2, INK)
            start = 130.0 + self._font.width(second, 4.2) + 1
            self._add(Line(start, base + 1.4, RIGHT, base + 1.4, 0.2, RULE))
            self._y = base + 6.0
            if "hint" in row:
                self._write(LEFT, self._y, row["hint"], 2.9, QUIET)
            self._y += 2.0

    def _foot(self, items: list[PageItem], number: int, count: int) -> None:
        items.append(Line(LEFT, 281.0, RIGHT, 281.0, 0.15, RULE))
        items.append(TextLine(LEFT, 285.2, self._text["hospital"], 2.7, color=QUIET))
        label = f"第{number}页 共{count}页"
        items.append(TextLine(RIGHT - self._font.width(label, 2.7), 285.2, label, 2.7, color=QUIET))

    # Pieces

    def _heading(self, text: str, lines: int) -> None:
        """A heading that stays together with the `lines` below it."""
        self._room((lines + 1) * LEADING + 4)
        self._y += 5.0
        self._write(LEFT, self._y, text, 4.3, ACCENT)
        self._y += LEADING

    def _paragraph(self, text: str, *, indent: float) -> None:
        for position, line in enumerate(self._wrapped(text, indent)):
            self._room(LEADING)
            self._write(LEFT + (indent if position == 0 else 0), self._y, line, BODY, INK)
            self._y += LEADING

    def _wrapped(self, text: str, indent: float) -> Iterator[str]:
        """Lines of a paragraph whose first is shorter by `indent`."""
        first = self._font.wrap(text, BODY, RIGHT - LEFT - indent)[0]
        yield first
        rest = text[len(first) :].lstrip()
        if rest:
            yield from self._font.wrap(rest, BODY, RIGHT - LEFT)

    def _item(self, mark: str, text: str) -> None:
        hang = 7.0
        for position, line in enumerate(self._font.wrap(text, BODY, RIGHT - LEFT - hang - 3)):
            self._room(LEADING)
            if position == 0:
                self._write(LEFT + 3, self._y, mark, BODY, QUIET)
            self._write(LEFT + 3 + hang, self._y, line, BODY, INK)
            self._y += LEADING - 0.25

    def _centred(self, text: str, size: float, color: Rgb, advance: float, spacing: float = 0.0) -> None:
        width = self._font.width(text, size, spacing)
        self._y += advance
        self._add(TextLine((WIDTH - width) / 2, self._y, text, size, color=color, spacing=spacing))
        if size > 5:
            self._y += 8.0

    def _write(self, x: float, y: float, text: str, size: float, color: Rgb) -> None:
        self._add(TextLine(x, y, text, size, color=color))

    def _room(self, height: float) -> None:
        """Begin a new page when less than `height` mm are left on this one."""
        if self._y + height > BOTTOM:
            self._new_page()

    def _new_page(self) -> None:
        self._pages.append([])
        self._y = TOP if len(self._pages) > 1 else TOP - 6

    def _add(self, item: PageItem) -> None:
        self._pages[-1].append(item)


def as_ofd(text: dict[str, Any], pages: list[PageContent], font: EmbeddedFont) -> bytes:
    """The consent as OFD, its members stored, so that no compressor's version shows."""
    data = make_document(
        pages, {"body": font}, title=text["title"], author=text["hospital"], created=text["created"]
    )
    package = open_package(data)
    return write_package((name, _stored(package.read(name))) for name in package.names())


def as_pdf(text: dict[str, Any], pages: list[PageContent]) -> bytes:
    """The consent as PDF, its streams not compressed, its dates and numbers fixed."""
    out = io.BytesIO()
    mm = 72 / 25.4
    pdfmetrics.registerFont(TTFont("demo", str(FONT)))
    canvas = Canvas(out, pagesize=(WIDTH * mm, HEIGHT * mm), pageCompression=0, invariant=1)
    canvas.setTitle(text["title"])
    canvas.setAuthor(text["hospital"])
    canvas.setCreator("Penward")
    for page in pages:
        for item in page.items:
            _draw(canvas, item, mm)
        canvas.showPage()
    canvas.save()
    result = io.BytesIO()
    with pikepdf.open(io.BytesIO(out.getvalue())) as document:
        document.save(
            result,
            deterministic_id=True,
            compress_streams=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.generalized,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
        )
    return result.getvalue()


def _draw(canvas: Canvas, item: PageItem, mm: float) -> None:
    if isinstance(item, TextLine):
        canvas.setFillColorRGB(*_rgb(item.color))
        line = canvas.beginText(item.x * mm, (HEIGHT - item.y) * mm)
        line.setFont("demo", item.size * mm)
        line.setCharSpace(item.spacing * mm)
        line.textOut(item.text)
        canvas.drawText(line)
    elif isinstance(item, Line):
        canvas.setStrokeColorRGB(*_rgb(item.color))
        canvas.setLineWidth(item.thickness * mm)
        canvas.line(item.x1 * mm, (HEIGHT - item.y1) * mm, item.x2 * mm, (HEIGHT - item.y2) * mm)
    elif isinstance(item, Rectangle):
        canvas.setLineWidth(item.thickness * mm)
        if item.color is not None:
            canvas.setStrokeColorRGB(*_rgb(item.color))
        if item.fill is not None:
            canvas.setFillColorRGB(*_rgb(item.fill))
        canvas.rect(
            item.x * mm,
            (HEIGHT - item.y - item.height) * mm,
            item.width * mm,
            item.height * mm,
            stroke=int(item.color is not None),
            fill=int(item.fill is not None),
        )
    else:
        raise TypeError(f"the consent has no {type(item).__name__}")


def _rgb(color: Rgb) -> tuple[float, float, float]:
    red, green, blue = color
    return red / 255, green / 255, blue / 255


def _stored(content: bytes) -> RawEntry:
    return RawEntry(0, zlib.crc32(content), len(content), content)


def characters(text: Any) -> set[str]:
    """Every character that occurs in the text."""
    if isinstance(text, dict):
        return {c for value in text.values() for c in characters(value)}
    if isinstance(text, list):
        return {c for value in text for c in characters(value)}
    return set(text) if isinstance(text, str) else set()


def make() -> dict[Path, bytes]:
    """Every generated file of resources/demo with the bytes it must have; the font must be there.

    Raises:
        OfdError: the subset font lacks a character; cut it anew by `--font`.
    """
    text = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    font = EmbeddedFont(FONT_NAME, FONT.read_bytes())
    pages = Layout(text, font).pages()
    return {
        DEMO / "consent.ofd": as_ofd(text, pages, font),
        DEMO / "consent.pdf": as_pdf(text, pages),
        DEMO / "portrait.png": portrait_png(),
    }


def same(path: Path, found: bytes, made: bytes) -> bool:
    """Whether a file is current: byte for byte, a picture pixel by pixel."""
    if path.suffix != ".png":
        return found == made
    with Image.open(io.BytesIO(found)) as one, Image.open(io.BytesIO(made)) as other:
        return one.size == other.size and one.tobytes() == other.tobytes()


def main(arguments: list[str]) -> int:
    """Make or check the files."""
    if "--font" in arguments:
        path, _, index = arguments[arguments.index("--font") + 1].partition("#")
        text = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
        subset = cut(Path(path or DEFAULT_FONT), characters(text) | set(EXTRA), index=int(index or 0))
        FONT.write_bytes(subset.data)
        print(f"cut {FONT.name}: {len(subset.glyphs)} characters, {len(subset.data)} bytes")
    stale = []
    for path, data in make().items():
        if path.exists() and same(path, path.read_bytes(), data):
            continue
        if "--check" in arguments:
            stale.append(path)
        else:
            path.write_bytes(data)
            print(f"made {path.name}: {len(data)} bytes")
    for path in stale:
        print(f"stale: {path.name}; run build/demo_documents.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
