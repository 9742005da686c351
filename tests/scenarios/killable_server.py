"""A server whose checkpoint kills the worker or its parent; the stop comes in by the constructor alone.

    python killable_server.py DIR PORT ORDERS

ORDERS is a file: `worker STEP` or `parent STEP`. It is taken away before the kill, so that it happens once.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from starlette.types import ASGIApp

from server_stub.app import build_app, build_rooms, load_core
from server_stub.config import load_settings
from server_stub.launch import Launch

ORDERS = "PENWARD_TEST_ORDERS"


def obey(step: str) -> None:
    """Kill -9 whom the orders name when this is the step."""
    orders = Path(os.environ[ORDERS])
    try:
        who, _, wanted = orders.read_text().partition(" ")
    except FileNotFoundError:
        return
    if wanted != step:
        return
    orders.unlink()
    os.kill(os.getppid() if who == "parent" else os.getpid(), signal.SIGKILL)
    signal.pause()  # a parent's death takes this process along within moments


def create_app(launch: Launch) -> ASGIApp:
    """What each worker runs."""
    core = load_core(load_settings(launch.directory), launch.passphrase, checkpoint=obey, exclusive=True)
    return build_app(core, build_rooms(core))


if __name__ == "__main__":
    from server_stub.serve import serve
    from server_stub.setup import read_passphrase

    folder = Path(sys.argv[1])
    os.environ[ORDERS] = sys.argv[3]
    serve(
        folder,
        passphrase=read_passphrase(folder / "secrets" / "passphrase"),
        port=int(sys.argv[2]),
        app_target="killable_server:create_app",
        announce=lambda url: print(url, flush=True),
    )
