"""Small documents for tests: an OFD of one page, a PDF of one page, both with the word to sign beside."""

from __future__ import annotations

import io

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from signing.ofd.package import write_package

KEYWORD = "患者签名："
PDF_KEYWORD = "Signature:"

_XMLNS = 'xmlns:ofd="http://www.ofdspec.org/2016"'
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def small_ofd(*, lines: tuple[tuple[float, str], ...] = ((60, "手术知情同意书"), (200, KEYWORD))) -> bytes:
    """An A4 page; each line is (baseline in mm from the top, text), set in 5 mm at x = 20 mm."""
    texts = "".join(
        f'<ofd:TextObject ID="{10 + number}" Boundary="20 {y - 5:g} 170 7" Font="3" Size="5">'
        f'<ofd:TextCode X="0" Y="5" DeltaX="{" ".join(["5"] * (len(text) - 1))}">{text}</ofd:TextCode>'
        "</ofd:TextObject>"
        for number, (y, text) in enumerate(lines)
    )
    members = {
        "OFD.xml": f'<ofd:OFD {_XMLNS} Version="1.0" DocType="OFD"><ofd:DocBody><ofd:DocInfo>'
        "<ofd:DocID>0123456789abcdef0123456789abcdef</ofd:DocID></ofd:DocInfo>"
        "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>",
        "Doc_0/Document.xml": f"<ofd:Document {_XMLNS}><ofd:CommonData><ofd:MaxUnitID>99</ofd:MaxUnitID>"
        "<ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea>"
        "<ofd:PublicRes>PublicRes.xml</ofd:PublicRes></ofd:CommonData>"
        '<ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages></ofd:Document>',
        "Doc_0/PublicRes.xml": f'<ofd:Res {_XMLNS} BaseLoc="Res"><ofd:Fonts>'
        '<ofd:Font ID="3" FontName="SimSun" FamilyName="SimSun"/></ofd:Fonts></ofd:Res>',
        "Doc_0/Pages/Page_0/Content.xml": f"<ofd:Page {_XMLNS}><ofd:Content>"
        f'<ofd:Layer ID="2" Type="Body">{texts}</ofd:Layer></ofd:Content></ofd:Page>',
    }
    return write_package({name: (_HEAD + text).encode() for name, text in members.items()})


def small_pdf(*, pages: int = 1) -> bytes:
    """A4 pages, the keyword on the last one 200 mm below the top."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True)
    for number in range(pages):
        canvas.setFont("Helvetica", 12)
        canvas.drawString(57, 700, f"Consent to surgery, page {number + 1}")
        if number == pages - 1:
            canvas.drawString(57, 275, PDF_KEYWORD)
        canvas.showPage()
    canvas.save()
    return out.getvalue()
