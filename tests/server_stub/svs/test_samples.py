"""The samples of docs/samples against the real program (R30): each does what docs/svs.md says."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server_stub.app import load_core
from server_stub.config import load_settings
from server_stub.setup import read_passphrase
from signing.pki import Profile, Sm2Signer, issue_certificate
from signing.sm import SM2PrivateKey
from tests.server_stub.svs.conftest import CODE
from tests.support.served import ROOT, ServedHospital


@pytest.fixture(scope="module")
def served(made_svs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHospital]:
    """The product, serving the hospital with its keys; `nurse.pem`, `nurse.key` and `root.pem` beside it."""
    folder = Path(shutil.copytree(made_svs, tmp_path_factory.mktemp("samples") / "demo"))
    core = load_core(load_settings(folder), read_passphrase(folder / "secrets" / "passphrase"))
    key, now = SM2PrivateKey.generate(), dt.datetime.now(dt.UTC)
    certificate = issue_certificate(
        profile=Profile.STAFF_SIGN,
        subject=[("C", "CN"), ("CN", "李护士")],
        spki_der=Sm2Signer(key).public_key_spki,
        issuer=core.hospital.certificate("issuing"),
        issuer_signer=core.hospital.signer("issuing"),
        not_before=now - dt.timedelta(minutes=1),
        not_after=now + dt.timedelta(days=1),
    )
    (folder.parent / "nurse.pem").write_bytes(certificate.pem)
    (folder.parent / "nurse.key").write_bytes(key.to_pkcs8())
    (folder.parent / "root.pem").write_bytes(core.hospital.certificate("root").pem)
    core.close()
    program = str(Path(sys.executable).parent / "penward-server")
    hospital = ServedHospital(folder, [program, "serve", str(folder), "--port", "0"])
    hospital.start()
    try:
        yield hospital
    finally:
        hospital.stop()
        hospital.http.session.close()


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
