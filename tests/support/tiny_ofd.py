"""The smallest documents that are still OFD: one page, one line of text, made in memory."""

from __future__ import annotations

from signing.ofd.package import write_package

NAMESPACE = 'xmlns:ofd="http://www.ofdspec.org/2016"'
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'

OFD_XML = (
    f'{HEAD}<ofd:OFD {NAMESPACE} Version="1.0" DocType="OFD"><ofd:DocBody><ofd:DocInfo>'
    "<ofd:DocID>5f2d4cf4c1f34b5f9b1a2c3d4e5f6a7b</ofd:DocID></ofd:DocInfo>"
    "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>%s</ofd:DocBody></ofd:OFD>"
)
DOCUMENT = (
    f"{HEAD}<ofd:Document {NAMESPACE}><ofd:CommonData><ofd:MaxUnitID>9</ofd:MaxUnitID><ofd:PageArea>"
    "<ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea>%s</ofd:CommonData>"
    '<ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages>%s</ofd:Document>'
)
PAGE = (
    f'{HEAD}<ofd:Page {NAMESPACE}><ofd:Content><ofd:Layer ID="2" Type="Body">'
    '<ofd:PathObject ID="3" Boundary="20 20 60 20"><ofd:AbbreviatedData>M 0 0 L 60 0 L 60 20 C'
    "</ofd:AbbreviatedData></ofd:PathObject></ofd:Layer></ofd:Content></ofd:Page>"
)
PAGE_MEMBER = "Doc_0/Pages/Page_0/Content.xml"


def tiny_members(*, ofd_extra: str = "", common: str = "", document: str = "") -> dict[str, bytes]:
    """Members of a one-page document; the arguments are XML put into OFD.xml and Document.xml."""
    return {
        "OFD.xml": (OFD_XML % ofd_extra).encode(),
        "Doc_0/Document.xml": (DOCUMENT % (common, document)).encode(),
        PAGE_MEMBER: PAGE.encode(),
    }


def tiny_ofd(extra: dict[str, bytes] | None = None, **xml: str) -> bytes:
    """A one-page document with further members."""
    return write_package({**tiny_members(**xml), **(extra or {})})
