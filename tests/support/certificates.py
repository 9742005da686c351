"""A small test PKI of one algorithm: root, issuing CA, signer, TSA; keys fresh, times given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from signing.pki import (
    Certificate,
    EcSigner,
    Profile,
    RsaSigner,
    Signer,
    Sm2Signer,
    event_validity,
    issue_certificate,
)
from signing.sm import SM2PrivateKey
from signing.tsp import TimeStampAuthority

NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
TSA_POLICY = "2.25.329800735698586629295641978511506172918"


def new_signer(algorithm: str = "sm2") -> Signer:
    """A fresh key: `sm2`, `rsa` (2048 bits) or `ec-p256`."""
    if algorithm == "rsa":
        return RsaSigner(rsa.generate_private_key(65537, 2048))
    if algorithm == "ec-p256":
        return EcSigner(ec.generate_private_key(ec.SECP256R1()))
    return Sm2Signer(SM2PrivateKey.generate())


class TestPki:
    """Root → issuing CA → event, staff and TSA certificates, valid around `now`."""

    __test__ = False

    def __init__(self, algorithm: str = "sm2", now: datetime = NOON) -> None:
        self.algorithm, self.now = algorithm, now
        self.root_key, self.ca_key = new_signer(algorithm), new_signer(algorithm)
        self.root = self.issue(Profile.ROOT, "测试根", self.root_key, None, self.root_key, 10 * YEAR)
        self.ca = self.issue(Profile.ISSUING_CA, "签发 CA", self.ca_key, self.root, self.root_key, 5 * YEAR)
        self.staff_key, self.tsa_key = new_signer(algorithm), new_signer(algorithm)
        self.staff = self.issue(Profile.STAFF_SIGN, "李医生", self.staff_key)
        self.tsa = self.issue(Profile.TSA, "时间戳", self.tsa_key)

    def issue(
        self,
        profile: Profile,
        name: str,
        signer: Signer,
        issuer: Certificate | None = None,
        issuer_key: Signer | None = None,
        lifetime: timedelta = YEAR,
        extensions: Sequence[tuple[str, bool, bytes]] = (),
    ) -> Certificate:
        """A certificate over `signer`'s key, by the issuing CA unless said otherwise."""
        self_signed = profile is Profile.ROOT and issuer is None
        return issue_certificate(
            profile=profile,
            subject=[("C", "CN"), ("O", "测试医院"), ("CN", name)],
            spki_der=signer.public_key_spki,
            issuer=None if self_signed else issuer or self.ca,
            issuer_signer=issuer_key or self.ca_key,
            not_before=self.now - timedelta(days=1),
            not_after=self.now + lifetime,
            extensions=extensions,
        )

    def event(self, signer: Signer, name: str = "张三") -> Certificate:
        """An event certificate as of `now`."""
        not_before, not_after = event_validity(self.now)
        return issue_certificate(
            profile=Profile.PATIENT_EVENT,
            subject=[("C", "CN"), ("CN", name)],
            spki_der=signer.public_key_spki,
            issuer=self.ca,
            issuer_signer=self.ca_key,
            not_before=not_before,
            not_after=not_after,
        )

    def authority(self, **options: object) -> TimeStampAuthority:
        """A TSA whose clock stands at `now`."""
        serials = count(1)
        settings: dict[str, object] = {
            "policy": TSA_POLICY,
            "clock": lambda: self.now,
            "serial": lambda: next(serials),
        }
        return TimeStampAuthority(self.tsa_key, self.tsa, [self.ca], **(settings | options))  # type: ignore[arg-type]
