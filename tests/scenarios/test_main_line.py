"""R10, R18, R20, R21, R26, R28, R29, R45, R47: a consent signed at the bedside, by the whole programs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.gui
SAME_RUN = pytest.mark.xdist_group("main-line")

LEFT_BEHIND = (
    "consent.ofd",
    "consent-signed.ofd",
    "consent.pdf",
    "consent-signed.pdf",
    "evidence.zip",
    "evidence-pdf.zip",
    "report.pdf",
    "verify.txt",
    "timing.json",
)


def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """build/run.py in a process of its own."""
    command = [sys.executable, str(ROOT / "build" / "run.py"), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **variables}
    )


def verify(*arguments: str | Path, trust: Path) -> subprocess.CompletedProcess[str]:
    """penward-verify in a process of its own, with no other anchors than those of `trust`."""
    command = [sys.executable, "-m", "signing.verify", *map(str, arguments), "--trust", str(trust)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of one headless run."""
    out = tmp_path_factory.mktemp("walk") / "out"
    finished = run("--headless", "--out", out)
    assert finished.returncode == 0, finished.stdout[-4000:] + finished.stderr[-4000:]
    return out


@SAME_RUN
def test_everything_is_left_behind(walked: Path) -> None:
    """Each file that the README names is there and holds something."""
    for name in LEFT_BEHIND:
        assert (walked / name).stat().st_size > 0, name
    assert len(list((walked / "pages").glob("*.png"))) >= 2
    assert len(list((walked / "screens").glob("*.png"))) >= 8
    assert list((walked / "trust").iterdir())
    steps = json.loads((walked / "timing.json").read_text())
    assert all(isinstance(ms, int | float) for ms in steps.values())


@pytest.mark.parametrize(
    "name", ["consent-signed.ofd", "consent-signed.pdf", "evidence.zip", "evidence-pdf.zip"]
)
def test_verifier_agrees_with_the_server_stopped(walked: Path, name: str, tmp_path: Path) -> None:
    """R28, R29, R45: exit status 0 with the anchor, 2 without any; the test anchor is named as such."""
    with_anchor = verify(walked / name, trust=walked / "trust")
    assert with_anchor.returncode == 0, with_anchor.stdout
    assert "测试" in with_anchor.stdout
    empty = tmp_path / "no-anchors"
    empty.mkdir()
    assert verify(walked / name, trust=empty).returncode == 2


@SAME_RUN
def test_stand_ins_are_named(walked: Path) -> None:
    """The simulated pad and the photo from a file are called 模拟 where a person reads the result."""
    assert "模拟" in (walked / "verify.txt").read_text(encoding="utf-8")


@SAME_RUN
def test_evidence_of_another_signing_fails_by_name(walked: Path, tmp_path: Path) -> None:
    """R29: one changed byte of the ink makes the verifier name the ink's binding."""
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(walked / "evidence.zip") as before, zipfile.ZipFile(changed, "w") as after:
        for entry in before.infolist():
            data = before.read(entry)
            if entry.filename.endswith("/ink"):
                data = data[:-1] + bytes([data[-1] ^ 1])
            after.writestr(entry, data)
    result = verify(changed, "--lang", "en", trust=walked / "trust")
    assert result.returncode == 1
    assert "ink" in result.stdout


@pytest.mark.parametrize(
    "sample",
    [
        "ofd/ofdrw/converter/helloworld.ofd",
        "ofd/ofdrw/converter/999.ofd",
        "ofd/ofdrw/layout/fptpl.ofd",
        "ofd/c5soft/6.2.003 使用相对路径.ofd",
    ],
)
def test_documents_of_others_are_signed(shared_testdata: Path, tmp_path: Path, sample: str) -> None:
    """`--document`: our signature is valid and every earlier verdict is unchanged."""
    finished = run("--headless", "--out", tmp_path / "out", "--document", shared_testdata / sample)
    assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr[-3000:]


PAGE = """<!doctype html><meta charset="utf-8"><title>输血治疗知情同意书</title>
<style>body{font-family:"WenQuanYi Micro Hei"}</style>
<h1>输血治疗知情同意书</h1><p>患者签名：</p><p style="page-break-before:always">第二页</p>"""


def by_chromium(page: Path, out: Path) -> None:
    """Print `page` to `out` by headless Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed: build/test.py --setup-only installs it")
    quiet = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={page.parent / 'profile'}", "--no-pdf-header-footer",
    ]  # fmt: skip
    command = [chromium, *quiet, f"--print-to-pdf={out}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def by_libreoffice(page: Path, out: Path) -> None:
    """Convert `page` to `out` by LibreOffice Writer."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed: build/test.py --setup-only installs it")
    profile = f"-env:UserInstallation={(page.parent / 'office').as_uri()}"
    convert = ["--headless", "--convert-to", "pdf:writer_web_pdf_Export", "--outdir", str(out.parent)]
    subprocess.run([office, profile, *convert, str(page)], check=True, capture_output=True, timeout=180)
    page.with_suffix(".pdf").rename(out)


@pytest.mark.parametrize("program", [by_chromium, by_libreoffice])
def test_pdf_of_others_is_signed(program: Callable[[Path, Path], None], tmp_path: Path) -> None:
    """`--document` with PDFs whose structure we did not choose."""
    page = tmp_path / "page.html"
    page.write_text(PAGE, encoding="utf-8")
    document = tmp_path / "made.pdf"
    program(page, document)
    finished = run("--headless", "--out", tmp_path / "out", "--document", document)
    assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr[-3000:]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.pdf", b""),
        ("zeros.ofd", bytes(1 << 20)),
        ("no-pages.pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
         b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"),
    ],
)  # fmt: skip
def test_wrong_file_gets_a_sentence(name: str, content: bytes, tmp_path: Path) -> None:
    """What is not a document ends with one sentence, not with a trace."""
    wrong = tmp_path / name
    wrong.write_bytes(content)
    finished = run("--headless", "--out", tmp_path / "out", "--document", wrong)
    assert finished.returncode != 0
    assert "Traceback" not in finished.stderr
    assert finished.stderr.strip()
