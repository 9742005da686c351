"""Signs an OFD by hand-drawn ink: a one-time v4 seal, a seal signature, open to later signatures.

Everything but the signature lists and the two files that hold the signature itself is protected
(ContinueSign). Keys stay with the caller: signers and the time stamper come in as objects.
"""

from __future__ import annotations

import base64
import posixpath
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from signing.ink import InkPicture
from signing.ofd.markup import Element, children, read_xml
from signing.ofd.model import load_document
from signing.ofd.package import OfdPackage, RawEntry, open_package, write_package
from signing.ofd.signatures.container import container_extension, stored
from signing.ofd.signatures.digest import member_digests
from signing.ofd.signatures.errors import OfdSignError
from signing.ofd.signatures.listing import MAX_SIGNATURES, SignatureList, read_lists
from signing.ofd.signatures.normal_form import NAMESPACE, require_normalised, serialise
from signing.ofd.signatures.picture import ink_seal_picture
from signing.ofd.signatures.placement import page_boxes, place
from signing.pki import Certificate, Signer
from signing.seal import (
    SM2_WITH_SM3,
    SM3,
    Picture,
    build_seal_signature_v4,
    build_seal_v4,
    chain_extension,
)
from signing.sm import sm3
from signing.tsp import TimeStamper
from signing.wire import StampBox

PROVIDER = "Penward"
_VERSION = "1"


@dataclass(frozen=True, slots=True)
class SealMaker:
    """Who makes the one-time seals: a signer, its certificate, and the certificates above it."""

    signer: Signer
    certificate: Certificate
    chain: tuple[Certificate, ...] = ()


def sign_ofd(
    data: bytes,
    *,
    boxes: Sequence[StampBox],
    picture: InkPicture,
    signer: Signer,
    certificate: Certificate,
    chain: Sequence[Certificate],
    seal_maker: SealMaker,
    stamper: TimeStamper | None,
    signed_at: datetime,
    seal_name: str = "手写签名",
    body: int = 0,
) -> bytes:
    """The signed document: `data`, normalised before, with one more signature.

    `boxes` are the fields the picture is fitted into; `signer` and `certificate` are the one-time key and its
    event certificate, `chain` the certificates above it; `signed_at` is aware and goes into Signature.xml and
    the seal signature to the second; `seal_name` names the seal for people.

    Raises:
        OfdError: not a readable OFD.
        OfdSignError: `ofdsign.not-normalised`, `ofdsign.no-page`, `ofdsign.outside-page`, `ofdsign.no-box`,
            `ofdsign.too-many`, `ofdsign.self-check`.
        SealError: the seal cannot be made. What the signers and the stamper raise.
    """
    package = open_package(data)
    lists = read_lists(package)
    listing = require_normalised(lists, body)
    if sum(len(item.entries) for item in lists) >= MAX_SIGNATURES:
        raise OfdSignError("ofdsign.too-many", limit=MAX_SIGNATURES)
    if not boxes:
        raise OfdSignError("ofdsign.no-box")
    signed_at = signed_at.astimezone(UTC).replace(microsecond=0)
    folder = _folder(package, body)
    seal = _seal(picture, certificate, seal_maker, signed_at, seal_name)
    stamps = _stamps(package, body, boxes, picture)
    digests = member_digests(package, lists) | {f"/{folder}/Seal.esl": sm3(seal)}
    signature_xml = _signature_xml(folder, signed_at, digests, stamps)
    open_lists = frozenset(item.member for item in lists if item.member)
    value = build_seal_signature_v4(
        seal_der=seal,
        data_hash=sm3(signature_xml),
        property_info=_ascii(f"/{folder}/Signature.xml"),
        signed_at=signed_at,
        signer=signer,
        certificate=certificate,
        ext_datas=[
            chain_extension(_distinct((*chain, *seal_maker.chain))),
            container_extension(package, open_lists),
        ],
        stamper=stamper,
    )
    extended = _extended_list(package, listing, f"{folder}/Signature.xml")
    entries: list[tuple[str, RawEntry]] = [
        (name, stored(extended) if name == listing.member else package.raw(name)) for name in package.names()
    ]
    entries += [
        (f"{folder}/Seal.esl", stored(seal)),
        (f"{folder}/Signature.xml", stored(signature_xml)),
        (f"{folder}/SignedValue.dat", stored(value)),
    ]
    return write_package(entries)


def _seal(
    picture: InkPicture, certificate: Certificate, maker: SealMaker, signed_at: datetime, name: str
) -> bytes:
    return build_seal_v4(
        esid=secrets.token_hex(16),
        name=name,
        vendor_id=PROVIDER,
        picture=Picture(
            "ofd",
            ink_seal_picture(picture),
            max(1, -(-picture.width_um // 1000)),
            max(1, -(-picture.height_um // 1000)),
        ),
        certificates=[certificate.der],
        valid_from=certificate.not_before,
        valid_to=certificate.not_after,
        created=signed_at,
        maker=maker.signer,
        maker_certificate=maker.certificate,
    )


def _folder(package: OfdPackage, body: int) -> str:
    """A folder of its own for the signature: Sign_N with the lowest N above all there are."""
    parent = posixpath.join(posixpath.dirname(load_document(package, body).member), "Signs")
    taken = {name.casefold() for name in package.names()}
    prefix = parent.casefold() + "/sign_"
    numbers = [name[len(prefix) :].partition("/")[0] for name in taken if name.startswith(prefix)]
    highest = max((int(n) for n in numbers if n.isdecimal() and len(n) < 10), default=-1)
    return f"{parent}/Sign_{highest + 1}"


def _stamps(
    package: OfdPackage, body: int, boxes: Sequence[StampBox], picture: InkPicture
) -> list[tuple[str, str]]:
    """(PageRef, Boundary) of each stamp."""
    pages = page_boxes(package, body)
    placed = [place(box, pages, picture.width_um, picture.height_um) for box in boxes]
    return [(page, " ".join(f"{value:.3f}" for value in boundary)) for page, boundary in placed]


def _signature_xml(
    folder: str, signed_at: datetime, digests: dict[str, bytes], stamps: Sequence[tuple[str, str]]
) -> bytes:
    root = etree.Element(_tag("Signature"), nsmap={"ofd": NAMESPACE})
    info = etree.SubElement(root, _tag("SignedInfo"))
    etree.SubElement(info, _tag("Provider"), ProviderName=PROVIDER, Version=_VERSION, Company=PROVIDER)
    _text(info, "SignatureMethod", SM2_WITH_SM3)
    _text(info, "SignatureDateTime", signed_at.strftime("%Y%m%d%H%M%SZ"))
    references = etree.SubElement(info, _tag("References"), CheckMethod=SM3)
    for path, digest in digests.items():
        reference = etree.SubElement(references, _tag("Reference"), FileRef=_xml_text(path))
        _text(reference, "CheckValue", base64.b64encode(digest).decode("ascii"))
    for number, (page, boundary) in enumerate(stamps, start=1):
        etree.SubElement(info, _tag("StampAnnot"), ID=str(number), PageRef=page, Boundary=boundary)
    _text(etree.SubElement(info, _tag("Seal")), "BaseLoc", f"/{folder}/Seal.esl")
    _text(root, "SignedValue", f"/{folder}/SignedValue.dat")
    return serialise(root)


def _extended_list(package: OfdPackage, listing: SignatureList, signature: str) -> bytes:
    root = read_xml(package, listing.member or "")
    namespace = etree.QName(root).namespace
    identifier = str(max((_number(entry.id) for entry in listing.entries), default=0) + 1)
    entry = etree.SubElement(root, f"{{{namespace}}}Signature" if namespace else "Signature")
    entry.set("ID", identifier)
    entry.set("Type", "Seal")
    entry.set("BaseLoc", "/" + signature)
    highest = next(children(root, "MaxSignId"), None)
    if highest is None:
        highest = etree.Element(f"{{{namespace}}}MaxSignId" if namespace else "MaxSignId")
        root.insert(0, highest)
    highest.text = str(max(int(identifier), _number(highest.text or "")))
    return serialise(root)


def _number(identifier: str) -> int:
    digits = "".join(c for c in identifier if c in "0123456789")
    return int(digits[-9:] or "0")


def _distinct(certificates: Sequence[Certificate]) -> list[Certificate]:
    return list({certificate.der: certificate for certificate in certificates}.values())


def _ascii(path: str) -> str:
    """A property info that IA5String can hold; readers take it as a hint only."""
    return path if path.isascii() else "Signature.xml"


def _xml_text(text: str) -> str:
    if any(ord(c) in (0xFFFE, 0xFFFF) for c in text):
        raise OfdSignError("ofdsign.bad-name", name=ascii(text))
    return text


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _text(parent: Element, name: str, text: str) -> None:
    etree.SubElement(parent, _tag(name)).text = text
