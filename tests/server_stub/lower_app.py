"""An app of the lower rooms alone, as a test program's own target for `serve`."""

from __future__ import annotations

from starlette.types import ASGIApp

from server_stub.app import auth_room, build_app, ca_room, load_core, store_room, tsa_room
from server_stub.config import load_settings
from server_stub.core import Core, Room
from server_stub.launch import Launch


def lower_rooms(core: Core) -> tuple[Room, ...]:
    """The rooms that know nothing of tasks."""
    return store_room(core), auth_room(core), ca_room(core), tsa_room(core)


def create_app(launch: Launch) -> ASGIApp:
    """What each worker of the test program runs."""
    core = load_core(load_settings(launch.directory), launch.passphrase, exclusive=True)
    return build_app(core, lower_rooms(core))


if __name__ == "__main__":
    import sys
    from pathlib import Path

    from server_stub.serve import serve
    from server_stub.setup import read_passphrase

    folder = Path(sys.argv[1])
    serve(
        folder,
        passphrase=read_passphrase(folder / "secrets" / "passphrase"),
        port=int(sys.argv[2]),
        tls="--tls" in sys.argv,
        app_target="lower_app:create_app",
        announce=lambda url: print(url, flush=True),
    )
