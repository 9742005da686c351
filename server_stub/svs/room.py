"""Puts the service together for the app: routes, limits, and what is loaded before the first request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from starlette.routing import Route

from server_stub.ca import Hospital
from server_stub.store import KeyVault, Store
from server_stub.svs import api, http, shf
from server_stub.svs.config import TRUST_FOLDER, SvsConfig, load_config
from server_stub.svs.crls import CrlFolder
from server_stub.svs.datakeys import DataKeys
from server_stub.svs.directory import Directory
from server_stub.svs.journal import Journal
from server_stub.svs.keys import KeyRing
from server_stub.svs.login import CertificateLogin
from server_stub.svs.service import SignVerifyServer
from server_stub.svs.trust import Trust
from signing.pki import load_anchors


@dataclass(frozen=True, slots=True)
class Assembly:
    """What the app makes a room of; limits are body sizes in bytes by path prefix."""

    router: APIRouter
    routes: Sequence[Route]
    limits: Mapping[str, int]
    close: Callable[[], None]


def build_server(
    store: Store, vault: KeyVault, hospital: Hospital, folder: Path, config: SvsConfig
) -> SignVerifyServer:
    """The service over a hospital; its keys are loaded. `folder` is the server's."""
    trusted = folder / TRUST_FOLDER
    foreign = load_anchors(trusted) if trusted.is_dir() else []
    ring = KeyRing(store, vault)
    ring.refresh(now=True)
    trust = Trust(
        [*hospital.anchors, *(item for item in foreign if item.is_self_issued)],
        [*hospital.issued_chain, *(item for item in foreign if not item.is_self_issued)],
        clock=store.clock,
        crl=CrlFolder(trusted),
    )
    issued = [hospital.certificate(role) for role in hospital.roles]
    directory = Directory(store, ring, [*issued, *foreign])
    return SignVerifyServer(ring, trust, directory, Journal(store), config.table)


def assemble(store: Store, vault: KeyVault, hospital: Hospital, folder: Path) -> Assembly:
    """GM/T 0029, GM/T 0136 and the services for other systems."""
    config = load_config(folder)
    server = build_server(store, vault, hospital, folder, config)
    runner = http.Runner(server, wait=config.journal == "wait")
    keys = DataKeys(store, vault)
    login = CertificateLogin(
        store,
        vault,
        server.trust,
        signer=hospital.signer("server"),
        certificate=hospital.certificate("server"),
        chain=hospital.chain("server"),
    )
    return Assembly(
        router=api.build_router(store, login, keys),
        routes=[*http.build_routes(runner), shf.build_route(runner, server, keys)],
        limits={
            f"{http.PREFIX}/": http.MAX_REQUEST,
            f"{http.VENDOR_PREFIX}/": http.MAX_REQUEST,
            f"{shf.PREFIX}/": http.MAX_REQUEST,
            **api.LIMITS,
        },
        close=server.journal.close,
    )
