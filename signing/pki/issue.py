"""Issuing certificates: DER by profile, checked before and after the key signs (RFC 5280, GM/T 0015)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from signing.pki.algorithms import SIGNATURE_IDENTIFIERS, public_key_from_spki
from signing.pki.certificate import Certificate
from signing.pki.errors import PkiError
from signing.pki.names import Attributes, build_name
from signing.pki.profiles import Profile, extensions_of, lint
from signing.pki.signers import Signer
from signing.sm import der


def new_serial() -> int:
    """A positive 127-bit serial from the system's generator, always 16 octets (RFC 5280 §4.1.2.2)."""
    return secrets.randbits(126) | 1 << 126


def issue_certificate(
    *,
    profile: Profile,
    subject: Attributes | bytes,
    spki_der: bytes,
    issuer: Certificate | None,
    issuer_signer: Signer,
    not_before: datetime,
    not_after: datetime,
    serial: int | None = None,
    san: Sequence[str] = (),
    extensions: Sequence[tuple[str, bool, bytes]] = (),
) -> Certificate:
    """Issue a certificate over `spki_der`.

    `subject` is (type, value) pairs in the order of the name (`[("C", "CN"), ("CN", "张三")]`) or a DER
    Name; `issuer` None makes a self-signed root; `san` holds DNS names and IP addresses; `extensions`
    are further (OID, critical, DER value). Times are aware and cut to whole seconds.

    Raises:
        PkiError: what `signing.pki.profiles.lint` refuses; `pki.bad-name`; `pki.bad-key` or
            `pki.unsupported-key` for `spki_der`; `pki.signer-mismatch` when the signer is not the issuer.
    """
    public_key_from_spki(spki_der)
    not_before, not_after = not_before.replace(microsecond=0), not_after.replace(microsecond=0)
    added = [*extensions_of(profile, spki_der, issuer, san), *extensions]
    lint(profile, subject, issuer, not_before, not_after, added)
    issuer_spki = spki_der if issuer is None else issuer.spki_der
    subject_der = subject if isinstance(subject, bytes) else build_name(subject)
    if issuer_signer.algorithm not in SIGNATURE_IDENTIFIERS:
        raise PkiError("pki.unsupported-algorithm", algorithm=issuer_signer.algorithm)
    algorithm = SIGNATURE_IDENTIFIERS[issuer_signer.algorithm]
    tbs = der.sequence(
        der.explicit(0, der.integer(2)),
        der.integer(new_serial() if serial is None else serial),
        algorithm,
        subject_der if issuer is None else issuer.subject_der,
        der.sequence(der.time(not_before), der.time(not_after)),
        subject_der,
        spki_der,
        der.explicit(3, der.sequence(*(encode_extension(*extension) for extension in added))),
    )
    signature = issuer_signer.sign(tbs)
    if not public_key_from_spki(issuer_spki).verify(signature, tbs):
        raise PkiError("pki.signer-mismatch")
    return Certificate.from_der(der.sequence(tbs, algorithm, der.bit_string(signature)))


def encode_extension(oid: str, critical: bool, value: bytes) -> bytes:
    """DER Extension."""
    return der.sequence(der.oid(oid), der.boolean(True) if critical else b"", der.octet_string(value))
