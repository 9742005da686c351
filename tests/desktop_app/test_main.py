"""R26: the command: help for a newcomer, one sentence for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.main import default_folder, main


def test_help_names_enrolment_pad_and_demonstration(capsys: pytest.CaptureFixture[str]) -> None:
    """R26: what a newcomer needs is in --help."""
    with pytest.raises(SystemExit) as raised:
        main(["--help"])
    assert raised.value.code == 0
    said = capsys.readouterr().out
    for word in ("--enrol", "--pad", "模拟", "演示", "--camera", "--lang"):
        assert word in said


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "desktop.not-enrolled"),
        (["--drive", "task-1"], "desktop.drive-needs-sim"),
        (["--enrol", "http://10.1.1.1", "code"], "desktop.bad-server-url"),
        (["--enrol", "https://penward.example", "code"], "desktop.no-tls-root"),
        (["--enrol", "http://127.0.0.1:9", "code"], "desktop.server-unreachable"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    arguments: list[str], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """R26: exit status 1, the sentence with its code, no traceback."""
    assert main(["--data", str(tmp_path / "s"), "--lang", "en", *arguments]) == 1
    said = capsys.readouterr().err.strip()
    assert said.endswith(f"({code})")
    assert len(said.splitlines()) == 1


def test_the_usual_folder_is_the_users_own() -> None:
    """R26: outside the program's folder."""
    assert default_folder().name == "station"
