"""Set up the machine for run.py and test.py with the standard library alone.

Makes `.venv` from a hash-pinned lock, installs this checkout into it, and sees to system packages:
installed by apt when run as root on Debian, otherwise the exact command is printed. What is already
there is left alone, so that a second run starts at once.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
LOCKS = ROOT / "build" / "requirements"
WINDOWS = os.name == "nt"
STAMP = ENVIRONMENT / "penward-environment.json"

# What the programs need beside Python: Qt's platform libraries and fonts with Chinese glyphs.
RUN_PACKAGES = (
    "fonts-wqy-microhei",
    "fonts-droid-fallback",
    "fonts-liberation",
    "libdbus-1-3",
    "libegl1",
    "libfontconfig1",
    "libgl1",
    "libx11-xcb1",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-randr0",
    "libxcb-render-util0",
    "libxcb-render0",
    "libxcb-shape0",
    "libxcb-shm0",
    "libxcb-sync1",
    "libxcb-xfixes0",
    "libxcb-xkb1",
    "libxkbcommon-x11-0",
    "libxkbcommon0",
)
# The oracles and what tests compare with: only test.py installs these.
TEST_PACKAGES = (
    *RUN_PACKAGES,
    "chromium",
    "fonts-arphic-gbsn00lp",
    "fonts-arphic-gkai00mp",
    "libbcpkix-java",
    "libbcprov-java",
    "libreoffice-writer-nogui",
    "openjdk-17-jdk-headless",
    "openssl",
    "poppler-utils",
    "postgresql",
    "xauth",
    "xvfb",
)
VENV_PACKAGE = "python3-venv"


class SetupError(Exception):
    """Set-up cannot go on; the text says what to do."""


def say(text: str) -> None:
    """One line about what set-up does, at once."""
    print(f"[set-up] {text}", flush=True)


def environment_python() -> Path:
    """The interpreter of `.venv`."""
    return ENVIRONMENT / ("Scripts/python.exe" if WINDOWS else "bin/python")


def prepare(lock: str, packages: Sequence[str]) -> Path:
    """Make everything ready for `lock` (`run` or `test`); gives the interpreter to use.

    Raises:
        SetupError: this Python is too old, or a step of the set-up failed.
    """
    if sys.version_info < (3, 11):  # noqa: UP036
        raise SetupError(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    if importlib.util.find_spec("ensurepip") is None:  # Debian's own Python without python3-venv
        packages = (*packages, VENV_PACKAGE)
    install_system_packages(packages)
    install_environment(lock)
    return environment_python()


def install_system_packages(packages: Sequence[str]) -> None:
    """Install the Debian packages that are missing, or print the command that would."""
    if shutil.which("dpkg-query") is None or shutil.which("apt-get") is None:
        return
    missing = _missing(packages)
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        say("these system packages are missing; install them and start again:")
        print("    sudo " + " ".join(command), flush=True)
        return
    say(f"installing {len(missing)} system packages: {' '.join(missing)}")
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-q"], variables)
    _run([*command, "-q"], variables)


def _missing(packages: Sequence[str]) -> list[str]:
    query = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    installed = {line.split()[0] for line in query.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in packages if name not in installed]


def install_environment(lock: str) -> None:
    """Bring `.venv` to the state of the lock, unless its stamp says that it is there already."""
    wanted = _fingerprints()
    if _stamp().get(lock) == wanted[lock]:
        return
    if not _has_pip():
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)  # a set-up that was stopped half-way
        say(f"making {ENVIRONMENT.name} with Python {sys.version.split()[0]}")
        try:
            venv.create(ENVIRONMENT, with_pip=True)
        except subprocess.CalledProcessError as error:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
            raise SetupError("Python's venv has no pip; on Debian: apt-get install python3-venv") from error
    python = str(environment_python())
    say(f"installing the packages of build/requirements/{lock}.txt (hash-pinned)")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", str(LOCKS / f"{lock}.txt")])
    say("installing Penward itself from this checkout")
    _run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    fulfilled = {"test": ("run", "test"), "run": ("run",)}[lock]
    STAMP.write_text(json.dumps({name: wanted[name] for name in fulfilled}))


def _has_pip() -> bool:
    """Whether `.venv` is there as a whole."""
    if not environment_python().exists():
        return False
    ask = [str(environment_python()), "-m", "pip", "--version"]
    return subprocess.run(ask, capture_output=True, check=False).returncode == 0


def _fingerprints() -> dict[str, str]:
    """What each lock stands for: its text, the project's metadata and where the checkout lies."""
    common = (ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode() + sys.version.encode()
    return {
        name: hashlib.sha256((LOCKS / f"{name}.txt").read_bytes() + common).hexdigest()
        for name in ("run", "test")
    }


def _stamp() -> dict[str, str]:
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) and environment_python().exists() else {}


def _run(command: list[str], variables: dict[str, str] | None = None) -> None:
    finished = subprocess.run(command, env=variables, stdin=subprocess.DEVNULL, check=False)
    if finished.returncode != 0:
        raise SetupError(f"failed with exit status {finished.returncode}: {' '.join(command)}")
