"""Readies an OFD for signing: its signature list exists from then on, and no signed file changes again."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from lxml import etree

from signing.ofd.errors import OfdError
from signing.ofd.markup import Element, children, read_xml
from signing.ofd.model import load_document
from signing.ofd.package import OfdPackage, RawEntry, open_package, write_package
from signing.ofd.signatures.container import stored
from signing.ofd.signatures.errors import OfdSignError
from signing.ofd.signatures.listing import (
    MAX_SIGNATURES,
    SignatureList,
    ofd_xml,
    read_lists,
    read_signature_file,
)

NAMESPACE = "http://www.ofdspec.org/2016"
_ENCRYPTED = "Encryptions.xml"
_INTEGRITY = "OFDEntries.xml"


def normalise(data: bytes, *, slots: int = 1, body: int = 0) -> bytes:
    """The document with its signature list in place, packed in the one canonical way.

    OFD.xml names a list and the list is there; nothing else is touched: every other member keeps its
    bytes, and every signature that is already there stays what it was. A normalised document is returned
    as it is. `slots` is how many more signatures will be wanted, `body` the document body (DocBody) that
    will be signed.

    Raises:
        OfdError: not a readable OFD, no pages.
        OfdSignError: `ofdsign.locked` (an earlier signature protects a file that would have to change),
            `ofdsign.encrypted`, `ofdsign.integrity-list`, `ofdsign.too-many`.
    """
    package = open_package(data)
    for name, code in ((_ENCRYPTED, "ofdsign.encrypted"), (_INTEGRITY, "ofdsign.integrity-list")):
        if package.resolve("", name) is not None:
            raise OfdSignError(code, name=name)
    lists = read_lists(package)
    document = load_document(package, body)
    if sum(len(item.entries) for item in lists) + slots > MAX_SIGNATURES:
        raise OfdSignError("ofdsign.too-many", limit=MAX_SIGNATURES)
    changes = _changes(package, lists[body], posixpath.dirname(document.member))
    _refuse_protected(package, lists, {*changes, lists[body].member or ""})
    entries: list[tuple[str, RawEntry]] = []
    for name in package.names():
        package.read(name)  # a damaged member is refused now, not at the bedside
        entries.append((name, changes.pop(name) if name in changes else package.raw(name)))
    entries += changes.items()
    result = write_package(entries)
    require_normalised(read_lists(open_package(result)), body)
    return result


def require_normalised(lists: Sequence[SignatureList], body: int) -> SignatureList:
    """The list of that body, when it is there.

    Raises:
        OfdSignError: `ofdsign.not-normalised`.
    """
    if body >= len(lists) or lists[body].member is None:
        raise OfdSignError("ofdsign.not-normalised")
    return lists[body]


def _changes(package: OfdPackage, listing: SignatureList, folder: str) -> dict[str, RawEntry]:
    if listing.member is not None:
        return {}
    entry_part = ofd_xml(package)
    changes: dict[str, RawEntry] = {}
    place = _place(listing.location)
    if place is None:
        place = posixpath.join(folder, "Signs", "Signatures.xml")
        root = read_xml(package, entry_part)
        _name_list(list(children(root, "DocBody"))[listing.body], "/" + place)
        changes[entry_part] = stored(serialise(root))
    if any(name.casefold() == place.casefold() for name in package.names()):
        raise OfdSignError("ofdsign.no-place", name=place)
    changes[place] = stored(empty_list())
    return changes


def _place(location: str) -> str | None:
    """The member that a location in OFD.xml would be, were it there; None when it can be none."""
    path = posixpath.normpath(location.strip().replace("\\", "/").lstrip("/")) if location.strip() else "."
    return None if path.startswith("..") or path == "." else path


def _name_list(body: Element, location: str) -> None:
    for stale in list(children(body, "Signatures")):
        body.remove(stale)
    tag = etree.QName(body)
    element = etree.SubElement(
        body, f"{{{tag.namespace}}}Signatures" if tag.namespace else "Signatures", nsmap=None
    )
    element.text = location


def empty_list() -> bytes:
    """A Signatures.xml without signatures."""
    root: Element = etree.Element(f"{{{NAMESPACE}}}Signatures", nsmap={"ofd": NAMESPACE})
    etree.SubElement(root, f"{{{NAMESPACE}}}MaxSignId").text = "0"
    return serialise(root)


def serialise(root: Element) -> bytes:
    """XML in UTF-8 with a declaration."""
    data: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return data


def _refuse_protected(package: OfdPackage, lists: Sequence[SignatureList], touched: set[str]) -> None:
    for listing in lists:
        for entry in listing.entries:
            if entry.member is None:
                continue
            try:
                file = read_signature_file(package, entry.member)
            except OfdError:
                continue  # a broken signature protects nothing; its verdict says so
            locked = next((r.member for r in file.references if r.member in touched), None)
            if locked is not None:
                raise OfdSignError("ofdsign.locked", name=locked)
