"""XML signatures (W3C XML-DSig): one enveloped signature over a whole document, or a detached one over bytes.

SM2 with SM3 goes by the URNs of its OIDs, for W3C gives them no names. Only what is written here is accepted
when reading: one reference, the enveloped-signature transform and canonical XML, so that nothing else in the
document can be put in the place of what was signed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from lxml import etree

from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault
from server_stub.svs.xmltree import EXCLUSIVE, INCLUSIVE, canonical, parse, serialise, without
from signing.pki import Certificate, PkiError, Signer, digest
from signing.pki.oids import SHA256, SM3

DS = "http://www.w3.org/2000/09/xmldsig#"
ENVELOPED = f"{DS}enveloped-signature"
DIGESTS = {"urn:oid:1.2.156.10197.1.401": SM3, "http://www.w3.org/2001/04/xmlenc#sha256": SHA256}
METHODS = {
    "urn:oid:1.2.156.10197.1.501": "sm2",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": "rsa",
}
_URIS = {
    "sm2": ("urn:oid:1.2.156.10197.1.501", "urn:oid:1.2.156.10197.1.401"),
    "rsa": ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"),
}
DETACHED_URI = "content"
NAMESPACE = cast("dict[str, str]", {None: DS})


@dataclass(frozen=True, slots=True)
class XmlSignature:
    """What a signature says: its certificate (DER), SignedInfo in canonical form, and the value."""

    certificate: bytes
    algorithm: str
    signed_info: bytes
    value: bytes


def sign_enveloped(
    data: bytes, signer: Signer, certificate: Certificate, chain: Sequence[Certificate] = ()
) -> bytes:
    """The document with a signature over all of it as the root's last child.

    Raises:
        SvsFault: `DATA_FORMAT` not XML, or signed already.
    """
    root = _alone(parse(data))
    if next(root.iter(f"{{{DS}}}Signature"), None) is not None:
        raise SvsFault(Reply.DATA_FORMAT, field="Signature")
    info = _signed_info(signer.algorithm, "", (ENVELOPED, EXCLUSIVE), canonical(root))
    root.append(_signature(info, signer, certificate, chain))
    return serialise(root)


def sign_detached(
    data: bytes, signer: Signer, certificate: Certificate, chain: Sequence[Certificate] = ()
) -> bytes:
    """A Signature document over `data` as it is, byte for byte."""
    info = _signed_info(signer.algorithm, DETACHED_URI, (), data)
    return serialise(_signature(info, signer, certificate, chain))


def read_enveloped(data: bytes) -> XmlSignature:
    """The one signature of a document, its digest checked; the value is still to be verified.

    Raises:
        SvsFault: `DATA_FORMAT`; `INVALID_SIGNATURE` when the document is not what was digested.
    """
    root = _alone(parse(data))
    found = list(root.iter(f"{{{DS}}}Signature"))
    if len(found) != 1:
        raise SvsFault(Reply.DATA_FORMAT, field="Signature")
    path = _path(root, found[0])
    if len(path) != 1:  # a child of the root
        raise SvsFault(Reply.DATA_FORMAT, field="Signature")
    reference = _reference(found[0])
    transforms = [_attribute(item, "Algorithm") for item in reference.iter(f"{{{DS}}}Transform")]
    if reference.get("URI") != "" or transforms[:1] != [ENVELOPED] or len(transforms) > 2:
        raise SvsFault(Reply.DATA_FORMAT, field="Reference")
    method = transforms[1] if len(transforms) == 2 else INCLUSIVE
    _check_digest(reference, canonical(without(root, path), method))
    return _read(found[0])


def read_detached(signature: bytes, data: bytes) -> XmlSignature:
    """A detached signature over `data`, its digest checked. Raises SvsFault as `read_enveloped`."""
    root = parse(signature)
    if root.tag != f"{{{DS}}}Signature":
        raise SvsFault(Reply.DATA_FORMAT, field="Signature")
    reference = _reference(root)
    if reference.get("URI") == "" or reference.find(f"{{{DS}}}Transforms") is not None:
        raise SvsFault(Reply.DATA_FORMAT, field="Reference")
    _check_digest(reference, data)
    return _read(root)


def _signed_info(algorithm: str, uri: str, transforms: tuple[str, ...], content: bytes) -> etree._Element:
    if algorithm not in _URIS:
        raise SvsFault(Reply.SIGN_METHOD, method=algorithm)
    method, digest_method = _URIS[algorithm]
    info = etree.Element(f"{{{DS}}}SignedInfo", nsmap=NAMESPACE)
    _child(info, "CanonicalizationMethod", Algorithm=EXCLUSIVE)
    _child(info, "SignatureMethod", Algorithm=method)
    reference = _child(info, "Reference", URI=uri)
    if transforms:
        holder = _child(reference, "Transforms")
        for transform in transforms:
            _child(holder, "Transform", Algorithm=transform)
    _child(reference, "DigestMethod", Algorithm=digest_method)
    _child(reference, "DigestValue").text = _b64(digest(DIGESTS[digest_method], content))
    return info


def _signature(
    info: etree._Element, signer: Signer, certificate: Certificate, chain: Sequence[Certificate]
) -> etree._Element:
    signature = etree.Element(f"{{{DS}}}Signature", nsmap=NAMESPACE)
    signature.append(info)
    _child(signature, "SignatureValue").text = _b64(signer.sign(canonical(info)))
    holder = _child(_child(signature, "KeyInfo"), "X509Data")
    for item in (certificate, *chain):
        _child(holder, "X509Certificate").text = _b64(item.der)
    return signature


def _read(signature: etree._Element) -> XmlSignature:
    info = _one(signature, "SignedInfo")
    method = _attribute(_one(info, "SignatureMethod"), "Algorithm")
    if method not in METHODS:
        raise SvsFault(Reply.SIGN_METHOD, method=method[:80])
    form = _attribute(_one(info, "CanonicalizationMethod"), "Algorithm")
    certificates = list(signature.iter(f"{{{DS}}}X509Certificate"))
    if not certificates:
        raise SvsFault(Reply.CERTIFICATE)
    return XmlSignature(
        certificate=_bytes(certificates[0]),
        algorithm=METHODS[method],
        signed_info=canonical(info, form),
        value=_bytes(_one(signature, "SignatureValue")),
    )


def _reference(signature: etree._Element) -> etree._Element:
    return _one(_one(signature, "SignedInfo"), "Reference")


def _check_digest(reference: etree._Element, content: bytes) -> None:
    method = _attribute(_one(reference, "DigestMethod"), "Algorithm")
    if method not in DIGESTS:
        raise SvsFault(Reply.SIGN_METHOD, method=method[:80])
    try:
        right = digest(DIGESTS[method], content) == _bytes(_one(reference, "DigestValue"))
    except PkiError as error:
        raise SvsFault(Reply.SIGN_METHOD, method=method[:80]) from error
    if not right:
        raise SvsFault(Reply.INVALID_SIGNATURE)


def _alone(root: etree._Element) -> etree._Element:
    """Refuse processing instructions around the root: they belong to what URI="" means."""
    around = [*root.itersiblings(preceding=True), *root.itersiblings()]
    if any(isinstance(item, etree._ProcessingInstruction) for item in around):
        raise SvsFault(Reply.DATA_FORMAT, field="ProcessingInstruction")
    return root


def _path(root: etree._Element, element: etree._Element) -> list[int]:
    path: list[int] = []
    while element is not root:
        parent = element.getparent()
        if parent is None:
            raise SvsFault(Reply.DATA_FORMAT, field="Signature")
        path.insert(0, parent.index(element))
        element = parent
    return path


def _one(parent: etree._Element, name: str) -> etree._Element:
    found = parent.findall(f"{{{DS}}}{name}")
    if len(found) != 1:
        raise SvsFault(Reply.DATA_FORMAT, field=name)
    return found[0]


def _attribute(element: etree._Element, name: str) -> str:
    return str(element.get(name, ""))


def _child(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{DS}}}{name}", attrib=dict(attributes))


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(element: etree._Element) -> bytes:
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise SvsFault(Reply.DATA_FORMAT, field=etree.QName(element).localname) from None
