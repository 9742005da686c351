"""Makes a hospital's folder: settings, database, keys and certificates, all or nothing."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import socket
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from server_stub.auth import AuthService, HisSecret
from server_stub.ca import CertificateAuthority, Hospital
from server_stub.ca.ceremony import Ceremony, RootKeys
from server_stub.config import CONFIG_NAME, Settings
from server_stub.errors import SetupError
from server_stub.store import AuditKind, Clock, Database, KeyVault, Store, utc_now
from server_stub.store.migrate import upgrade

MIN_PASSPHRASE = 12
SECRETS = "secrets"
DEMO_PASSPHRASE = f"{SECRETS}/passphrase"
DEMO_HIS = "示范 HIS"
DEMO_HIS_FILE = f"{SECRETS}/his-demo.json"

DemoLoader = Callable[[Session, str], str]
"""Puts demo data of the HIS with the given id into the database, and says what it was."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `init` was asked for. `passphrase_file` is None in a demo, whose folder then holds it."""

    directory: Path
    hospital: str
    demo: bool
    passphrase_file: Path | None
    root_keys: Path | None = None
    tls_names: Sequence[str] = ()
    database_url: str = ""


@dataclass(frozen=True, slots=True)
class MadeHospital:
    """What `init` made, for printing: no secret is in it."""

    directory: Path
    root_keys: Path
    passphrase_file: Path
    certificates: tuple[tuple[str, str], ...]
    his_file: Path | None
    demo: tuple[str, ...]


def make_hospital(
    plan: Plan, *, demo_loaders: Sequence[DemoLoader] = (), clock: Clock = utc_now
) -> MadeHospital:
    """Make everything in a folder beside the wanted one and rename it at the end.

    Raises:
        SetupError: `server.folder-not-empty`, `server.passphrase-inside`, `server.passphrase-needed`,
            `server.passphrase-short`, `server.root-keys-exist`, `server.database-not-empty`.
    """
    target = plan.directory.resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise SetupError("server.folder-not-empty", folder=str(target))
    passphrase, passphrase_file = _passphrase(plan, target)
    root_keys = (plan.root_keys or _default_root_keys(plan, target)).resolve()
    if root_keys.exists() and any(root_keys.iterdir()):
        raise SetupError("server.root-keys-exist", folder=str(root_keys))
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    building.mkdir(mode=0o700)
    try:
        certificates, keys, demo = _fill(plan, building, passphrase, demo_loaders, clock)
        if passphrase_file is None:
            write_secret(building / DEMO_PASSPHRASE, passphrase.encode() + b"\n")
        inside = root_keys.is_relative_to(target)
        _write_root_keys(building / root_keys.relative_to(target) if inside else root_keys, keys)
        if target.exists():
            target.rmdir()
        building.rename(target)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return MadeHospital(
        directory=target,
        root_keys=root_keys,
        passphrase_file=passphrase_file or target / DEMO_PASSPHRASE,
        certificates=certificates,
        his_file=target / DEMO_HIS_FILE if plan.demo else None,
        demo=demo,
    )


def read_passphrase(path: Path) -> str:
    """The first line of a passphrase file.

    Raises:
        SetupError: `server.passphrase-file-missing`, `server.passphrase-short`.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError("server.passphrase-file-missing", file=str(path)) from error
    passphrase = lines[0].strip() if lines else ""
    if len(passphrase) < MIN_PASSPHRASE:
        raise SetupError("server.passphrase-short", file=str(path), limit=MIN_PASSPHRASE)
    return passphrase


def write_secret(path: Path, content: bytes) -> None:
    """A new file that only its owner can read; FileExistsError when it is there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def his_secret_json(name: str, made: HisSecret) -> bytes:
    """The file that a HIS is given once: its id, key id and secret."""
    content = {
        "his": name,
        "his_id": made.his_id,
        "key_id": made.key_id,
        "secret_b64": base64.b64encode(made.secret).decode("ascii"),
    }
    return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"


def is_inside(path: Path, folder: Path) -> bool:
    """Whether `path` lies in `folder`, links followed."""
    return path.resolve().is_relative_to(folder.resolve())


def _passphrase(plan: Plan, target: Path) -> tuple[str, Path | None]:
    """The passphrase and its file; a file that does not exist is made with a random one."""
    path = plan.passphrase_file
    if path is None:
        if not plan.demo:
            raise SetupError("server.passphrase-needed")
        return secrets.token_urlsafe(24), None
    if is_inside(path, target) and not plan.demo:
        raise SetupError("server.passphrase-inside", file=str(path), folder=str(target))
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(24).encode() + b"\n")
    return read_passphrase(path), path.resolve()


def _default_root_keys(plan: Plan, target: Path) -> Path:
    return target / "root-keys" if plan.demo else target.with_name(f"{target.name}-root-keys")


def _fill(
    plan: Plan, folder: Path, passphrase: str, demo_loaders: Sequence[DemoLoader], clock: Clock
) -> tuple[tuple[tuple[str, str], ...], RootKeys, tuple[str, ...]]:
    settings = Settings(directory=folder, database_url=plan.database_url)
    database = Database(settings.database)
    try:
        database.check()
        upgrade(database)
        store = Store(database, settings.blob_folder, clock=clock)
        ceremony = Ceremony(
            hospital=plan.hospital, test=True, clock=clock, tls_names=plan.tls_names or default_tls_names()
        )
        told: list[str] = []
        with database.write() as session:
            if not KeyVault.is_empty(session):
                raise SetupError("server.database-not-empty")
            vault = KeyVault.create(session, passphrase, clock)
            hospital, keys = ceremony.make(session, vault, passphrase)
            _record(session, store, hospital)
            if plan.demo:
                authority = CertificateAuthority(store, hospital)
                his = AuthService(store, vault, authority).add_his(session, DEMO_HIS)
                write_secret(folder / DEMO_HIS_FILE, his_secret_json(DEMO_HIS, his))
                told = [loader(session, his.his_id) for loader in demo_loaders]
            store.audit.release(session)
        names = tuple((role, hospital.certificate(role).subject_text) for role in hospital.roles)
    finally:
        database.close()
    write_secret(folder / CONFIG_NAME, _config_text(plan).encode())  # a database URL may hold a password
    return names, keys, tuple(told)


def _record(session: Session, store: Store, hospital: Hospital) -> None:
    prints = {role: hospital.certificate(role).fingerprint_sm3.hex() for role in hospital.roles}
    store.audit.append(session, AuditKind.HOSPITAL_MADE, actor="admin", data=prints)


def _config_text(plan: Plan) -> str:
    fields: dict[str, object] = {
        "hospital": plan.hospital,
        "demo": plan.demo,
        "passphrase_file": DEMO_PASSPHRASE
        if plan.passphrase_file is None
        else str(plan.passphrase_file.resolve()),
    }
    if plan.database_url:
        fields["database_url"] = plan.database_url
    # a JSON string, true and false are written the same in TOML
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    return "\n".join(["# Penward: docs/server.md explains every field.", *lines, ""])


def _write_root_keys(folder: Path, keys: RootKeys) -> None:
    for name, der in (("root-sm2.key.pem", keys.sm2), ("root-tls.key.pem", keys.tls)):
        body = "\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64))
        pem = f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}\n-----END ENCRYPTED PRIVATE KEY-----\n"
        write_secret(folder / name, pem.encode("ascii"))


def default_tls_names() -> tuple[str, ...]:
    """Names a TLS certificate gets when none are given: this host's, and the loopback addresses."""
    host = socket.gethostname()
    usable = all(part and part.replace("-", "").isalnum() and part.isascii() for part in host.split("."))
    return (*((host,) if usable and host != "localhost" else ()), "localhost", "127.0.0.1", "::1")
