"""Set up and pass the tests: `python3 build/test.py [--setup-only] [--soak] [pytest arguments]`.

Runs what CI runs, in this order: catalogues and demo documents are current, ruff, mypy, the floors of
the house (import-linter), the test suite in random order on all processors.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import environment

ROOT = environment.ROOT


def checks(python: Path) -> list[tuple[str, list[str]]]:
    """The static checks: name and command."""
    module = [str(python), "-m"]
    return [
        ("message catalogues are compiled", [str(python), "build/catalogues.py", "--check"]),
        ("demo documents are current", [str(python), "build/demo_documents.py", "--check"]),
        ("ruff", [*module, "ruff", "check", "."]),
        ("ruff format", [*module, "ruff", "format", "--check", "--quiet", "."]),
        ("mypy", [*module, "mypy"]),
        ("floors of the house", [str(python.parent / "lint-imports"), "--cache-dir", ".cache/import-linter"]),
    ]


def main() -> int:
    """Set up, check, test; the exit status is the first failure's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--setup-only", action="store_true", help="stop after set-up")
    parser.add_argument("--soak", action="store_true", help="run the long tests instead of the suite")
    options, pytest_arguments = parser.parse_known_args()
    try:
        python = environment.prepare("test", environment.TEST_PACKAGES)
    except environment.SetupError as error:
        print(f"[set-up] {error}", file=sys.stderr)
        return 1
    if options.setup_only:
        return 0
    if not pytest_arguments and not options.soak:
        for name, command in checks(python):
            print(f"[check] {name}", flush=True)
            status = subprocess.run(command, cwd=ROOT, check=False).returncode
            if status != 0:
                return status
    selection = ["-m", "soak"] if options.soak else []
    if not pytest_arguments:
        selection += ["-n", "0" if options.soak else str(max(2, os.cpu_count() or 2)), "--dist", "loadgroup"]
    command = [str(python), "-m", "pytest", *selection, *pytest_arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
