"""How `penward-server` ends: in one sentence when the system refuses, and without lingering."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The console script in a process of its own, telling at its very end whether the heap was frozen."""
    program = (
        "import atexit, gc; atexit.register(lambda: print('frozen', gc.get_freeze_count() > 0));"
        "from server_stub.cli import main; main()"
    )
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """In both languages, with the file and the system's own reason; no traceback."""
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    done = run("init", str(blocked / "hospital"), "--demo")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    assert all("server.file-refused" in line and str(blocked) in line for line in lines)


def test_the_interpreter_does_not_walk_the_heap_once_more_at_the_end() -> None:
    """A stopped server held its place for half a second of work, seconds on a busy machine."""
    done = run("--help")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "frozen True")
