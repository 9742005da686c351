"""Sign a surgery consent at a bedside, end to end: `python3 build/run.py [--headless] [--out DIR]`.

Sets up the environment, starts a server of its own on this machine, lets the desktop program sign the
OFD and the PDF consent of one invented patient (with a screen: you sign), verifies the results with
the server stopped, and leaves everything in the output folder. `--help` lists the options.
"""

from __future__ import annotations

import subprocess
import sys

import environment


def main() -> int:
    """Set up, then hand over to the walk in the environment."""
    try:
        python = environment.prepare("run", environment.RUN_PACKAGES)
    except environment.SetupError as error:
        print(f"[set-up] {error}", file=sys.stderr)
        return 1
    walk = environment.ROOT / "build" / "walk"
    return subprocess.run([str(python), str(walk), *sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
