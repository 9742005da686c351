"""Small OFD documents whose pixels can be computed by hand."""

from __future__ import annotations

from collections.abc import Mapping

from signing.ofd.document import Document, load_document, open_package
from signing.ofd.package import write_package

NAMESPACE = 'xmlns:ofd="http://www.ofdspec.org/2016"'


def micro_bytes(
    content: str = "",
    *,
    size: str = "0 0 100 100",
    resources: str = "",
    common: str = "",
    document: str = "",
    page: str = "",
    members: Mapping[str, bytes] | None = None,
    body: str = "",
) -> bytes:
    """An OFD of one page; each part of XML is put where its name says."""
    parts: dict[str, str] = {
        "OFD.xml": (
            f'<ofd:OFD {NAMESPACE} DocType="OFD" Version="1.0"><ofd:DocBody><ofd:DocInfo/>'
            f"<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>{body}</ofd:DocBody></ofd:OFD>"
        ),
        "Doc_0/Document.xml": (
            f"<ofd:Document {NAMESPACE}><ofd:CommonData><ofd:MaxUnitID>99</ofd:MaxUnitID><ofd:PageArea>"
            f"<ofd:PhysicalBox>{size}</ofd:PhysicalBox></ofd:PageArea><ofd:PublicRes>Res.xml</ofd:PublicRes>"
            f'{common}</ofd:CommonData><ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/P.xml"/></ofd:Pages>'
            f"{document}</ofd:Document>"
        ),
        "Doc_0/Res.xml": f'<ofd:Res {NAMESPACE} BaseLoc="Res">{resources}</ofd:Res>',
        "Doc_0/Pages/P.xml": (
            f"<ofd:Page {NAMESPACE}>{page}<ofd:Content><ofd:Layer ID='2'>{content}</ofd:Layer></ofd:Content>"
            "</ofd:Page>"
        ),
    }
    return write_package({**{k: v.encode() for k, v in parts.items()}, **(members or {})})


def micro(content: str = "", **parts: object) -> Document:
    """The loaded document of `micro_bytes`."""
    return load_document(open_package(micro_bytes(content, **parts)))  # type: ignore[arg-type]


def path(data: str, box: str = "0 0 100 100", inner: str = "", **attributes: object) -> str:
    """A PathObject; attributes by their names in the standard."""
    words = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return (
        f'<ofd:PathObject ID="7" Boundary="{box}"{words}>{inner}'
        f"<ofd:AbbreviatedData>{data}</ofd:AbbreviatedData></ofd:PathObject>"
    )


def fill(color: str, data: str, box: str = "0 0 100 100", **attributes: object) -> str:
    """A PathObject that is only filled, in one colour."""
    return path(data, box, f'<ofd:FillColor Value="{color}"/>', Stroke="false", Fill="true", **attributes)


def text(
    code: str, box: str = "0 0 100 100", inner: str = "", start: str = 'X="0" Y="10"', **attributes: object
) -> str:
    """A TextObject of one TextCode; font 5 and size 10 unless told."""
    words = "".join(f' {name}="{value}"' for name, value in {"Font": 5, "Size": 10, **attributes}.items())
    return (
        f'<ofd:TextObject ID="8" Boundary="{box}"{words}>{inner}<ofd:TextCode {start}>{code}</ofd:TextCode>'
        "</ofd:TextObject>"
    )


SQUARE = "M 0 0 L 10 0 L 10 10 L 0 10 C"
