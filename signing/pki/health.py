"""What Chinese health CAs put into certificates: six classes, the unique ID, the GM/T 0015 extensions.

卫生系统数字证书格式规范 (2010) divides holders into organisation, person and device, inside the hospital or
outside. HIS bind a user by the unique ID `1.2.156.112586.1.4`, text `n@CCCC SF x ID` without blanks, where
the ID begins at the tenth character (as deployed certificates have it).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signing.pki import oids
from signing.pki.certificate import Certificate
from signing.pki.errors import PkiError
from signing.pki.issue import issue_certificate
from signing.pki.names import Attributes
from signing.pki.profiles import Profile
from signing.pki.signers import Signer
from signing.sm import SM2PrivateKey, SM2PublicKey, SmError, der

_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]{1,64}")
_UNIQUE_ID = re.compile(r"(\d)@([0-9A-Za-z]{4})([A-Z]{2})(\d)([0-9A-Za-z]{1,32})")
_TEXTS = (der.UTF8_STRING, der.PRINTABLE_STRING, der.IA5_STRING)

ExtensionParts = tuple[str, bool, bytes]


class HealthClass(enum.Enum):
    """The six classes."""

    INTERNAL_ORGANISATION = "internal-organisation"
    INTERNAL_STAFF = "internal-staff"
    INTERNAL_DEVICE = "internal-device"
    EXTERNAL_ORGANISATION = "external-organisation"
    EXTERNAL_PERSON = "external-person"
    EXTERNAL_DEVICE = "external-device"

    @property
    def sign_profile(self) -> Profile:
        """The profile of its signing certificate; the other of the pair is `STAFF_ENCRYPT`."""
        if self.value.endswith("organisation"):
            return Profile.ORGANISATION_SIGN
        return Profile.DEVICE_SIGN if self.value.endswith("device") else Profile.STAFF_SIGN


@dataclass(frozen=True, slots=True)
class UniqueId:
    """The health unique ID. `kind` is two letters (`SF` for the resident's card), `number` the document's."""

    sequence: int
    ca_code: str
    kind: str
    index: int
    number: str

    def __str__(self) -> str:
        return f"{self.sequence}@{self.ca_code}{self.kind}{self.index}{self.number}"

    @classmethod
    def parse(cls, text: str) -> UniqueId:
        """From its text.

        Raises:
            PkiError: `pki.bad-unique-id`; the text is not repeated in it.
        """
        found = _UNIQUE_ID.fullmatch(text)
        if found is None:
            raise PkiError("pki.bad-unique-id")
        return cls(int(found[1]), found[2], found[3], int(found[4]), found[5])

    def extension(self) -> ExtensionParts:
        """The extension that carries it: not critical, UTF8String.

        Raises:
            PkiError: `pki.bad-unique-id`.
        """
        return oids.HEALTH_UNIQUE_ID, False, der.utf8_string(str(UniqueId.parse(str(self))))


def unique_id_of(certificate: Certificate) -> str:
    """The health unique ID as text, empty when there is none; a value that is bare text is read too."""
    value = certificate.extension(oids.HEALTH_UNIQUE_ID)
    if value is None:
        return ""
    try:
        element = der.read_one(value)
        if element.tag in _TEXTS or element.tag == der.OCTET_STRING:
            value = element.content
    except SmError:
        pass
    return value.decode("utf-8", "replace")


def gm_extension(kind: str, value: str) -> ExtensionParts:
    """A GM/T 0015 §5.2 identification extension: not critical.

    `kind` is `resident-card`, `officer-card` or `passport` (identifyCode, explicitly tagged as deployed
    CAs do, the standard leaves it open), `insurance`, `registration`, `organisation`, `tax` or
    `credit-code` (PrintableString).

    Raises:
        PkiError: `pki.bad-gm-extension`; the value is not repeated in it.
    """
    choices = {"resident-card": 0, "officer-card": 1, "passport": 2}
    plain = {
        "insurance": oids.GM_INSURANCE,
        "registration": oids.GM_REGISTRATION,
        "organisation": oids.GM_ORGANISATION,
        "tax": oids.GM_TAX,
        "credit-code": oids.GM_CREDIT_CODE,
    }
    if kind == "officer-card" and 0 < len(value) <= 64:
        return oids.GM_IDENTITY, False, der.explicit(1, der.utf8_string(value))
    if kind not in choices | plain or not _PRINTABLE.fullmatch(value):
        raise PkiError("pki.bad-gm-extension", kind=kind)
    text = der.tlv(der.PRINTABLE_STRING, value.encode("ascii"))
    if kind in choices:
        return oids.GM_IDENTITY, False, der.explicit(choices[kind], text)
    return plain[kind], False, text


def authority_information(ocsp: str = "", ca_issuers: str = "") -> ExtensionParts:
    """authorityInfoAccess with the URIs of the OCSP responder and of the issuer's certificate."""
    pairs = ((oids.AD_OCSP, ocsp), (oids.AD_CA_ISSUERS, ca_issuers))
    entries = (
        der.sequence(der.oid(method), der.tlv(0x86, uri.encode("ascii"))) for method, uri in pairs if uri
    )
    return oids.AUTHORITY_INFORMATION_ACCESS, False, der.sequence(*entries)


def certificate_policies(policies: Sequence[str], *, critical: bool = False) -> ExtensionParts:
    """certificatePolicies without qualifiers."""
    return oids.CERTIFICATE_POLICIES, critical, der.sequence(*(der.sequence(der.oid(p)) for p in policies))


@dataclass(frozen=True)
class DoubleCertificates:
    """A holder's two certificates. `enveloped_key` is the SM2EnvelopedKey for the holder; `encryption_key`
    stays with the CA for recovery, to be wrapped and destroyed by it."""

    sign: Certificate
    encrypt: Certificate
    enveloped_key: bytes
    encryption_key: SM2PrivateKey


def issue_double(
    *,
    health_class: HealthClass,
    subject: Attributes | bytes,
    sign_key: SM2PublicKey,
    issuer: Certificate,
    issuer_signer: Signer,
    not_before: datetime,
    not_after: datetime,
    extensions: Sequence[ExtensionParts] = (),
) -> DoubleCertificates:
    """Issue a holder's signing certificate, and the encryption certificate over a key made here (GM/T 0015).

    The encryption key leaves only under `sign_key` (GM/T 0009 §7.4).

    Raises:
        PkiError: as `issue_certificate`.
    """
    encryption_key = SM2PrivateKey.generate()
    issued = [
        issue_certificate(
            profile=profile,
            subject=subject,
            spki_der=key.spki,
            issuer=issuer,
            issuer_signer=issuer_signer,
            not_before=not_before,
            not_after=not_after,
            extensions=extensions,
        )
        for profile, key in (
            (health_class.sign_profile, sign_key),
            (Profile.STAFF_ENCRYPT, encryption_key.public_key),
        )
    ]
    return DoubleCertificates(issued[0], issued[1], encryption_key.to_enveloped_key(sign_key), encryption_key)
