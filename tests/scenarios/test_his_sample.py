"""The HIS sample of docs/samples, run as docs/api.md says, against the real program."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server_stub.app import demo_loaders
from server_stub.setup import Plan, make_hospital
from signing.sm import sm3
from tests.support.documents import PDF_KEYWORD, small_pdf
from tests.support.served import ROOT, ServedHospital, penward_server
from tests.support.station import StationClient

WARD = "外科一病区"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHospital]:
    """The product, serving a demo hospital."""
    folder = tmp_path_factory.mktemp("sample") / "demo"
    make_hospital(Plan(folder, "测试医院", True, None), demo_loaders=demo_loaders())
    program = str(Path(sys.executable).parent / "penward-server")
    hospital = ServedHospital(folder, [program, "serve", str(folder), "--port", "0"])
    hospital.start()
    try:
        yield hospital
    finally:
        hospital.stop()
        hospital.http.session.close()


def sample(hospital: ServedHospital, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """docs/samples/his_client.py in a process of its own."""
    command = [
        sys.executable,
        str(ROOT / "docs" / "samples" / "his_client.py"),
        "--server",
        hospital.http.base,
        "--key-file",
        str(hospital.folder / "secrets" / "his-demo.json"),
        *map(str, arguments),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, encoding="utf-8")


def test_the_sample_walks_the_whole_way(hospital: ServedHospital, tmp_path: Path) -> None:
    """Create twice under one key, list, sign at a station, fetch; a wrong keyword is told in Chinese."""
    document = tmp_path / "consent.pdf"
    document.write_bytes(small_pdf())
    patient = ("--patient", "P1", "--name", "王小明", "--ward", WARD)
    create = ("create", document, *patient, "--idempotency-key", "order-1")
    made = [sample(hospital, *create, "--keyword", PDF_KEYWORD) for _ in range(2)]
    assert [done.returncode for done in made] == [0, 0], made[0].stderr
    task = json.loads(made[0].stdout)
    assert json.loads(made[1].stdout) == task
    listed = json.loads(sample(hospital, "list", "--ward", WARD, "--state", "pending").stdout)
    assert [item["id"] for item in listed] == [task["id"]]
    code = penward_server("station", "code", hospital.folder, "--ward", WARD).stdout.strip()
    reply = StationClient.enrol(hospital.http, code).sign(task["id"])
    out = tmp_path / "signed.pdf"
    assert sample(hospital, "fetch", task["id"], "signed", out).returncode == 0
    assert sm3(out.read_bytes()).hex() == reply["document_sm3"]
    assert json.loads(sample(hospital, "show", task["id"]).stdout)["state"] == "signed"
    wrong = sample(hospital, "create", document, *patient, "--keyword", "没有")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("422 文书中找不到关键字")
