"""Reads the XML parts of an OFD: no DTD, no entities, no network, bounded; names without namespaces."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lxml import etree

from signing.ofd.errors import OfdError
from signing.ofd.package import Limits, OfdPackage

Element = etree._Element


def parse_xml(data: bytes, name: str, limits: Limits) -> Element:
    """The root element of the part `name`.

    Comments and processing instructions are dropped. The namespace is not looked at: real files use
    several, and the standard's local names are unambiguous.

    Raises:
        OfdError: `ofd.xml-too-large`, `ofd.xml-dtd`, `ofd.xml-broken`.
    """
    if len(data) > limits.xml_size:
        raise OfdError("ofd.xml-too-large", name=name)
    if data.count(b"<") > limits.xml_nodes or data.count(b"=") > limits.xml_nodes:
        raise OfdError("ofd.xml-too-large", name=name)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise OfdError("ofd.xml-dtd", name=name)
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        dtd_validation=False,
        attribute_defaults=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise OfdError("ofd.xml-broken", name=name) from error
    if root is None:
        raise OfdError("ofd.xml-broken", name=name)
    if root.getroottree().docinfo.internalDTD is not None:
        raise OfdError("ofd.xml-dtd", name=name)
    _check_depth(root, name, limits.xml_depth)
    return root


def read_xml(package: OfdPackage, name: str) -> Element:
    """Parse a member of the package.

    Raises:
        OfdError: as `OfdPackage.read` and `parse_xml`.
    """
    return parse_xml(package.read(name), name, package.limits)


def _check_depth(root: Element, name: str, limit: int) -> None:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > limit:
            raise OfdError("ofd.xml-too-large", name=name)


def local(element: Element) -> str:
    """The element's name without its namespace; empty for what is not an element."""
    tag = element.tag
    if not isinstance(tag, str):
        return ""
    return tag[tag.rfind("}") + 1 :]


def children(element: Element | None, name: str) -> Iterator[Element]:
    """The children of that local name."""
    if element is not None:
        for child in element:
            if local(child) == name:
                yield child


def child(element: Element | None, name: str) -> Element | None:
    """The first child of that local name."""
    return next(children(element, name), None)


def child_text(element: Element | None, name: str) -> str:
    """The stripped text of the first child of that local name; empty when there is none."""
    found = child(element, name)
    return (found.text or "").strip() if found is not None else ""


def floats(text: str | None) -> list[float]:
    """The numbers of an ST_Array; what is not a finite number of sane size ends the list."""
    values: list[float] = []
    for word in (text or "").replace(",", " ").split():
        try:
            value = float(word)
        except ValueError:
            break
        if not math.isfinite(value) or abs(value) > 1e9:
            break
        values.append(value)
    return values


def number(text: str | None, default: float) -> float:
    """A finite number, or `default`."""
    values = floats(text)
    return values[0] if values else default


def integer(text: str | None, default: int) -> int:
    """A whole number, or `default`."""
    try:
        value = int((text or "").strip())
    except ValueError:
        return int(number(text, default))
    return value if abs(value) < 1 << 31 else default


def truth(text: str | None, default: bool) -> bool:
    """An xs:boolean, or `default`."""
    word = (text or "").strip().lower()
    if word in ("true", "1"):
        return True
    return False if word in ("false", "0") else default
