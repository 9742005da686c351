"""The documents of the walk and the tasks that a HIS would post for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from signing.wire import OFD_MEDIA_TYPE, PDF_MEDIA_TYPE

CONSENT_TEXT = "我同意为本次签署采集手写笔迹与照片，仅用于证明本人签署。"
DEMO = resources.files("resources") / "demo"
KINDS = {"ofd": OFD_MEDIA_TYPE, "pdf": PDF_MEDIA_TYPE}


@dataclass
class Document:
    """One document on its way: as the HIS has it, as it came back signed, and the evidence of it."""

    kind: str
    file_name: str
    data: bytes
    task: dict[str, Any]
    task_id: str = ""
    signed: bytes = b""
    evidence: bytes = b""
    demo: bool = True

    @property
    def signed_name(self) -> str:
        """The file name of the signed document."""
        path = Path(self.file_name)
        return f"{path.stem}-signed{path.suffix}"

    @property
    def evidence_name(self) -> str:
        """The file name of its evidence: the ZIP of a task holds that task's document."""
        return "evidence.zip" if self.kind == "ofd" or not self.demo else f"evidence-{self.kind}.zip"

    @property
    def ward(self) -> str:
        """The patient's ward."""
        return str(self.task["patient"]["ward"])


def demo_patient() -> dict[str, Any]:
    """The invented patient of the walk, as a task names one."""
    patients = json.loads((DEMO / "people.json").read_text(encoding="utf-8"))["patients"]
    names = ("id", "name", "visit", "ward", "bed", "sex", "age")
    return {name: str(patients[0][name]) for name in names if name in patients[0]}


def demo_documents() -> list[Document]:
    """The surgery consent in both formats."""
    where = {
        "kind": "keyword",
        "keyword": "患者签名",
        "dx_mm": 4,
        "dy_mm": 0,
        "width_mm": 42,
        "height_mm": 16,
    }
    return [
        _document(kind, f"consent.{kind}", (DEMO / f"consent.{kind}").read_bytes(), "手术知情同意书", where)
        for kind in KINDS
    ]


def foreign_document(path: Path, box: str) -> Document:
    """Somebody's OFD or PDF, to be signed in `box` (PAGE,X,Y,W,H).

    Raises:
        ValueError: the file is neither, or the box is not five numbers.
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    if data.startswith(b"PK"):
        kind = "ofd"
    elif b"%PDF-" in data[:1024]:
        kind = "pdf"
    else:
        raise ValueError(f"{path.name}: neither OFD nor PDF")
    numbers = [float(part) for part in box.split(",")]
    if len(numbers) != 5:
        raise ValueError(f"--box {box}: five numbers are wanted, PAGE,X,Y,W,H")
    page, x, y, width, height = numbers
    where = {"kind": "box", "page": int(page), "x_mm": x, "y_mm": y, "width_mm": width, "height_mm": height}
    document = _document(kind, f"consent.{kind}", data, path.stem[:60], where)
    document.demo = False
    return document


def _document(kind: str, name: str, data: bytes, title: str, where: dict[str, Any]) -> Document:
    patient = demo_patient()
    task = {
        "external_id": f"walk-{kind}",
        "patient": patient,
        "document": {"media_type": KINDS[kind], "title": title},
        "signers": [{"role": "patient", "name": patient["name"], "field": where}],
        "policy": {"photo": "required"},
        "consents": [
            {
                "id": "biometrics",
                "version": "1",
                "text": "我同意为本次签署采集手写笔迹与照片，仅用于证明本人签署。",
            }
        ],
    }
    return Document(kind, name, data, task)
