"""What `penward-server svs …` and `sign FILE` do; the commands themselves stand in `cli.py`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from server_stub.ca import Hospital
from server_stub.errors import SetupError
from server_stub.store import KeyVault, Store
from server_stub.svs.codes import Reply
from server_stub.svs.config import load_config
from server_stub.svs.devices import Device, LocalDevice, Step, examine, open_target
from server_stub.svs.digests import METHOD_OF
from server_stub.svs.errors import SvsFault
from server_stub.svs.fields import Value
from server_stub.svs.making import import_key, make_key, private_bytes
from server_stub.svs.models import SvsKey
from server_stub.svs.room import build_server
from signing.pki import Certificate, PkiError, load_signer
from signing.pki.certificate import PEM_LABELS
from signing.sm import SmError
from signing.sm.encoding import pem_bodies

ACTOR = "admin"
FORMS: dict[str, tuple[str, str, dict[str, Value]]] = {
    "p1": ("SignData", "signature", {}),
    "p7": ("SignMessage", "signedMessage", {}),
    "p7-attached": ("SignMessage", "signedMessage", {"originalText": True}),
    "xml": ("SignXML", "signedXML", {}),
    "ebill": ("SignEBill", "signedBill", {"role": "issuer"}),
}
"""What `sign FILE` can write: operation, field of the answer, further fields."""


@dataclass(frozen=True, slots=True)
class Place:
    """A hospital opened at the command line; `folder` is the server's."""

    store: Store
    vault: KeyVault
    hospital: Hospital
    folder: Path


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key as `svs key list` shows it."""

    index: int
    usage: str
    algorithm: str
    name: str
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Tested:
    """What `svs test` found; `fell_back`: the target failed and our own service was tested instead."""

    device: str
    steps: Sequence[Step]
    fell_back: bool = False

    @property
    def good(self) -> bool:
        """Whether every step was as it must be."""
        return bool(self.steps) and all(step.good for step in self.steps)


def add_key(place: Place, index: int, name: str, algorithm: str, usage: str, code: str) -> Certificate:
    """Make a key pair and its certificate. Raises as `make_key`."""
    with place.store.database.write() as session:
        return make_key(
            session,
            place.store,
            place.vault,
            place.hospital,
            index=index,
            name=name,
            algorithm=algorithm,
            code=code,
            usage=usage,
        )


def take_key(
    place: Place,
    index: int,
    name: str,
    usage: str,
    code: str,
    key_file: Path,
    passphrase: str | None,
    certificate_file: Path,
) -> Certificate:
    """Keep a pair made elsewhere; the certificate file may hold its chain behind it (PEM).

    Raises:
        SetupError: `svs.file-wrong`. Conflict: as `import_key`.
    """
    try:
        signer = load_signer(key_file.read_bytes(), passphrase or None)
        private = private_bytes(signer)
        data = certificate_file.read_bytes()
        certificates = [Certificate.from_der(item) for item in pem_bodies(data, PEM_LABELS)]
        if not certificates:
            certificates = [Certificate.load(data)]
    except (OSError, ValueError, SmError, PkiError) as error:
        raise SetupError("svs.file-wrong", reason=getattr(error, "code", type(error).__name__)) from error
    with place.store.database.write() as session:
        import_key(
            session,
            place.store,
            place.vault,
            index=index,
            name=name,
            code=code,
            usage=usage,
            private=private,
            certificate=certificates[0],
            chain=tuple(certificates[1:9]),
        )
    return certificates[0]


def list_keys(place: Place) -> list[KeyLine]:
    """Every key, by index."""
    with place.store.database.read() as session:
        rows = session.scalars(select(SvsKey).order_by(SvsKey.key_index, SvsKey.usage.desc())).all()
    return [
        KeyLine(row.key_index, row.usage, row.algorithm, row.name, Certificate.from_der(row.certificate))
        for row in rows
    ]


@contextlib.contextmanager
def device(place: Place, target: str, index: int, code: str) -> Iterator[tuple[Device, int, str]]:
    """The device to use, its key's index and access code: our own, or that of a configured target.

    Raises:
        SetupError: `svs.no-such-target`, `svs.config-wrong`.
    """
    config = load_config(place.folder)
    if target:
        wanted = config.targets.get(target)
        if wanted is None:
            raise SetupError("svs.no-such-target", target=target)
        found, external_code = open_target(target, wanted, place.folder, config.table)
        yield found, wanted.key_index, external_code
        return
    server = build_server(place.store, place.vault, place.hospital, place.folder, config)
    try:
        yield LocalDevice(server, ACTOR), index, code
    finally:
        server.journal.close()


def run_test(place: Place, target: str, index: int, code: str) -> list[Tested]:
    """Test a device; when a target fails, our own service is tested too, and that is told."""
    with device(place, target, index, code) as (found, key_index, key_code):
        results = [Tested(found.name, examine(found, key_index, key_code))]
    if target and not results[0].good and code:
        with device(place, "", index, code) as (found, key_index, key_code):
            results.append(Tested(found.name, examine(found, key_index, key_code), fell_back=True))
    return results


def sign_file(place: Place, data: bytes, form: str, target: str, index: int, code: str) -> bytes:
    """The signature of a file, or the signed file. Raises SvsFault, and SetupError as `device`."""
    operation, answer, further = FORMS[form]
    with device(place, target, index, code) as (found, key_index, key_code):
        exported = found.call("ExportCert", {"identification": f"#{key_index}"})["cert"]
        certificate = Certificate.load(exported if isinstance(exported, bytes) else exported.encode())
        fields: dict[str, Value] = {
            "signMethod": METHOD_OF.get(certificate.public_key.algorithm, 0),
            "keyIndex": key_index,
            "keyValue": key_code,
            "inDataLen": len(data),
            "inData": data,
        }
        made = found.call(operation, {**fields, **further}).get(answer)
    if not isinstance(made, bytes):
        raise SvsFault(Reply.SIGN_FAILED)
    return made
