"""R28, R50: trust anchors come from one folder that the operator chose."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from signing.pki import PkiError, installed_trust_folder, load_anchors
from signing.pki.trust import MAX_FILES
from tests.support.certificates import TestPki


@pytest.fixture(scope="module")
def pki() -> TestPki:
    return TestPki()


def test_all_forms_each_once_by_name(tmp_path: Path, pki: TestPki) -> None:
    (tmp_path / "b.pem").write_bytes(b"two\n" + pki.root.pem + pki.ca.pem)
    (tmp_path / "a.CER").write_bytes(pki.tsa.der)
    (tmp_path / "c.crt").write_bytes(pki.root.pem)
    (tmp_path / "d.der").write_bytes(pki.staff.der)
    (tmp_path / "README.txt").write_text("not a certificate")
    assert load_anchors(tmp_path) == [pki.tsa, pki.root, pki.ca, pki.staff]


def test_an_empty_folder_trusts_nobody(tmp_path: Path) -> None:
    assert load_anchors(tmp_path) == []


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(PkiError) as caught:
        load_anchors(tmp_path / "none")
    assert caught.value.code == "pki.no-trust-folder"


@pytest.mark.parametrize(
    "content", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"]
)
def test_a_damaged_anchor_is_told_not_skipped(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "root.pem").write_bytes(content)
    with pytest.raises(PkiError) as caught:
        load_anchors(tmp_path)
    assert (caught.value.code, caught.value.params) == ("pki.bad-anchor-file", {"name": "root.pem"})


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "root.pem").mkdir()
    with pytest.raises(PkiError, match=r"root\.pem"):
        load_anchors(tmp_path)


def test_counts_are_limited(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 1):
        (tmp_path / f"{number}.pem").touch()
    with pytest.raises(PkiError) as caught:
        load_anchors(tmp_path)
    assert caught.value.code == "pki.too-many-anchors"


def test_the_installed_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PENWARD_TRUST", raising=False)
    assert installed_trust_folder() == Path(sys.prefix) / "share" / "penward" / "trust"
    monkeypatch.setenv("PENWARD_TRUST", str(tmp_path))
    assert installed_trust_folder() == tmp_path
