"""R21: the demo's consent is made of one text; what is committed is what the script makes."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from signing.ofd.model import load_document
from signing.ofd.package import open_package
from signing.ofd.text import find_text as find_in_ofd
from signing.pdf import find_text, normalise_pdf, open_pdf

ROOT = Path(__file__).resolve().parent.parent.parent
DEMO = ROOT / "resources" / "demo"
KEYWORDS = ("患者签名", "患者授权亲属签名", "经管医生签名", "与患者关系")


def test_the_committed_files_are_current() -> None:
    """`--check`, as CI runs it."""
    command = [sys.executable, str(ROOT / "build" / "demo_documents.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_fields_are_at_the_same_place_in_both_formats(keyword: str) -> None:
    """The keywords are found once in each, on the same page, within half a millimetre."""
    pdf_hits = find_text((DEMO / "consent.pdf").read_bytes(), keyword)
    ofd = load_document(open_package((DEMO / "consent.ofd").read_bytes()))
    ofd_hits = find_in_ofd(ofd, keyword)
    assert len(pdf_hits) == len(ofd_hits) == 1
    pdf_hit, ofd_hit = pdf_hits[0], ofd_hits[0]
    assert pdf_hit.page == ofd_hit.page == 1
    assert pdf_hit.x_mm == pytest.approx(ofd_hit.x_mm, abs=0.5)
    assert pdf_hit.y_mm == pytest.approx(ofd_hit.y_mm, abs=0.5)
    assert pdf_hit.x_mm + pdf_hit.width_mm == pytest.approx(ofd_hit.x_mm + ofd_hit.width_mm, abs=0.8)


def test_the_pdf_is_normal_and_embeds_its_font() -> None:
    """Ready to be signed as it is; readable where no Chinese font is installed."""
    data = (DEMO / "consent.pdf").read_bytes()
    assert normalise_pdf(data) == data
    with open_pdf(data) as document:
        assert document.page_count == 2
        assert document.page_size_mm(0) == pytest.approx((210, 297), abs=0.01)
    with pikepdf.open(io.BytesIO(data)) as opened:
        fonts = [
            font
            for page in opened.pages
            for font in page.Resources.Font.values()
            if font.get("/BaseFont") != "/Helvetica"
        ]
        assert fonts
        assert all("/FontFile2" in font.FontDescriptor for font in fonts)


def test_everything_is_marked_as_invented() -> None:
    """The hospital says 测试, the paper says that it is a demo, no ID number and no telephone number."""
    text = (DEMO / "consent.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    assert "测试" in content["hospital"]
    assert "虚构" in content["notice"]
    people = (DEMO / "people.json").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\d)\d{17}[\dXx](?!\d)|(?<!\d)1[3-9]\d{9}(?!\d)", text + people)


def test_people_have_two_wards_and_rare_characters() -> None:
    """Enough to show lists by ward, and names that many fonts lack."""
    people = json.loads((DEMO / "people.json").read_text(encoding="utf-8"))
    names = "".join(patient["name"] for patient in people["patients"])
    assert len({patient["ward"] for patient in people["patients"]}) >= 2
    assert "㛃" in names
    assert "\U00020bb7" in names
    assert len({person["id"] for person in people["patients"] + people["staff"]}) == len(
        people["patients"] + people["staff"]
    )


def test_the_portrait_is_a_picture() -> None:
    """640 × 480, in colour; it stands for the camera and is marked 模拟."""
    with Image.open(DEMO / "portrait.png") as picture:
        assert picture.size == (640, 480)
        assert picture.mode == "RGB"
