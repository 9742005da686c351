"""Two nodes over one PostgreSQL (R34): one is killed in the middle of 1,000 signatures, none is lost."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest
import requests
from sqlalchemy import select

from server_stub.app import demo_loaders, load_core
from server_stub.config import load_settings
from server_stub.setup import Plan, make_hospital, read_passphrase
from server_stub.svs.making import make_key
from server_stub.svs.models import SvsSignature
from signing.sm import sm3
from signing.wire import Request, new_nonce, sign_request_hmac
from tests.server_stub.svs.conftest import CODE, SM2, unb64, wire
from tests.support.databases import new_database, postgresql
from tests.support.served import ServedHospital

__all__ = ["postgresql"]

SIGNATURES, CLIENTS, KILLED_AT = 1000, 8, 400


def sign(node: ServedHospital, session: requests.Session, content: bytes) -> bytes:
    """One SignData at a node; raises requests.RequestException when the node is gone."""
    his = node.his
    fields = {"signMethod": SM2, "keyIndex": 1, "keyValue": CODE, "inData": content}
    body = urlencode(wire(fields)).encode()
    header = sign_request_hmac(
        Request("POST", "/svs/SignData", [], body),
        secret=his.secret,
        key_id=his.key_id,
        now=his.clock(),
        nonce=new_nonce(),
    )
    headers = {"Authorization": header, "Content-Type": "application/x-www-form-urlencoded"}
    answer = session.post(f"{node.http.base}/svs/SignData", data=body, headers=headers, timeout=60)
    answer.raise_for_status()
    made = parse_qs(answer.text)
    assert made["respValue"] == ["0"], answer.text
    return unb64(made["signature"][0])


@pytest.mark.skipif(os.name == "nt", reason="kills by signal")
def test_a_node_is_killed_in_the_middle(postgresql: str, tmp_path: Path) -> None:
    """None lost, at most one retry each; every answered signature is right and in the journal."""
    folder = tmp_path / "a" / "demo"
    folder.parent.mkdir()
    url = new_database(postgresql)
    make_hospital(Plan(folder, "测试医院", True, None, database_url=url), demo_loaders=demo_loaders())
    core = load_core(load_settings(folder), read_passphrase(folder / "secrets" / "passphrase"))
    with core.store.database.write() as session:
        certificate = make_key(
            session, core.store, core.vault, core.hospital, index=1, name="测试", algorithm="sm2", code=CODE
        )
    core.close()
    other = Path(shutil.copytree(folder, tmp_path / "b" / "demo"))
    program = str(Path(sys.executable).parent / "penward-server")
    nodes = [ServedHospital(each, [program, "serve", str(each), "--port", "0"]) for each in (folder, other)]
    made: dict[int, bytes] = {}
    retries: dict[int, int] = {}
    middle = threading.Event()

    def client(first: int) -> None:
        with requests.Session() as http:
            http.trust_env = False
            for number in range(first, SIGNATURES, CLIENTS):
                content = f"record {number}".encode()
                for attempt in range(3):
                    try:
                        made[number] = sign(nodes[(number // CLIENTS + attempt) % 2], http, content)
                        break
                    except requests.RequestException:
                        retries[number] = retries.get(number, 0) + 1
                if len(made) >= KILLED_AT:
                    middle.set()

    try:
        for node in nodes:
            node.start()
        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(client, first) for first in range(CLIENTS)]
            assert middle.wait(240)
            killed = nodes[0].process
            assert killed is not None
            killed.send_signal(signal.SIGKILL)
            for future in running:
                future.result()
    finally:
        for node in nodes:
            node.stop()
            node.http.session.close()
    assert len(made) == SIGNATURES
    assert retries, "the node must have died in the middle"
    assert max(retries.values()) == 1
    key = certificate.public_key
    assert all(key.verify(signature, f"record {number}".encode()) for number, signature in made.items())
    core = load_core(load_settings(other), read_passphrase(other / "secrets" / "passphrase"))
    with core.store.database.read() as session:
        journal = set(session.scalars(select(SvsSignature.signature_sm3)))
    core.close()
    assert {sm3(signature).hex() for signature in made.values()} <= journal
