"""Runs the app under granian: one locked folder, workers that follow their parent, TLS from the vault."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import logging
import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from granian.constants import Interfaces, Loops, SSLProtocols
from granian.server.mp import MPServer

from server_stub.ca import Hospital
from server_stub.config import Settings, is_loopback, load_settings
from server_stub.errors import SetupError
from server_stub.launch import Launch
from server_stub.lock import FolderLock, follow_parent
from server_stub.store import Database, KeyVault
from server_stub.store.migrate import require_current
from signing.pki.signers import EcSigner

log = logging.getLogger("penward.serve")

PRODUCT_TARGET = "server_stub.app:create_app"
WORKER_END_SECONDS = 15
RUN_FOLDER = "run"
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 a folder of this user's own is made in it, mode 0700

LOG_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "penward": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "_granian": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}


def serve(
    directory: Path,
    *,
    passphrase: str,
    host: str | None = None,
    port: int | None = None,
    tls: bool = False,
    app_target: str = PRODUCT_TARGET,
    announce: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve the hospital in `directory` until a signal ends it.

    `app_target` is `module:factory`; the factory gets a `Launch` in each worker process and returns the ASGI
    app (a test program names its own). `port` 0 takes a free one. `announce` is told the URL before the
    workers start.

    Raises:
        SetupError: `server.no-folder`, `server.config-wrong`, `server.tls-needed` (a host other than
            loopback), `server.folder-in-use`, `server.port-in-use`, `store.passphrase-wrong`,
            `store.migration-needed`, `server.workers-need-postgresql`.
    """
    settings = load_settings(directory)
    host = settings.host if host is None else host
    if not tls and not is_loopback(host):
        raise SetupError("server.tls-needed", host=host)
    lock = FolderLock(settings.directory)
    lock.acquire(wait_seconds=settings.lock_wait_seconds)
    try:
        hospital, is_sqlite = _open(settings, passphrase)
        if is_sqlite and settings.workers > 1:
            raise SetupError("server.workers-need-postgresql", workers=settings.workers)
        port = free_port(host, settings.port if port is None else port)
        with contextlib.ExitStack() as stack:
            options = stack.enter_context(_tls_files(settings, hospital)) if tls else {}
            server = MPServer(
                app_target,
                address=host,
                port=port,
                interface=Interfaces.ASGI,
                loop=Loops.asyncio,
                workers=settings.workers,
                respawn_failed_workers=True,
                workers_kill_timeout=WORKER_END_SECONDS,
                log_dictconfig=LOG_CONFIG,
                **options,
            )
            server.on_startup(_ignore_reload)
            name = f"[{host}]" if ":" in host else host
            announce(f"{'https' if tls else 'http'}://{name}:{port}")
            launch = Launch(settings.directory, passphrase)
            server.serve(target_loader=partial(load_in_worker, app_target, launch), wrap_loader=False)
    finally:
        lock.release()


@contextlib.contextmanager
def exclusive(settings: Settings) -> Iterator[None]:
    """Hold the folder while no server may run; SetupError `server.folder-in-use` when one does."""
    lock = FolderLock(settings.directory)
    lock.acquire(wait_seconds=0)
    try:
        yield
    finally:
        lock.release()


def load_in_worker(app_target: str, launch: Launch) -> Any:
    """What each worker process runs first: follow the parent, then build the app."""
    follow_parent(launch.directory)
    module, _, factory = app_target.partition(":")
    return getattr(importlib.import_module(module), factory)(launch)


def free_port(host: str, port: int) -> int:
    """`port`, or a free one for 0, after seeing that nobody listens there (granian would share the port).

    Raises:
        SetupError: `server.port-in-use`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SetupError("server.port-in-use", host=host, port=port) from error
        return int(probe.getsockname()[1])


def _open(settings: Settings, passphrase: str) -> tuple[Hospital, bool]:
    """See in the parent that everything opens; no connection may live on into the workers' fork."""
    database = Database(settings.database)
    try:
        database.check()
        require_current(database)
        with database.read() as session:
            return Hospital.load(session, KeyVault.open(session, passphrase)), database.is_sqlite
    finally:
        database.close()


@contextlib.contextmanager
def _tls_files(settings: Settings, hospital: Hospital) -> Iterator[dict[str, Any]]:
    """The TLS chain and key as files of this user alone, in memory where the system has such a folder.

    granian reads them again for each worker that it starts and cannot decrypt the PKCS#8 that
    `cryptography` writes, so the key lies unencrypted there as long as the server runs.
    """
    signer = hospital.signer("tls")
    if not isinstance(signer, EcSigner):
        raise SetupError("ca.role-missing", role="tls")
    folder = _runtime_folder(settings.directory)
    key = signer.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    paths = folder / "tls-chain.pem", folder / "tls-key.pem"
    chain = b"".join(item.pem for item in (hospital.certificate("tls"), *hospital.chain("tls")))
    try:
        for path, content in zip(paths, (chain, key), strict=True):
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(content)
        yield {"ssl_cert": paths[0], "ssl_key": paths[1], "ssl_protocol_min": SSLProtocols.tls12}
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()


def _runtime_folder(directory: Path) -> Path:
    """A folder of this user's for this hospital: in shared memory, else `DIR/run`.

    Raises:
        SetupError: `server.runtime-folder-foreign`, somebody else holds that name.
    """
    folder = directory / RUN_FOLDER
    if MEMORY_FOLDER.is_dir() and os.access(MEMORY_FOLDER, os.W_OK):
        name = hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:16]
        folder = MEMORY_FOLDER / f"penward-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.name != "nt":
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise SetupError("server.runtime-folder-foreign", folder=str(folder))
    return folder


def _ignore_reload() -> None:
    """granian's reload runs an old and a new worker side by side, which one SQLite hospital must not have."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
