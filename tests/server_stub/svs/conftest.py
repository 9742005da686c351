"""A demo hospital with an SM2 key (index 1) and an RSA key (index 2), served in this process."""

from __future__ import annotations

import base64
import datetime as dt
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from server_stub.app import load_core
from server_stub.config import load_settings
from server_stub.setup import read_passphrase
from server_stub.svs.making import make_key
from signing.pki import Profile, Sm2Signer, issue_certificate
from signing.sm import SM2PrivateKey
from signing.wire import Request, new_nonce, sign_request_hmac
from tests.support.served import ServedHospital
from tests.support.server import Server, hospital, made_hospital, running, server

__all__ = ["hospital", "made_hospital", "server"]

CODE = "87654321"
SM2, RSA = 0x00020201, 0x00010004
KEYS = {SM2: 1, RSA: 2}


@pytest.fixture(scope="session")
def made_svs(made_hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hospital's folder with both keys, that no test changes."""
    folder = Path(shutil.copytree(made_hospital, tmp_path_factory.mktemp("svs") / "demo"))
    core = load_core(load_settings(folder), read_passphrase(folder / "secrets" / "passphrase"))
    with core.store.database.write() as session:
        for index, algorithm in ((1, "sm2"), (2, "rsa")):
            make_key(
                session,
                core.store,
                core.vault,
                core.hospital,
                index=index,
                name=f"测试签名服务 {index}",
                algorithm=algorithm,
                code=CODE,
            )
    core.close()
    return folder


@pytest.fixture
def svs_folder(made_svs: Path, tmp_path: Path) -> Path:
    """A folder of the test's own."""
    return Path(shutil.copytree(made_svs, tmp_path / "svs"))


@dataclass
class Svs:
    """A client of all forms of the service."""

    server: Server

    def post(self, path: str, body: bytes, media_type: str, **headers: str) -> Any:
        """A signed POST."""
        his = self.server.his
        header = sign_request_hmac(
            Request("POST", path, [], body),
            secret=his.secret,
            key_id=his.key_id,
            now=his.clock(),
            nonce=new_nonce(),
        )
        found = {"Authorization": header, "Content-Type": media_type, **headers}
        return self.server.client.post(path, content=body, headers=found)

    def form(self, operation: str, **fields: object) -> dict[str, str]:
        """An operation as a form; bytes become base64, booleans TRUE and FALSE."""
        answer = self.post(
            f"/svs/{operation}", urlencode(wire(fields)).encode(), "application/x-www-form-urlencoded"
        )
        assert answer.status_code == 200, answer.text
        return dict(parse_qsl(answer.text, keep_blank_values=True))

    def json(self, operation: str, **fields: object) -> dict[str, Any]:
        """An operation as JSON."""
        answer = self.post(f"/svs/{operation}", json.dumps(wire(fields)).encode(), "application/json")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def vendor(self, operation: str, **fields: object) -> dict[str, Any]:
        """An operation in the vendor's envelope."""
        body = {
            "version": "v1",
            "reqType": operation,
            "request": wire(fields),
            "reqTime": "20261122040000+0000",
        }
        answer = self.post(f"/SignServerJson/{operation}", json.dumps(body).encode(), "application/json")
        assert answer.status_code == 200, answer.text
        content = answer.json()
        assert (content["version"], content["reqType"]) == ("v1", operation)
        return dict(content["respond"])

    def certificate(self, method: int) -> bytes:
        """The certificate of the key for a method."""
        return base64.b64decode(self.form("ExportCert", identification=f"#{KEYS[method]}")["cert"])

    def key(self, method: int) -> dict[str, object]:
        """The fields that name the key for a method."""
        return {"signMethod": method, "keyIndex": KEYS[method], "keyValue": CODE}

    def api(self, method: str, path: str, body: object = None) -> Any:
        """A call of the services for other systems."""
        content = b"" if body is None else json.dumps(wire_json(body)).encode()
        name, _, query = path.partition("?")
        return self.server.his.call(method, name, content, query=dict(parse_qsl(query)))


def wire(fields: dict[str, object]) -> dict[str, object]:
    found = {}
    for name, value in fields.items():
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        elif isinstance(value, bool):
            value = "TRUE" if value else "FALSE"
        found[name] = value
    return found


def wire_json(body: object) -> object:
    """The same for a JSON body: bytes become base64."""
    if isinstance(body, dict):
        return {name: b64(value) if isinstance(value, bytes) else value for name, value in body.items()}
    return body


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def unb64(value: str) -> bytes:
    return base64.b64decode(value, validate=True)


@pytest.fixture
def svs(svs_folder: Path) -> Iterator[Svs]:
    """The service with its keys."""
    with running(svs_folder) as server:
        yield Svs(server)


@pytest.fixture(scope="module")
def served(made_svs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHospital]:
    """The product, serving the hospital with its keys; `nurse.pem`, `nurse.key` and `root.pem` beside it."""
    folder = Path(shutil.copytree(made_svs, tmp_path_factory.mktemp("samples") / "demo"))
    core = load_core(load_settings(folder), read_passphrase(folder / "secrets" / "passphrase"))
    key, now = SM2PrivateKey.generate(), dt.datetime.now(dt.UTC)
    certificate = issue_certificate(
        profile=Profile.STAFF_SIGN,
        subject=[("C", "CN"), ("CN", "李护士")],
        spki_der=Sm2Signer(key).public_key_spki,
        issuer=core.hospital.certificate("issuing"),
        issuer_signer=core.hospital.signer("issuing"),
        not_before=now - dt.timedelta(minutes=1),
        not_after=now + dt.timedelta(days=1),
    )
    (folder.parent / "nurse.pem").write_bytes(certificate.pem)
    (folder.parent / "nurse.key").write_bytes(key.to_pkcs8())
    (folder.parent / "root.pem").write_bytes(core.hospital.certificate("root").pem)
    core.close()
    program = str(Path(sys.executable).parent / "penward-server")
    hospital = ServedHospital(folder, [program, "serve", str(folder), "--port", "0"])
    hospital.start()
    try:
        yield hospital
    finally:
        hospital.stop()
        hospital.http.session.close()
