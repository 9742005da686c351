"""Assembles the package of a new document (GB/T 33190-2016, 6 and 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from xml.sax.saxutils import escape, quoteattr

from signing.ofd.archive import write_package
from signing.ofd.errors import OfdError
from signing.ofd.writer.font import EmbeddedFont
from signing.ofd.writer.items import Line, PageContent, PageItem, Picture, Rgb, TextLine

_SPACE = 'xmlns:ofd="http://www.ofdspec.org/2016"'
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ASCENT, _DESCENT = 1.0, 0.35


def make_document(
    pages: Sequence[PageContent],
    fonts: Mapping[str, EmbeddedFont],
    *,
    title: str,
    author: str = "",
    created: date,
    creator: str = "Penward",
) -> bytes:
    """A complete OFD; the same input gives the same bytes (the DocID follows from the content).

    Each font is embedded as a subset of the characters used, which are found by the subset's own Unicode
    table; every character is placed by DeltaX.

    Raises:
        OfdError: `ofd.no-pages`, `ofd.no-such-character`, `ofd.bad-font`, `ofd.bad-image`.
        KeyError: a text names a font that is not given.
    """
    if not pages:
        raise OfdError("ofd.no-pages")
    numbers = _Numbers()
    used = {
        name: {
            c for p in pages for i in p.items if isinstance(i, TextLine) and i.font == name for c in i.text
        }
        for name in fonts
    }
    font_ids = {name: numbers.next() for name in fonts if used[name]}
    members: dict[str, bytes] = {}
    font_xml = []
    for name, number in font_ids.items():
        members[f"Doc_0/Res/font_{number}.ttf"] = fonts[name].subset(used[name])
        label = quoteattr(fonts[name].name)
        font_xml.append(
            f'<ofd:Font ID="{number}" FontName={label} FamilyName={label}>'
            f"<ofd:FontFile>font_{number}.ttf</ofd:FontFile></ofd:Font>"
        )
    picture_ids: dict[bytes, int] = {}
    picture_xml = []
    for picture in (i for p in pages for i in p.items if isinstance(i, Picture)):
        if picture.data not in picture_ids:
            number = picture_ids[picture.data] = numbers.next()
            kind, suffix = _picture_kind(picture.data)
            members[f"Doc_0/Res/image_{number}.{suffix}"] = picture.data
            picture_xml.append(
                f'<ofd:MultiMedia ID="{number}" Type="Image" Format="{kind}">'
                f"<ofd:MediaFile>image_{number}.{suffix}</ofd:MediaFile></ofd:MultiMedia>"
            )
    page_parts: dict[str, bytes] = {}
    page_xml = []
    for index, page in enumerate(pages):
        page_id = numbers.next()
        content = _page(page, fonts, font_ids, picture_ids, numbers)
        page_parts[f"Doc_0/Pages/Page_{index}/Content.xml"] = content
        page_xml.append(f'<ofd:Page ID="{page_id}" BaseLoc="Pages/Page_{index}/Content.xml"/>')
    first = pages[0]
    resources = ["<ofd:PublicRes>PublicRes.xml</ofd:PublicRes>"]
    if picture_xml:
        resources.append("<ofd:DocumentRes>DocumentRes.xml</ofd:DocumentRes>")
    area = f"0 0 {_n(first.width)} {_n(first.height)}"
    document = (
        f"{_HEAD}<ofd:Document {_SPACE}><ofd:CommonData><ofd:MaxUnitID>{numbers.last}</ofd:MaxUnitID>"
        f"<ofd:PageArea><ofd:PhysicalBox>{area}</ofd:PhysicalBox></ofd:PageArea>"
        f"{''.join(resources)}</ofd:CommonData><ofd:Pages>{''.join(page_xml)}</ofd:Pages></ofd:Document>"
    )
    parts: dict[str, bytes] = {
        "Doc_0/Document.xml": document.encode(),
        "Doc_0/PublicRes.xml": _res("Fonts", font_xml),
        **({"Doc_0/DocumentRes.xml": _res("MultiMedias", picture_xml)} if picture_xml else {}),
        **page_parts,
        **members,
    }
    return write_package({"OFD.xml": _root(parts, title, author, created, creator), **parts})


class _Numbers:
    """Object numbers, unique in the document."""

    def __init__(self) -> None:
        self.last = 0

    def next(self) -> int:
        self.last += 1
        return self.last


def _root(parts: Mapping[str, bytes], title: str, author: str, created: date, creator: str) -> bytes:
    digest = hashlib.sha256(title.encode())
    for name, content in parts.items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    doc_id = digest.hexdigest()[:32]
    return (
        f'{_HEAD}<ofd:OFD {_SPACE} DocType="OFD" Version="1.0"><ofd:DocBody><ofd:DocInfo>'
        f"<ofd:DocID>{doc_id}</ofd:DocID><ofd:Title>{escape(title)}</ofd:Title>"
        f"<ofd:Author>{escape(author)}</ofd:Author><ofd:CreationDate>{created.isoformat()}</ofd:CreationDate>"
        f"<ofd:Creator>{escape(creator)}</ofd:Creator></ofd:DocInfo>"
        "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    ).encode()


def _res(group: str, entries: list[str]) -> bytes:
    return (
        f'{_HEAD}<ofd:Res {_SPACE} BaseLoc="Res"><ofd:{group}>{"".join(entries)}</ofd:{group}></ofd:Res>'
    ).encode()


def _page(
    page: PageContent,
    fonts: Mapping[str, EmbeddedFont],
    font_ids: Mapping[str, int],
    picture_ids: Mapping[bytes, int],
    numbers: _Numbers,
) -> bytes:
    layer = numbers.next()
    objects = [_item(item, fonts, font_ids, picture_ids, numbers) for item in page.items]
    return (
        f"{_HEAD}<ofd:Page {_SPACE}><ofd:Area><ofd:PhysicalBox>0 0 {_n(page.width)} {_n(page.height)}"
        f'</ofd:PhysicalBox></ofd:Area><ofd:Content><ofd:Layer ID="{layer}" Type="Body">'
        f"{''.join(objects)}</ofd:Layer></ofd:Content></ofd:Page>"
    ).encode()


def _item(
    item: PageItem,
    fonts: Mapping[str, EmbeddedFont],
    font_ids: Mapping[str, int],
    picture_ids: Mapping[bytes, int],
    numbers: _Numbers,
) -> str:
    if isinstance(item, TextLine):
        return _text(item, fonts[item.font], font_ids.get(item.font, 0), numbers) if item.text else ""
    if isinstance(item, Picture):
        return (
            f'<ofd:ImageObject ID="{numbers.next()}" ResourceID="{picture_ids[item.data]}"'
            f' Boundary="{_ns(item.x, item.y, item.width, item.height)}"'
            f' CTM="{_ns(item.width, 0, 0, item.height, 0, 0)}"/>'
        )
    if isinstance(item, Line):
        half = item.thickness / 2
        x, y = min(item.x1, item.x2) - half, min(item.y1, item.y2) - half
        width, height = abs(item.x2 - item.x1) + item.thickness, abs(item.y2 - item.y1) + item.thickness
        data = f"M {_ns(item.x1 - x, item.y1 - y)} L {_ns(item.x2 - x, item.y2 - y)}"
        return _path(numbers, (x, y, width, height), data, item.thickness, item.color, None)
    half = item.thickness / 2 if item.color is not None else 0.0
    box = (item.x - half, item.y - half, item.width + 2 * half, item.height + 2 * half)
    right, bottom = half + item.width, half + item.height
    data = f"M {_ns(half, half)} L {_ns(right, half)} L {_ns(right, bottom)} L {_ns(half, bottom)} C"
    return _path(numbers, box, data, item.thickness, item.color, item.fill)


def _path(
    numbers: _Numbers,
    box: tuple[float, float, float, float],
    data: str,
    thickness: float,
    color: Rgb | None,
    fill: Rgb | None,
) -> str:
    filled = f'<ofd:FillColor Value="{_rgb(fill)}"/>' if fill is not None else ""
    lined = f'<ofd:StrokeColor Value="{_rgb(color)}"/>' if color is not None else ""
    return (
        f'<ofd:PathObject ID="{numbers.next()}" Boundary="{_ns(*box)}" LineWidth="{_n(thickness)}"'
        f' Stroke="{str(color is not None).lower()}" Fill="{str(fill is not None).lower()}">'
        f"{lined}{filled}<ofd:AbbreviatedData>{data}</ofd:AbbreviatedData></ofd:PathObject>"
    )


def _text(item: TextLine, font: EmbeddedFont, number: int, numbers: _Numbers) -> str:
    advances = [a + item.spacing for a in font.advances(item.text, item.size)]
    height = item.size * (_ASCENT + _DESCENT)
    box = (item.x, item.y - item.size * _ASCENT, sum(advances), height)
    delta = f' DeltaX="{_deltas(advances[:-1])}"' if len(advances) > 1 else ""
    return (
        f'<ofd:TextObject ID="{numbers.next()}" Boundary="{_ns(*box)}"'
        f' Font="{number}" Size="{_n(item.size)}">'
        f'<ofd:FillColor Value="{_rgb(item.color)}"/>'
        f'<ofd:TextCode X="0" Y="{_n(item.size * _ASCENT)}"{delta}>{escape(item.text)}</ofd:TextCode>'
        "</ofd:TextObject>"
    )


def _deltas(values: Sequence[float]) -> str:
    """DeltaX with runs written as `g n v`."""
    words: list[str] = []
    position = 0
    while position < len(values):
        word = _n(values[position])
        end = position
        while end < len(values) and _n(values[end]) == word:
            end += 1
        words += ["g", str(end - position), word] if end - position > 2 else [word] * (end - position)
        position = end
    return " ".join(words)


def _picture_kind(data: bytes) -> tuple[str, str]:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG", "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG", "jpg"
    raise OfdError("ofd.bad-image", name="")


def _rgb(color: Rgb) -> str:
    return " ".join(map(str, color))


def _n(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") or "0"


def _ns(*values: float) -> str:
    return " ".join("0" if _n(v) == "-0" else _n(v) for v in values)
