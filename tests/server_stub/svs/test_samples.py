"""The samples of docs/samples against the real program (R30): each does what docs/svs.md says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server_stub.svs.conftest import CODE
from tests.support.served import ROOT, ServedHospital


def sample(served: ServedHospital, name: str, *arguments: str | Path) -> str:
    """A sample's output."""
    command = [
        sys.executable,
        str(ROOT / "docs" / "samples" / f"{name}.py"),
        served.http.base,
        str(served.folder / "secrets" / "his-demo.json"),
        *map(str, arguments),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_samples_run(served: ServedHospital, tmp_path: Path) -> None:
    record = tmp_path / "record.txt"
    record.write_text("血压 120/80", encoding="utf-8")
    assert len(sample(served, "svs_sign", CODE, record)) >= 92
    assert sample(served, "svs_encrypt", "13800000000").endswith(" 13800000000")
    assert sample(served, "svs_integrity", "order-7", record) == "True"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_login_sample_by_openssl(served: ServedHospital) -> None:
    """An implementation that is not ours checks the server and signs for the user."""
    beside = served.folder.parent
    assert (
        sample(served, "svs_login", beside / "nurse.pem", beside / "nurse.key", beside / "root.pem")
        == "李护士"
    )
