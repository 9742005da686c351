"""Making keys for the service: a fresh pair certified by the hospital's CA, or one from elsewhere."""

from __future__ import annotations

import datetime as dt

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy.orm import Session

from server_stub.ca import Hospital
from server_stub.ca.lint import check_name, lint_issued, serial_text
from server_stub.ca.models import IssuedCertificate
from server_stub.store import AuditKind, KeyVault, Store
from server_stub.svs.keys import MAX_INDEX, has_access_code, keep_key, set_access_code
from signing.pki import Certificate, Profile, RsaSigner, Signer, Sm2Signer, issue_certificate
from signing.sm import SM2PrivateKey

YEARS = 3
BACKDATED = dt.timedelta(seconds=60)
RSA_BITS = 2048
USAGES = {
    "sign": (Profile.ORGANISATION_SIGN, frozenset({"digitalSignature", "nonRepudiation"})),
    "encrypt": (Profile.ENCRYPTION, frozenset({"keyEncipherment", "dataEncipherment", "keyAgreement"})),
}


def make_key(
    session: Session,
    store: Store,
    vault: KeyVault,
    hospital: Hospital,
    *,
    index: int,
    name: str,
    algorithm: str,
    code: str,
    usage: str = "sign",
) -> Certificate:
    """A fresh SM2 or RSA-2048 pair under an index, its certificate for three years; all in one transaction.

    Raises:
        Conflict: as `keep_key` and `set_access_code`. LintError: as the CA.
    """
    check_name(name)
    signer, private = _fresh(algorithm)
    profile, bits = USAGES[usage]
    if algorithm == "rsa":
        bits = bits - {"keyAgreement"}  # RSA agrees on no keys
    issuer = hospital.certificate("issuing")
    start = store.clock().replace(microsecond=0) - BACKDATED
    end = min(start + dt.timedelta(days=365 * YEARS), issuer.not_after)
    certificate = issue_certificate(
        profile=profile,
        subject=[("C", "CN"), ("CN", name)],
        spki_der=signer.public_key_spki,
        issuer=issuer,
        issuer_signer=hospital.signer("issuing"),
        not_before=start,
        not_after=end,
    )
    certificate = lint_issued(
        certificate,
        issuer_key=issuer.public_key,
        spki=signer.public_key_spki,
        common_name=name,
        usage=bits,
        not_before=start,
        not_after=end,
    )
    _record(session, store, certificate, profile, f"svs-key-{index}")
    import_key(
        session,
        store,
        vault,
        index=index,
        name=name,
        code=code,
        usage=usage,
        private=private,
        certificate=certificate,
        chain=hospital.issued_chain,
    )
    return certificate


def import_key(
    session: Session,
    store: Store,
    vault: KeyVault,
    *,
    index: int,
    name: str,
    code: str,
    private: bytes,
    certificate: Certificate,
    chain: tuple[Certificate, ...],
    usage: str = "sign",
) -> None:
    """Keep a pair (PKCS#8, DER) and, when the index has none yet, its access code. Raises as `keep_key`."""
    if not 0 <= index <= MAX_INDEX:
        raise ValueError("index")
    keep_key(
        session,
        store,
        vault,
        index=index,
        usage=usage,
        name=name,
        private=private,
        certificate=certificate,
        chain=chain,
    )
    if not has_access_code(session, index):
        set_access_code(session, index, code)


def private_bytes(signer: Signer) -> bytes:
    """Plain PKCS#8 (DER) of a loaded SM2 or RSA key, for the vault."""
    if isinstance(signer, Sm2Signer):
        return signer.key.to_pkcs8()
    if isinstance(signer, RsaSigner):
        return signer.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    raise ValueError(signer.algorithm)


def _fresh(algorithm: str) -> tuple[Signer, bytes]:
    signer: Signer
    if algorithm == "sm2":
        signer = Sm2Signer(SM2PrivateKey.generate())
    else:
        signer = RsaSigner(rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS))
    return signer, private_bytes(signer)


def _record(
    session: Session, store: Store, certificate: Certificate, profile: Profile, reference: str
) -> None:
    """Keep the certificate among those that the CA has issued, with its audit event."""
    serial = serial_text(certificate)
    session.add(
        IssuedCertificate(
            serial=serial,
            profile=profile.value,
            subject=certificate.subject_text[:400],
            reference=reference,
            holder=store.holder,
            state="issued",
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            certificate=certificate.der,
            issued_at=store.clock(),
            closed_at=None,
        )
    )
    store.audit.append(
        session,
        AuditKind.CERTIFICATE_ISSUED,
        subject=serial,
        actor="admin",
        data={"profile": profile.value, "for": reference, "sm3": certificate.fingerprint_sm3.hex()},
    )
