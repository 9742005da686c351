"""Making a hospital: roots, issuing CA and service certificates, once, before the server first runs.

The root keys leave as encrypted PKCS#8 for files of their own and are not kept in the database; every other
key goes into the vault.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session

from server_stub.ca.hospital import KEY_PURPOSE, Hospital
from server_stub.ca.lint import serial_text
from server_stub.ca.models import HospitalCertificate
from server_stub.store import Clock, KeyVault
from signing.pki import Certificate, EcSigner, Profile, Signer, Sm2Signer, issue_certificate
from signing.sm import SM2PrivateKey

YEAR = dt.timedelta(days=365)
BACKDATED = dt.timedelta(days=1)

SERVICES = (
    ("tsa", Profile.TSA, "时间戳"),
    ("seal-maker", Profile.SEAL_MAKER, "制章人"),
    ("encryption", Profile.ENCRYPTION, "证据加密"),
    ("server", Profile.SERVER, "签名服务器"),
)


@dataclass(frozen=True, slots=True)
class RootKeys:
    """The two root keys as encrypted PKCS#8 (DER), for files of their own."""

    sm2: bytes
    tls: bytes


@dataclass(frozen=True, slots=True)
class _Made:
    certificate: Certificate
    signer: Signer
    private: bytes


class Ceremony:
    """Makes all certificates of one hospital. `test` puts 测试 into the names of the roots."""

    def __init__(self, *, hospital: str, test: bool, clock: Clock, tls_names: Sequence[str]) -> None:
        self._hospital = hospital
        self._mark = "测试" if test else ""
        self._now = clock().replace(microsecond=0)
        self._tls_names = tuple(tls_names)

    def make(self, session: Session, vault: KeyVault, passphrase: str) -> tuple[Hospital, RootKeys]:
        """Make and record everything in the given transaction; return the hospital and the root keys."""
        root = self._sm2("root", Profile.ROOT, f"{self._hospital} {self._mark}根 CA", None, 20)
        issuing = self._sm2("issuing", Profile.ISSUING_CA, f"{self._hospital} {self._mark}签发 CA", root, 15)
        tls_root = self._ec(Profile.ROOT, f"{self._hospital} {self._mark}TLS 根 CA", None, 20)
        tls = self._ec(Profile.SERVER, self._tls_names[0], tls_root, 2, san=self._tls_names)
        made = {"root": root, "issuing": issuing, "tls-root": tls_root, "tls": tls}
        for role, profile, title in SERVICES:
            made[role] = self._sm2(role, profile, f"{self._hospital} {self._mark}{title}", issuing, 10)
        for role, item in made.items():
            key_id = "" if role in {"root", "tls-root"} else f"{role}-{secrets.token_hex(8)}"
            if key_id:
                vault.put(session, KEY_PURPOSE, key_id, item.private)
            session.add(
                HospitalCertificate(
                    role=role,
                    serial=serial_text(item.certificate),
                    certificate=item.certificate.der,
                    key_id=key_id,
                    algorithm=item.signer.algorithm,
                )
            )
        session.flush()
        keys = RootKeys(
            sm2=SM2PrivateKey.from_pkcs8(root.private).to_pkcs8(passphrase),
            tls=_encrypted_ec(tls_root.private, passphrase),
        )
        return Hospital.load(session, vault), keys

    def _sm2(self, role: str, profile: Profile, name: str, issuer: _Made | None, years: int) -> _Made:
        key = SM2PrivateKey.generate()
        signer = Sm2Signer(key)
        return _Made(self._issue(profile, name, signer, issuer, years), signer, key.to_pkcs8())

    def _ec(
        self, profile: Profile, name: str, issuer: _Made | None, years: int, san: Sequence[str] = ()
    ) -> _Made:
        key = ec.generate_private_key(ec.SECP256R1())
        signer = EcSigner(key)
        private = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return _Made(self._issue(profile, name, signer, issuer, years, san), signer, private)

    def _issue(
        self,
        profile: Profile,
        name: str,
        signer: Signer,
        issuer: _Made | None,
        years: int,
        san: Sequence[str] = (),
    ) -> Certificate:
        return issue_certificate(
            profile=profile,
            subject=[("C", "CN"), ("O", self._hospital), ("CN", name)],
            spki_der=signer.public_key_spki,
            issuer=issuer.certificate if issuer else None,
            issuer_signer=issuer.signer if issuer else signer,
            not_before=self._now - BACKDATED,
            not_after=self._now + years * YEAR,
            san=san,
        )


def _encrypted_ec(private: bytes, passphrase: str) -> bytes:
    key = serialization.load_der_private_key(private, None)
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
