"""Finds a package's signatures: OFD.xml, the lists it names, each Signature.xml (GB/T 33190-2016, 18)."""

from __future__ import annotations

import base64
import binascii
import posixpath
from dataclasses import dataclass

from signing.ofd.errors import OfdError
from signing.ofd.markup import Element, child, child_text, children, floats, read_xml
from signing.ofd.package import OfdPackage
from signing.ofd.signatures.errors import OfdSignError

MAX_SIGNATURES = 64
"""More signatures than this in one document are refused: each costs two path validations."""

_MAX_BODIES = 16
OFD_XML = "OFD.xml"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a signature list: `type` is `Seal`, `Sign` or empty; `member` is None when missing."""

    id: str
    type: str
    location: str
    member: str | None


@dataclass(frozen=True, slots=True)
class SignatureList:
    """The signature list of one document body.

    `location` is what OFD.xml says, empty when it names none; `member` is None when that file is missing.
    `body` counts the DocBody elements from 0; `root` is the member DocRoot names, None when it is missing.
    """

    body: int
    location: str
    member: str | None
    root: str | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """One protected file: its location as written, the member found there, and the digest as written."""

    location: str
    member: str | None
    digest: bytes | None


@dataclass(frozen=True, slots=True)
class Stamp:
    """A StampAnnot: `boundary` and `clip` are (x, y, width, height) in mm, y down; empty when unreadable."""

    id: str
    page_ref: str
    boundary: tuple[float, ...]
    clip: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SignatureFile:
    """A Signature.xml as read, with its stored bytes."""

    member: str
    data: bytes
    provider: str
    method: str
    date_time: str
    check_method: str
    references: tuple[Reference, ...]
    stamps: tuple[Stamp, ...]
    seal_location: str
    seal_member: str | None
    value_location: str
    value_member: str | None

    @property
    def folder(self) -> str:
        """The folder that belongs to this signature alone (`Doc_0/Signs/Sign_0`)."""
        return posixpath.dirname(self.member)


def ofd_xml(package: OfdPackage) -> str:
    """The name of the package's entry part.

    Raises:
        OfdError: `ofd.no-ofd-xml`.
    """
    name = package.resolve("", OFD_XML)
    if name is None:
        raise OfdError("ofd.no-ofd-xml")
    return name


def read_lists(package: OfdPackage) -> tuple[SignatureList, ...]:
    """The signature list of every document body, in the order of OFD.xml.

    Raises:
        OfdError: OFD.xml or a list cannot be read.
        OfdSignError: `ofdsign.too-many`.
    """
    name = ofd_xml(package)
    lists = []
    for index, body in enumerate(children(read_xml(package, name), "DocBody")):
        if index >= _MAX_BODIES:
            raise OfdSignError("ofdsign.too-many", limit=_MAX_BODIES)
        location = child_text(body, "Signatures")
        member = package.resolve(name, location) if location else None
        root = package.resolve(name, child_text(body, "DocRoot"))
        lists.append(SignatureList(index, location, member, root, _entries(package, member)))
    return tuple(lists)


def _entries(package: OfdPackage, member: str | None) -> tuple[Entry, ...]:
    if member is None:
        return ()
    found: list[Entry] = []
    for item in children(read_xml(package, member), "Signature"):
        if len(found) >= MAX_SIGNATURES:
            raise OfdSignError("ofdsign.too-many", limit=MAX_SIGNATURES)
        location = item.get("BaseLoc", "")
        found.append(
            Entry(item.get("ID", ""), item.get("Type", ""), location, package.resolve(member, location))
        )
    return tuple(found)


def read_signature_file(package: OfdPackage, member: str) -> SignatureFile:
    """Read one Signature.xml.

    Raises:
        OfdError: the member is damaged, or not XML.
    """
    data = package.read(member)
    root = read_xml(package, member)
    info = child(root, "SignedInfo")
    provider = child(info, "Provider")
    references = child(info, "References")
    seal_location = child_text(child(info, "Seal"), "BaseLoc")
    value_location = child_text(root, "SignedValue")
    return SignatureFile(
        member=member,
        data=data,
        provider=_provider(provider),
        method=child_text(info, "SignatureMethod"),
        date_time=child_text(info, "SignatureDateTime"),
        check_method=(references.get("CheckMethod", "") if references is not None else "").strip(),
        references=tuple(_reference(package, member, item) for item in children(references, "Reference")),
        stamps=tuple(
            Stamp(
                item.get("ID", ""),
                item.get("PageRef", ""),
                _box(item.get("Boundary")),
                _box(item.get("Clip")),
            )
            for item in children(info, "StampAnnot")
        ),
        seal_location=seal_location,
        seal_member=package.resolve(member, seal_location) if seal_location else None,
        value_location=value_location,
        value_member=package.resolve(member, value_location) if value_location else None,
    )


def _provider(element: Element | None) -> str:
    if element is None:
        return ""
    return element.get("ProviderName") or child_text(element, "ProviderName")


def _reference(package: OfdPackage, base: str, element: Element) -> Reference:
    location = element.get("FileRef", "")
    try:
        digest = base64.b64decode("".join(child_text(element, "CheckValue").split()), validate=True)
    except (binascii.Error, ValueError):
        digest = None
    return Reference(location, package.resolve(base, location), digest or None)


def _box(text: str | None) -> tuple[float, ...]:
    values = floats(text)
    return tuple(values) if len(values) == 4 else ()
