"""Level 2 and ValidateCert with CRLs in `DIR/svs-trust` (R34): good, revoked, out of date, damaged."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest

from server_stub.svs import crls
from signing.pki import Certificate, Revoked, build_crl
from tests.conftest import ExpectedWarnings
from tests.server_stub.svs.conftest import SM2, Svs, unb64


def publish(svs: Svs, folder: Path, serials: list[int], *, days: int = 7, age: int = 1) -> None:
    """A CRL of the hospital's issuing CA as a file."""
    hospital, now = svs.server.core.hospital, dt.datetime.now(dt.UTC).replace(microsecond=0)
    made = build_crl(
        issuer=hospital.certificate("issuing"),
        issuer_signer=hospital.signer("issuing"),
        number=1 + len(serials),
        this_update=now - dt.timedelta(days=age),
        next_update=now + dt.timedelta(days=days),
        revoked=[Revoked(serial, now - dt.timedelta(hours=1)) for serial in serials],
    )
    trust = folder / "svs-trust"
    trust.mkdir(exist_ok=True)
    (trust / f"{time.time_ns()}.crl").write_bytes(made)


@pytest.fixture
def level(svs: Svs, monkeypatch: pytest.MonkeyPatch) -> object:
    """Verify at level 2: the respValue."""
    monkeypatch.setattr(crls, "LOOK_AGAIN_S", 0.0)
    signature = unb64(svs.form("SignData", **svs.key(SM2), inData=b"x")["signature"])
    fields = {"type": 1, "cert": svs.certificate(SM2), "inData": b"x", "signature": signature}

    def verify() -> int:
        return int(svs.form("VerifySignedData", **fields, verifyLevel=2)["respValue"])

    return verify


def test_states_by_crl(svs: Svs, svs_folder: Path, level: object) -> None:
    assert callable(level)
    certificate = svs.certificate(SM2)
    assert level() == 0x0400001D, "none is there"
    publish(svs, svs_folder, [], days=-1, age=5)
    assert level() == 0x0400001D, "out of date"
    publish(svs, svs_folder, [12345])
    assert level() == 0
    assert svs.form("ValidateCert", cert=certificate) == {"respValue": "0", "state": "0"}
    publish(svs, svs_folder, [Certificate.from_der(certificate).serial])
    assert level() == 0x0400000B
    assert svs.form("ValidateCert", cert=certificate) == {"respValue": "0", "state": "1"}


def test_a_damaged_crl_is_told_and_left_out(
    svs: Svs, svs_folder: Path, level: object, expected_warnings: ExpectedWarnings
) -> None:
    expected_warnings("penward.svs", "CRL 0.crl left out")
    assert callable(level)
    publish(svs, svs_folder, [])
    (svs_folder / "svs-trust" / "0.crl").write_bytes(b"no list")
    assert level() == 0
