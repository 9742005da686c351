"""R28, R29: `penward-verify` offline, in both languages, for people and for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from signing.ofd.signatures import normalise
from signing.verify.cli import main
from tests.support.hospital import Hospital
from tests.support.tiny_ofd import tiny_ofd


@pytest.fixture(scope="module")
def folder(hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """signed.ofd, twice.ofd, broken.ofd, unsigned.ofd, and the trust folder."""
    place = tmp_path_factory.mktemp("verify")
    once = hospital.sign(normalise(tiny_ofd()))
    (place / "signed.ofd").write_bytes(once)
    (place / "twice.ofd").write_bytes(hospital.sign(once, name="李明", seed=4))
    broken = bytearray(once)
    broken[200] ^= 1
    (place / "broken.ofd").write_bytes(broken)
    (place / "unsigned.ofd").write_bytes(tiny_ofd())
    (place / "trust").mkdir()
    (place / "trust" / "root.pem").write_bytes(hospital.root.pem)
    return place


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The trust folder of this environment does not count."""
    monkeypatch.setenv("PENWARD_TRUST", str(tmp_path / "none"))


def _run(folder: Path, *words: str) -> int:
    return main([word.replace("@", f"{folder}{os.sep}") for word in words])


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("@signed.ofd", "--trust", "@trust"), 0),
        (("@twice.ofd", "--trust", "@trust"), 0),
        (("@signed.ofd",), 2),
        (("@unsigned.ofd", "--trust", "@trust"), 2),
        (("@broken.ofd", "--trust", "@trust"), 1),
        (("@signed.ofd", "@broken.ofd", "--trust", "@trust"), 1),
        (("@signed.ofd", "@unsigned.ofd", "--trust", "@trust"), 2),
        (("@absent.ofd", "--trust", "@trust"), 2),
        (("@signed.ofd", "--trust", "@nowhere"), 2),
        (("@twice.ofd", "--trust", "@trust", "--signature", "2"), 0),
        (("@twice.ofd", "--trust", "@trust", "--signature", "3"), 2),
    ],
)
def test_exit_status(folder: Path, words: tuple[str, ...], status: int) -> None:
    assert _run(folder, *words) == status


def test_wrong_option_is_status_2(folder: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        _run(folder, "--nonsense", "@signed.ofd")
    assert caught.value.code == 2


def test_installed_trust_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENWARD_TRUST", str(folder / "trust"))
    assert _run(folder, "@signed.ofd") == 0


def test_text_begins_with_the_test_mark(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the anchor is a test anchor, the text begins with 测试, in both languages."""
    for language in ("zh_CN", "en"):
        _run(folder, "@signed.ofd", "--trust", "@trust", "--lang", language)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("测试")
        assert "CN=测试医院根证书" in lines[0]
        assert all(line.lstrip().startswith("测试") for line in lines if "signed.ofd" in line)
    _run(folder, "@signed.ofd")
    assert not capsys.readouterr().out.startswith("测试")


def test_each_check_has_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run(folder, "@signed.ofd", "--trust", "@trust")
    text = capsys.readouterr().out
    for label in (
        "文件结构",
        "完整性",
        "签名文件摘要",
        "签名值",
        "印章",
        "签章人属于印章",
        "证书路径",
        "签名时证书有效",
        "时间戳",
        "证据绑定",
        "未受保护的文件",
    ):
        assert any(line.strip().startswith(label) for line in text.splitlines()), label
    assert "seal." not in text and "ofdsign." not in text


def test_english(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run(folder, "@broken.ofd", "--trust", "@trust", "--lang=en")
    text = capsys.readouterr().out
    assert "not valid" in text
    assert "FAILED" in text


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = _run(folder, "@twice.ofd", "@broken.ofd", "--trust", "@trust", "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["exit_status"] == status == 1
    assert [file["exit_status"] for file in document["files"]] == [0, 1]
    assert [s["signer"] for s in document["files"][0]["signatures"]] == ["王小明", "李明"]
    assert document["files"][0]["signatures"][0]["test_anchor"] is True


def test_one_signature_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run(folder, "@twice.ofd", "--trust", "@trust", "--signature", "2", "--json")
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert [signature["number"] for signature in file["signatures"]] == [2]


def test_report(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.pdf"
    assert _run(folder, "@signed.ofd", "--trust", "@trust", "--report", str(out)) == 0
    assert out.read_bytes().startswith(b"%PDF-")


def test_report_that_cannot_be_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "absent" / "report.pdf"
    assert _run(folder, "@signed.ofd", "--trust", "@trust", "--report", str(out)) == 2
    captured = capsys.readouterr()
    assert "verify.report-not-written" in captured.err
    assert "signed.ofd" in captured.out


@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_help_is_in_the_language_asked_for(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--lang", language, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert ("信任锚" in text) is (language == "zh_CN")
    assert "verify.help" not in text


def test_own_process_without_qt_and_network(folder: Path) -> None:
    """The command judges an OFD with neither Qt nor sockets nor the PDF engine loaded."""
    program = (
        "import sys, socket\n"
        "def refuse(*a, **k): raise OSError('offline')\n"
        "socket.socket = refuse\n"
        "from signing.verify.cli import main\n"
        "status = main(sys.argv[1:])\n"
        "loaded = [m for m in ('PySide6', 'pyhanko', 'reportlab', 'requests') if m in sys.modules]\n"
        "print('LOADED', loaded)\n"
        "sys.exit(status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder / "signed.ofd"), "--trust", str(folder / "trust")],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "LOADED []" in done.stdout
