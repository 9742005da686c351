"""R21: PDFs made by LibreOffice and by Chromium are found, signed twice and verified."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from signing.pdf import find_text, normalise_pdf, verify_pdf
from signing.verdict import Outcome
from signing.wire import StampBox
from tests.support.hospital import Hospital
from tests.support.pdfs import OTHER_BOX, sign

pytestmark = [pytest.mark.oracle, pytest.mark.xdist_group("producers")]

HTML = '<html><meta charset="utf-8"><body><h1>手术知情同意书</h1><p>患者签名：</p></body></html>'
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _libreoffice(folder: Path) -> Path:
    source = folder / "consent.txt"
    source.write_text("手术知情同意书\n\n患者签名：\n", encoding="utf-8")
    command = [
        "soffice",
        f"-env:UserInstallation={(folder / 'profile').as_uri()}",
        "--headless",
        "--convert-to",
        "pdf",
        "--outdir",
        str(folder),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder / "consent.pdf"


def _chromium(folder: Path) -> Path:
    source, target = folder / "consent.html", folder / "consent.pdf"
    source.write_text(HTML, encoding="utf-8")
    command = ["chromium", *QUIET, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}"]
    subprocess.run([*command, source.as_uri()], check=True, capture_output=True, timeout=120)
    return target


@pytest.mark.parametrize(("program", "make"), [("soffice", _libreoffice), ("chromium", _chromium)])
def test_documents_of_others_are_signed(program: str, make: object, tmp_path: Path) -> None:
    """Found by keyword, signed beside it and elsewhere; both signatures valid, the original kept."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    data = make(tmp_path).read_bytes()  # type: ignore[operator]
    assert normalise_pdf(data) == data
    hospital = Hospital()
    hit = find_text(data, "患者签名")[0]
    box = StampBox(hit.page, hit.x_mm + hit.width_mm + 4, max(0.0, hit.y_mm - 8), 50, 18)
    twice = sign(hospital, sign(hospital, data, box=box), box=OTHER_BOX, seed=2)
    assert twice.startswith(data)
    verdict = verify_pdf(twice, anchors=[hospital.root])
    assert len(verdict.signatures) == 2
    assert verdict.outcome <= Outcome.NOTE
