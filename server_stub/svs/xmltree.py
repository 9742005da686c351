"""XML read without surprises, and its canonical form: no DTD, no entities, no network, bounded in size."""

from __future__ import annotations

import copy
from typing import Any, cast

from lxml import etree

from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault

MAX_XML = 16 << 20
MAX_DEPTH = 200
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"


def parse(data: bytes) -> etree._Element:
    """The root of a document. Raises SvsFault `DATA_FORMAT`: not XML, a DTD, too large or too deep."""
    if not data or len(data) > MAX_XML:
        raise SvsFault(Reply.DATA_FORMAT, field="XML")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_blank_text=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise SvsFault(Reply.DATA_FORMAT, field="XML") from None
    info: Any = root.getroottree().docinfo  # the stubs do not know `doctype`
    if info.doctype or info.internalDTD is not None:
        raise SvsFault(Reply.DATA_FORMAT, field="DOCTYPE")
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise SvsFault(Reply.DATA_FORMAT, field="XML")
    return root


def canonical(element: etree._Element, method: str = EXCLUSIVE) -> bytes:
    """The element in canonical XML 1.0 without comments, exclusive or inclusive (W3C).

    Raises:
        SvsFault: `DATA_FORMAT` for another method.
    """
    if method not in (EXCLUSIVE, INCLUSIVE):
        raise SvsFault(Reply.DATA_FORMAT, field="CanonicalizationMethod")
    attributes = {str(name): str(value) for name, value in element.attrib.items()}
    if method == INCLUSIVE:
        for ancestor in element.iterancestors():
            for name, value in ancestor.attrib.items():
                if str(name).startswith("{http://www.w3.org/XML/1998/namespace}"):
                    attributes.setdefault(str(name), str(value))
    namespaces = cast("dict[str, str]", element.nsmap)
    apex = etree.Element(element.tag, attrib=attributes, nsmap=namespaces)
    apex.text = element.text
    apex.extend([copy.deepcopy(child) for child in element])
    return etree.tostring(apex, method="c14n", exclusive=method == EXCLUSIVE, with_comments=False)


def without(root: etree._Element, path: list[int]) -> etree._Element:
    """A copy of the tree without the element at `path` (positions among siblings from the root down)."""
    fresh = copy.deepcopy(root)
    parent = fresh
    for place in path[:-1]:
        parent = parent[place]
    gone = parent[path[-1]]
    if gone.tail:
        before = gone.getprevious()
        if before is None:
            parent.text = (parent.text or "") + gone.tail
        else:
            before.tail = (before.tail or "") + gone.tail
    parent.remove(gone)
    return fresh


def serialise(root: etree._Element) -> bytes:
    """The document as UTF-8 with an XML declaration."""
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")
