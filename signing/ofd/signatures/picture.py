"""The seal picture of a handwritten signature: a one-page OFD of the drawn ink, and the way back to it.

The bound digest is that of the ink picture's canonical bytes; since the OFD follows from them bit for bit,
the picture that is shown can be turned back and compared.
"""

from __future__ import annotations

import re

from signing.ink import InkError, InkPicture
from signing.ofd.errors import OfdError
from signing.ofd.markup import child_text, local, read_xml
from signing.ofd.package import open_package, write_package
from signing.ofd.signatures.container import stored
from signing.ofd.signatures.errors import OfdSignError

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_XMLNS = 'xmlns:ofd="http://www.ofdspec.org/2016"'
_PAGE = "Doc_0/Pages/Page_0/Content.xml"
_POINT = re.compile(r"[ML] (\d{1,5})(?:\.(\d{1,3}))? (\d{1,5})(?:\.(\d{1,3}))?")

OFD_XML = (
    f'{_HEAD}<ofd:OFD {_XMLNS} Version="1.0" DocType="OFD"><ofd:DocBody><ofd:DocInfo>'
    "<ofd:DocID>00000000000000000000000000000000</ofd:DocID></ofd:DocInfo>"
    "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>\n"
)


def ink_seal_picture(picture: InkPicture) -> bytes:
    """A one-page OFD, its page as large as the picture, each polygon one filled path in black.

    Equal pictures give equal bytes: members are stored, coordinates are mm with at most three decimals.
    """
    width, height = _mm(picture.width_um), _mm(picture.height_um)
    box = f"0 0 {width} {height}"
    paths = "".join(
        f'<ofd:PathObject ID="{number}" Boundary="{box}" Stroke="false" Fill="true">'
        '<ofd:FillColor Value="0 0 0"/>'
        f"<ofd:AbbreviatedData>{_outline(path)}</ofd:AbbreviatedData></ofd:PathObject>"
        for number, path in enumerate(picture.paths, start=3)
    )
    area = f"<ofd:PhysicalBox>{box}</ofd:PhysicalBox>"
    document = (
        f"{_HEAD}<ofd:Document {_XMLNS}><ofd:CommonData><ofd:MaxUnitID>{len(picture.paths) + 2}"
        f"</ofd:MaxUnitID><ofd:PageArea>{area}</ofd:PageArea></ofd:CommonData><ofd:Pages>"
        '<ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages></ofd:Document>\n'
    )
    page = (
        f"{_HEAD}<ofd:Page {_XMLNS}><ofd:Area>{area}</ofd:Area><ofd:Content>"
        f'<ofd:Layer ID="2" Type="Body">{paths}</ofd:Layer></ofd:Content></ofd:Page>\n'
    )
    members = {"OFD.xml": OFD_XML, "Doc_0/Document.xml": document, _PAGE: page}
    return write_package({name: stored(text.encode("utf-8")) for name, text in members.items()})


def read_ink_seal_picture(data: bytes) -> InkPicture:
    """The ink picture that a seal picture was made from.

    Raises:
        OfdSignError: `ofdsign.not-ink-picture`: `ink_seal_picture` makes these bytes of no picture.
    """
    try:
        package = open_package(data)
        document = read_xml(package, "Doc_0/Document.xml")
        size = next(child for child in document.iter() if local(child) == "PhysicalBox")
        box = (size.text or "").split(" ")
        paths = tuple(
            tuple(_points(child_text(element, "AbbreviatedData")))
            for element in read_xml(package, _PAGE).iter()
            if local(element) == "PathObject"
        )
        picture = InkPicture(_um(box[2]), _um(box[3]), paths)
        picture.to_bytes()
    except (OfdError, InkError, StopIteration, IndexError, ValueError) as error:
        raise OfdSignError("ofdsign.not-ink-picture") from error
    if ink_seal_picture(picture) != data:
        raise OfdSignError("ofdsign.not-ink-picture")
    return picture


def _outline(path: tuple[tuple[int, int], ...]) -> str:
    words = [f"{'L' if index else 'M'} {_mm(x)} {_mm(y)}" for index, (x, y) in enumerate(path)]
    return " ".join(words) + " C"


def _points(text: str) -> list[tuple[int, int]]:
    return [(_fixed(a, b), _fixed(c, d)) for a, b, c, d in _POINT.findall(text)]


def _mm(um: int) -> str:
    whole, rest = divmod(um, 1000)
    return f"{whole}.{rest:03d}".rstrip("0") if rest else str(whole)


def _um(text: str) -> int:
    whole, _, rest = text.partition(".")
    return _fixed(whole, rest)


def _fixed(whole: str, rest: str) -> int:
    return int(whole) * 1000 + int(rest.ljust(3, "0") or "0")
