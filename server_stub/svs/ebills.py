"""Fiscal electronic bills (财政电子票据): the two signatures of 财综〔2017〕32号, PKCS#7 by SM2 or RSA.

The issuing unit signs Header and EInvoiceData; the supervising finance department signs the digest of that
and the issuer's Signature. The rule for the bytes is ours, because the paper names the parts and not their
encoding: exclusive canonical XML of each part, one after the other; digests are raw bytes, SM3 for SM2 and
SHA-256 for RSA. SignedInfo and SignatureTime follow, so that they cannot be changed either.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from dataclasses import dataclass

from lxml import etree

from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault
from server_stub.svs.keys import ServiceKey
from server_stub.svs.messages import build_message, verify_message
from server_stub.svs.trust import Trust
from server_stub.svs.xmltree import canonical, parse, serialise
from signing.pki import Certificate, digest
from signing.pki.algorithms import DIGEST_OF

ISSUER, SUPERVISOR = "issuer", "supervisor"
ROLES = (ISSUER, SUPERVISOR)
SIGNED_PARTS = ("Header", "EInvoiceData")
REFERENCES = {
    ISSUER: "/EInvoice/Header|/EInvoice/EInvoiceData",
    SUPERVISOR: "digest(/EInvoice/Header|/EInvoice/EInvoiceData)|/EInvoice/EInvoiceSignature/Signature[1]",
}
ALGORITHM_NAMES = {"sm2": "1.2.156.10197.1.501", "rsa": "1.2.840.113549.1.1.11"}
FORMAT = "DETACH"


@dataclass(frozen=True, slots=True)
class BillSignature:
    """One verified signature of a bill."""

    role: str
    time: str
    certificate: Certificate


def sign_bill(data: bytes, role: str, key: ServiceKey, now: dt.datetime) -> tuple[bytes, bytes]:
    """The bill with the signature of a role added; and what was signed.

    Raises:
        SvsFault: `DATA_FORMAT` not a bill, or signatures out of order; `PARAMETERS` another role.
    """
    if role not in ROLES:
        raise SvsFault(Reply.PARAMETERS, field="role")
    root = _bill(data)
    signatures = _signatures(root)
    if len(signatures) != ROLES.index(role):
        raise SvsFault(Reply.DATA_FORMAT, field="EInvoiceSignature")
    content = _signed_content(root, role, key.signer.algorithm)
    holder = root.find("EInvoiceSignature")
    if holder is None:
        holder = etree.SubElement(root, "EInvoiceSignature")
    signature = etree.SubElement(holder, "Signature")
    info = etree.SubElement(signature, "SignedInfo")
    _add(info, "Reference", REFERENCES[role])
    _add(info, "SignatureAlgorithm", ALGORITHM_NAMES[key.signer.algorithm])
    _add(info, "SignatureFormat", FORMAT)
    _add(signature, "SignatureTime", now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    content += canonical(info) + canonical(signature[1])
    message = build_message(key, content, now=now)
    _add(signature, "SignatureValue", base64.b64encode(message).decode("ascii"))
    names = etree.SubElement(signature, "KeyInfo")
    _add(names, "SerialNumber", f"{key.certificate.serial:X}")
    _add(names, "X509IssuerName", key.certificate.issuer_text)
    return serialise(root), content


def verify_bill(data: bytes, trust: Trust, known: list[Certificate]) -> list[BillSignature]:
    """Verify every signature of a bill, the issuer's first.

    Raises:
        SvsFault: `DATA_FORMAT`; those of `verify_message`; `CERTIFICATE` when KeyInfo names another one.
    """
    root = _bill(data)
    signatures = _signatures(root)
    if not 1 <= len(signatures) <= len(ROLES):
        raise SvsFault(Reply.DATA_FORMAT, field="EInvoiceSignature")
    found = []
    for role, signature in zip(ROLES, signatures, strict=False):
        info = _one(signature, "SignedInfo")
        algorithm = _text(info, "SignatureAlgorithm")
        key_kind = {name: kind for kind, name in ALGORITHM_NAMES.items()}.get(algorithm)
        if key_kind is None:
            raise SvsFault(Reply.SIGN_METHOD, method=algorithm[:80])
        if _text(info, "Reference") != REFERENCES[role] or _text(info, "SignatureFormat") != FORMAT:
            raise SvsFault(Reply.DATA_FORMAT, field="SignedInfo")
        content = _signed_content(root, role, key_kind)
        content += canonical(info) + canonical(_one(signature, "SignatureTime"))
        try:
            message = base64.b64decode("".join(_text(signature, "SignatureValue").split()), validate=True)
        except (binascii.Error, ValueError):
            raise SvsFault(Reply.DATA_FORMAT, field="SignatureValue") from None
        certificate = verify_message(message, content, trust, known)[0]
        names = _one(signature, "KeyInfo")
        if certificate.public_key.algorithm != key_kind or (
            _text(names, "SerialNumber").upper().lstrip("0") != f"{certificate.serial:X}"
        ):
            raise SvsFault(Reply.CERTIFICATE)
        found.append(BillSignature(role, _text(signature, "SignatureTime"), certificate))
    return found


def _bill(data: bytes) -> etree._Element:
    root = parse(data)
    if root.tag != "EInvoice":
        raise SvsFault(Reply.DATA_FORMAT, field="EInvoice")
    allowed = (*SIGNED_PARTS, "EInvoiceSignature")
    if any(child.tag not in allowed for child in root.iterchildren(tag=etree.Element)):
        raise SvsFault(Reply.DATA_FORMAT, field="EInvoice")
    for part in SIGNED_PARTS:
        _one(root, part)
    return root


def _signatures(root: etree._Element) -> list[etree._Element]:
    holders = root.findall("EInvoiceSignature")
    if len(holders) > 1:
        raise SvsFault(Reply.DATA_FORMAT, field="EInvoiceSignature")
    return list(holders[0].findall("Signature")) if holders else []


def _signed_content(root: etree._Element, role: str, algorithm: str) -> bytes:
    parts = b"".join(canonical(_one(root, part)) for part in SIGNED_PARTS)
    if role == ISSUER:
        return parts
    return digest(DIGEST_OF[algorithm], parts) + canonical(_signatures(root)[0])


def _one(parent: etree._Element, name: str) -> etree._Element:
    found = parent.findall(name)
    if len(found) != 1:
        raise SvsFault(Reply.DATA_FORMAT, field=name)
    return found[0]


def _text(parent: etree._Element, name: str) -> str:
    return (_one(parent, name).text or "").strip()


def _add(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text
