"""Renew build/requirements/*.txt from pyproject.toml: hash-pinned for all platforms, no index address.

Needs `uv` on the path; the resolver's settings (index, certificates) are the machine's own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "build" / "requirements"
COMMON = [
    "uv", "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes",
    "--no-emit-index-url", "--no-header", "--quiet", "pyproject.toml", "build/requirements/build.in",
    "--extra", "desktop", "--extra", "server",
]  # fmt: skip


def main() -> int:
    """Renew both locks; `--upgrade` and other arguments are handed on."""
    for lock, extra in (("run", []), ("test", ["--extra", "dev", "-c", "build/requirements/run.txt"])):
        command = [*COMMON, *extra, *sys.argv[1:], "-o", str(LOCKS / f"{lock}.txt")]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status != 0:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
