"""Certificates as an adversary or a careless CA would make them: nothing is checked before signing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from signing.pki import Certificate, Signer, build_name, oids
from signing.pki.algorithms import SIGNATURE_IDENTIFIERS
from signing.pki.certificate import KEY_USAGES
from signing.pki.issue import encode_extension
from signing.sm import der
from tests.support.certificates import NOON, YEAR, new_signer

CERT_SIGN = ("keyCertSign", "cRLSign")
SIGN = ("digitalSignature", "nonRepudiation")
Extension = tuple[str, bool, bytes]


@cache
def key(family: str, number: int) -> Signer:
    """One of the keys of a family, made once a process."""
    return new_signer(family)


@dataclass(frozen=True)
class Forged:
    """One certificate of a path, from the root down. `usage` None leaves the extension out."""

    name: str = ""
    ca: bool | None = None
    path_length: int | None = None
    usage: Sequence[str] | None = SIGN
    purposes: Sequence[str] = ()
    purposes_critical: bool = False
    before: datetime = NOON - YEAR
    after: datetime = NOON + YEAR
    extensions: Sequence[Extension] = ()
    subject: bytes = b""
    issuer: bytes = b""
    key: int = -1
    signed_by: int = -1
    tampered: bool = False
    serial: int = 1
    algorithm: bytes = b""
    version: int = 2
    key_ids: bool = False


def root(**options: object) -> Forged:
    """A self-signed CA."""
    return Forged(**({"name": "测试根", "ca": True, "usage": CERT_SIGN} | options))  # type: ignore[arg-type]


def authority(name: str = "CA", **options: object) -> Forged:
    """A CA below another."""
    return Forged(**({"name": name, "ca": True, "usage": CERT_SIGN} | options))  # type: ignore[arg-type]


def leaf(**options: object) -> Forged:
    """A signer."""
    return Forged(**({"name": "签名人"} | options))  # type: ignore[arg-type]


def name(text: str) -> bytes:
    """DER Name C=CN, O=测试医院, CN=`text`."""
    return build_name([("C", "CN"), ("O", "测试医院"), ("CN", text)])


@dataclass
class Chain:
    """The certificates of `specs` for one key family; `certificates[0]` is the root."""

    family: str
    specs: Sequence[Forged]
    certificates: list[Certificate] = field(default_factory=list)

    def __post_init__(self) -> None:
        for index, spec in enumerate(self.specs):
            above = self.certificates[index - 1] if index else None
            self.certificates.append(self._make(index, spec, above))

    def signer(self, index: int) -> Signer:
        """The key of the certificate at `index`."""
        chosen = self.specs[index].key
        return key(self.family, index if chosen < 0 else chosen)

    def _make(self, index: int, spec: Forged, above: Certificate | None) -> Certificate:
        own = self.signer(index)
        if spec.signed_by >= 0:
            by = key(self.family, spec.signed_by)
        else:
            by = self.signer(index - 1) if index else own
        subject = spec.subject or name(spec.name)
        extensions = [*spec.extensions]
        if spec.ca is not None:
            length = b"" if spec.path_length is None else der.integer(spec.path_length)
            flag = der.boolean(True) if spec.ca else b""
            extensions.append((oids.BASIC_CONSTRAINTS, True, der.sequence(flag, length)))
        if spec.usage is not None:
            bits = der.named_bits(KEY_USAGES.index(each) for each in spec.usage)
            extensions.append((oids.KEY_USAGE, True, bits))
        if spec.purposes:
            value = der.sequence(*map(der.oid, spec.purposes))
            extensions.append((oids.EXTENDED_KEY_USAGE, spec.purposes_critical, value))
        algorithm = spec.algorithm or SIGNATURE_IDENTIFIERS[by.algorithm]
        tbs = der.sequence(
            der.explicit(0, der.integer(spec.version)),
            der.integer(spec.serial + index),
            algorithm,
            spec.issuer or (above.subject_der if above else subject),
            der.sequence(der.time(spec.before), der.time(spec.after)),
            subject,
            own.public_key_spki,
            der.explicit(3, der.sequence(*(encode_extension(*e) for e in extensions))) if extensions else b"",
        )
        signature = by.sign(tbs if not spec.tampered else tbs + b"\0")
        return Certificate.from_der(der.sequence(tbs, algorithm, der.bit_string(signature)))


HOUR = timedelta(hours=1)


# Extension values


def general(kind: str, value: str) -> bytes:
    """DER GeneralName: `dns`, `email`, `uri`, `ip` (address, or address/mask in hex), `dir`, `other`."""
    if kind == "dir":
        return der.tlv(0xA4, build_name([tuple(part.split("=")) for part in value.split(",")]))  # type: ignore[misc]
    if kind == "ip":
        return der.tlv(0x87, bytes.fromhex(value))
    if kind == "other":
        return der.tlv(0xA0, der.oid("1.3.6.1.4.1.311.20.2.3") + der.explicit(0, der.utf8_string(value)))
    return der.tlv({"email": 0x81, "dns": 0x82, "uri": 0x86}[kind], value.encode())


def alternatives(*names: tuple[str, str]) -> Extension:
    """subjectAltName."""
    return oids.SUBJECT_ALTERNATIVE_NAME, False, der.sequence(*(general(*each) for each in names))


def constraints(
    permitted: Sequence[tuple[str, str]] = (), excluded: Sequence[tuple[str, str]] = ()
) -> Extension:
    """nameConstraints."""
    parts = [
        der.tlv(tag, b"".join(der.sequence(general(*each)) for each in names)) if names else b""
        for tag, names in ((0xA0, permitted), (0xA1, excluded))
    ]
    return oids.NAME_CONSTRAINTS, True, der.sequence(*parts)


def policies(*dotted: str) -> Extension:
    """certificatePolicies."""
    return oids.CERTIFICATE_POLICIES, False, der.sequence(*(der.sequence(der.oid(each)) for each in dotted))


def mappings(*pairs: tuple[str, str]) -> Extension:
    """policyMappings."""
    return oids.POLICY_MAPPINGS, True, der.sequence(*(der.sequence(der.oid(a), der.oid(b)) for a, b in pairs))


def policy_constraints(explicit: int | None = None, inhibit_mapping: int | None = None) -> Extension:
    """policyConstraints."""
    parts = [
        b"" if value is None else der.tlv(tag, der.integer(value)[2:])
        for tag, value in ((0x80, explicit), (0x81, inhibit_mapping))
    ]
    return oids.POLICY_CONSTRAINTS, True, der.sequence(*parts)


def inhibit_any(skip: int) -> Extension:
    """inhibitAnyPolicy."""
    return oids.INHIBIT_ANY_POLICY, True, der.integer(skip)
