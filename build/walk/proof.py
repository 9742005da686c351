"""What was signed is proven by the verifier in a process of its own, and shown as pages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from consent import Document
from hospital import program
from steps import Steps

from signing.pdf import build_report_pdf
from signing.pki import load_anchors
from signing.verdict import FileVerdict, exit_status
from signing.verify import verify_bytes

PAGE_DPI = 110


def install_anchors(anchors: Sequence[Path], trust: Path) -> None:
    """Copy the hospital's test anchors to the result and to the environment's trust folder.

    The installed copies are called `walk-*`; those of an earlier walk are taken away.
    """
    installed = Path(sysconfig.get_path("data")) / "share" / "penward" / "trust"
    installed.mkdir(parents=True, exist_ok=True)
    for old in installed.glob("walk-*.pem"):
        old.unlink()
    for anchor in anchors:
        shutil.copyfile(anchor, trust / anchor.name)
        shutil.copyfile(anchor, installed / f"walk-{anchor.name}")


@dataclass
class Proof:
    """The rows of the closing table."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether everything came out as it must."""
        return not self.failures

    def print_table(self, out: Path) -> None:
        """What was signed, by whom, what was verified."""
        heads = ("file", "signed by", "time stamp", "verified")
        widths = [max(_width(row[i]) for row in [heads, *self.rows]) for i in range(4)]
        print()
        for row in (heads, tuple("-" * width for width in widths), *self.rows):
            print(
                "  ".join(
                    cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
                )
            )
        for failure in self.failures:
            print(f"FAILED: {failure}", file=sys.stderr)
        print(f"\nThe results are in {out}/")


def prove(documents: Sequence[Document], out: Path, steps: Steps) -> Proof:
    """Verify the files in `out` offline, draw their pages, write verify.txt and report.pdf."""
    proof = Proof()
    names = [name for document in documents for name in (document.signed_name, document.evidence_name)]
    with steps("penward-verify, in a process of its own"):
        done = _verify(names, out, out / "trust")
    (out / "verify.txt").write_text(done.stdout, encoding="utf-8")
    anchors = load_anchors(out / "trust")
    signed = []
    for document in documents:
        before = verify_bytes(document.file_name, document.data, anchors)
        after = verify_bytes(document.signed_name, document.signed, anchors)
        signed.append(after)
        _judge(proof, document, before, after)
        evidence = verify_bytes(document.evidence_name, document.evidence, anchors)
        proof.rows.append((document.evidence_name, *_of_evidence(evidence)))
    if all(document.demo for document in documents):
        if done.returncode != 0:
            proof.failures.append(f"penward-verify ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        with tempfile.TemporaryDirectory() as nothing:
            for name in names:
                if (status := _verify([name], out, Path(nothing)).returncode) != 2:
                    proof.failures.append(f"{name} without an anchor: exit status {status}, not 2")
    with steps("write the report"):
        report = build_report_pdf(signed, generated_at=datetime.now(UTC))
        (out / "report.pdf").write_bytes(report)
    with steps("draw the signed pages"):
        for document in documents:
            draw_pages(document.kind, document.signed, out / "pages", f"consent-{document.kind}")
    return proof


def _of_evidence(verdict: FileVerdict) -> tuple[str, str, str]:
    signers = ", ".join(signature.signer for signature in verdict.signatures)
    status = exit_status([verdict])
    return signers, "", {0: "valid", 1: "broken", 2: "not decidable"}[status]


def _judge(proof: Proof, document: Document, before: FileVerdict, after: FileVerdict) -> None:
    ours = after.signatures[-1] if after.signatures else None
    if ours is None or len(after.signatures) != len(before.signatures) + 1:
        proof.failures.append(f"{document.signed_name}: our signature is missing")
        return
    good = ours.outcome.name in {"PASS", "NOTE", "WARNING"}
    if not good:
        texts = [check.text("en") for check in ours.checks if check.outcome.name in {"FAIL", "UNDECIDED"}]
        proof.failures.append(f"{document.signed_name}: " + "; ".join(texts))
    for earlier, later in zip(before.signatures, after.signatures, strict=False):
        if earlier != later:
            changed = [c.text("en") for c in later.checks if c not in earlier.checks]
            proof.failures.append(
                f"{document.signed_name}: verdict of signature {earlier.number} changed: {'; '.join(changed)}"
            )
    proof.rows.append(
        (document.signed_name, ours.signer, ours.stamped_at, "valid" if good else ours.outcome.name.lower())
    )


def _verify(names: Sequence[str], out: Path, trust: Path) -> subprocess.CompletedProcess[str]:
    command = [*program("penward-verify"), *names, "--trust", str(trust.resolve())]
    return subprocess.run(
        command,
        cwd=out,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


def draw_pages(kind: str, data: bytes, folder: Path, stem: str) -> None:
    """Each page as a PNG, drawn by the engine that shows it at the bedside."""
    if kind == "ofd":
        from signing.ofd.document import load_document
        from signing.ofd.package import open_package
        from signing.ofd.painters.qt import render_png

        document = load_document(open_package(data))
        for index in range(len(document.pages)):
            (folder / f"{stem}-{index + 1}.png").write_bytes(render_png(document, index, PAGE_DPI))
        return
    from signing.pdf import open_pdf
    from signing.pdf import render_png as render_pdf

    with open_pdf(data) as pdf:
        for index in range(pdf.page_count):
            (folder / f"{stem}-{index + 1}.png").write_bytes(render_pdf(pdf, index, PAGE_DPI))


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)
