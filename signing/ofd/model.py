"""The document tree: pages, their sizes, templates, layers and annotations (GB/T 33190-2016, 7)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

from signing.ofd.errors import OfdError
from signing.ofd.fonts import FontBook
from signing.ofd.geometry import Box, parse_box
from signing.ofd.markup import Element, child, child_text, children, local, read_xml, truth
from signing.ofd.package import OfdPackage
from signing.ofd.resources import Blobs, Resources

A4 = Box(0.0, 0.0, 210.0, 297.0)
_LARGEST_MM = 20_000.0
_PARTS_KEPT = 24
_MEMOS_KEPT = 96
_MEMO_BYTES = 192 << 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TemplatePage:
    """A template: the member that holds it and the ZOrder it asks for."""

    id: str
    member: str
    z_order: str


class Page:
    """One page. Attributes: `id` (ST_ID), `number` (from 1), `member` (its part's name)."""

    def __init__(self, document: Document, page_id: str, number: int, member: str) -> None:
        self._document = document
        self.id = page_id
        self.number = number
        self.member = member

    @property
    def element(self) -> Element:
        """The root element of the page's part.

        Raises:
            OfdError: the part is damaged.
        """
        return self._document.part(self.member)

    @property
    def box(self) -> Box:
        """The page's PhysicalBox in mm: its own, else a template's, else the document's."""
        return self._document.page_box(self)

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height in mm."""
        box = self.box
        return box.width, box.height


class Document:
    """A DocBody of an OFD.

    Attributes: `package`; `body` (index of the DocBody); `member` (name of Document.xml); `pages`;
    `resources`; `blobs` and `fonts`, what display lists name; `signatures_member`, the name of
    Signatures.xml, None when there is none; `signatures_missing`, whether OFD.xml names one that is not
    in the package. Safe to read from several threads.
    """

    def __init__(self, package: OfdPackage, body: int, body_element: Element, prefix: str) -> None:
        """Use `load_document`."""
        self.package = package
        self.body = body
        self.blobs = Blobs(package, prefix)
        self.fonts = FontBook(self.blobs.read)
        self._lock = threading.RLock()
        self._parts: OrderedDict[str, Element] = OrderedDict()
        self._boxes: dict[str, Box] = {}
        self._memo: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._memo_weight = 0
        self.member = _document_member(package, body_element)
        signatures = child_text(body_element, "Signatures")
        self.signatures_member = package.resolve("OFD.xml", signatures) if signatures else None
        self.signatures_missing = bool(signatures) and self.signatures_member is None
        if self.signatures_missing:
            package.tolerate("ofd.tolerance-signatures-missing", location=signatures)
        root = read_xml(package, self.member)
        common = child(root, "CommonData")
        self.default_color_space = child_text(common, "DefaultCS")
        self._default_box = _area_box(child(common, "PageArea")) or A4
        self.resources = Resources(package, prefix)
        for kind in ("PublicRes", "DocumentRes"):
            for location in children(common, kind):
                name = package.resolve(self.member, location.text or "")
                if name is None:
                    package.tolerate("ofd.tolerance-missing-resource", location=(location.text or "").strip())
                else:
                    self.resources.load(name)
        self._templates = {t.id: t for t in self._read_templates(common)}
        self.pages = tuple(self._read_pages(child(root, "Pages")))
        if not self.pages:
            raise OfdError("ofd.no-pages")
        annotations = child_text(root, "Annotations")
        self._annotations_member = package.resolve(self.member, annotations) if annotations else None

    def part(self, member: str) -> Element:
        """The parsed part, from a small cache.

        Raises:
            OfdError: the part is missing or damaged.
        """
        with self._lock:
            found = self._parts.get(member)
            if found is None:
                found = self._parts[member] = read_xml(self.package, member)
                if len(self._parts) > _PARTS_KEPT:
                    self._parts.popitem(last=False)
            else:
                self._parts.move_to_end(member)
            return found

    def memo(self, key: Hashable, make: Callable[[], T], weigh: Callable[[T], int] | None = None) -> T:
        """The value made for `key` before, or a new one; the least used are forgotten.

        `weigh` tells the size of a large value in bytes; all together they keep to a budget.
        """
        with self._lock:
            if key in self._memo:
                self._memo.move_to_end(key)
                return cast(T, self._memo[key][0])
            value = make()
            weight = weigh(value) if weigh is not None else 0
            self._memo[key] = (value, weight)
            self._memo_weight += weight
            while len(self._memo) > 1 and (len(self._memo) > _MEMOS_KEPT or self._memo_weight > _MEMO_BYTES):
                _, (_, lost) = self._memo.popitem(last=False)
                self._memo_weight -= lost
            return value

    def page(self, index: int) -> Page:
        """The page with that index, counted from 0.

        Raises:
            OfdError: `ofd.no-such-page`.
        """
        if not 0 <= index < len(self.pages):
            raise OfdError("ofd.no-such-page", page=index + 1, pages=len(self.pages))
        return self.pages[index]

    def page_box(self, page: Page) -> Box:
        """See `Page.box`."""
        with self._lock:
            box = self._boxes.get(page.member)
            if box is None:
                try:
                    box = self._find_box(page)
                except OfdError:
                    box = self._default_box
                if not _usable(box):
                    self.package.tolerate("ofd.tolerance-page-box", page=str(page.number))
                    box = A4
                self._boxes[page.member] = box
            return box

    def templates(self, page: Page) -> list[tuple[str, str]]:
        """(ZOrder, member) of each template the page uses, in the order it names them."""
        used = []
        for reference in children(page.element, "Template"):
            template = self._templates.get((reference.get("TemplateID") or "").strip())
            if template is None:
                self.package.tolerate("ofd.tolerance-template", id=reference.get("TemplateID") or "")
                continue
            used.append((reference.get("ZOrder") or template.z_order, template.member))
        return used

    def page_resources(self, member: str) -> Resources:
        """The resources seen from a page or template part: its PageRes, then the document's."""
        own = [r for r in children(self.part(member), "PageRes") if r.text]
        if not own:
            return self.resources
        resources = Resources(self.package, self.blobs.prefix, self.resources)
        for location in own:
            name = self.package.resolve(member, location.text or "")
            if name is not None:
                resources.load(name)
        return resources

    def annotations(self, page: Page) -> list[tuple[str, Element]]:
        """(member, Annot element) of each visible annotation of the page, in order."""
        if self._annotations_member is None:
            return []
        found: list[tuple[str, Element]] = []
        for entry in children(self._part_or_none(self._annotations_member), "Page"):
            if (entry.get("PageID") or "").strip() != page.id:
                continue
            location = child_text(entry, "FileLoc")
            name = self.package.resolve(self._annotations_member, location)
            root = self._part_or_none(name) if name else None
            if name is None or root is None:
                self.package.tolerate("ofd.tolerance-missing-resource", location=location)
                continue
            found += [(name, a) for a in children(root, "Annot") if truth(a.get("Visible"), True)]
        return found

    def _part_or_none(self, member: str) -> Element | None:
        try:
            return self.part(member)
        except OfdError as error:
            self.package.tolerate("ofd.tolerance-resource", name=member, reason=error.code)
            return None

    def _find_box(self, page: Page) -> Box:
        own = _area_box(child(page.element, "Area"))
        if own is not None:
            return own
        for _, member in self.templates(page):
            root = self._part_or_none(member)
            box = _area_box(child(root, "Area"))
            if box is not None:
                return box
        return self._default_box

    def _read_templates(self, common: Element | None) -> Iterator[TemplatePage]:
        for element in children(common, "TemplatePage"):
            member = self.package.resolve(self.member, element.get("BaseLoc") or "")
            if member is None:
                self.package.tolerate("ofd.tolerance-missing-resource", location=element.get("BaseLoc") or "")
                continue
            yield TemplatePage(
                (element.get("ID") or "").strip(), member, element.get("ZOrder") or "Background"
            )

    def _read_pages(self, pages: Element | None) -> Iterator[Page]:
        for number, element in enumerate(children(pages, "Page"), start=1):
            if number > self.package.limits.pages:
                raise OfdError("ofd.too-many-pages", limit=self.package.limits.pages)
            member = self.package.require(self.member, element.get("BaseLoc") or "?")
            yield Page(self, (element.get("ID") or "").strip(), number, member)


def load_document(package: OfdPackage, body: int = 0, *, prefix: str = "") -> Document:
    """The document of one DocBody (0 is the first), in its current version.

    `prefix` goes before the names of its fonts and images in display lists, so that a document inside
    another (a seal's picture) is told apart.

    Raises:
        OfdError: OFD.xml or Document.xml is missing or damaged, no such DocBody, no pages, a page's part
            is missing.
    """
    root = read_xml(package, package.require("", "OFD.xml"))
    bodies = list(children(root, "DocBody"))
    if not 0 <= body < len(bodies):
        raise OfdError("ofd.no-document", body=body + 1)
    return Document(package, body, bodies[body], prefix)


def layers(part: Element) -> list[tuple[str, Element]]:
    """(type, Layer) of a page or template part: Background first, then Body, then Foreground.

    An unknown type counts as Body (GB/T 33190-2016, 7.7, table 15).
    """
    order = {"Background": 0, "Body": 1, "Foreground": 2}
    found = []
    for content in children(part, "Content"):
        for layer in content:
            if local(layer) == "Layer":
                kind = layer.get("Type") or "Body"
                found.append((kind, layer))
    return sorted(found, key=lambda pair: order.get(pair[0], 1))


def is_layer_type(kind: str) -> bool:
    """Whether the standard knows this layer type."""
    return kind in ("Background", "Body", "Foreground")


def _document_member(package: OfdPackage, body: Element) -> str:
    location = child_text(body, "DocRoot")
    if not location and body.get("DocRoot"):
        location = body.get("DocRoot") or ""
        package.tolerate("ofd.tolerance-doc-root", location=location)
    for version in (v for vs in children(body, "Versions") for v in children(vs, "Version")):
        if truth(version.get("Current"), False):
            name = package.resolve("OFD.xml", version.get("BaseLoc") or "")
            root = read_xml(package, name) if name else None
            doc_root = child_text(root, "DocRoot")
            if name and doc_root:
                found = package.resolve(name, doc_root)
                if found is not None:
                    return found
    if not location:
        raise OfdError("ofd.missing-entry", name="DocRoot")
    member = package.resolve("OFD.xml", location)
    if member is None:
        member = package.resolve("OFD.xml", location.strip().rstrip("/\\") + "/Document.xml")
        if member is None:
            raise OfdError("ofd.missing-entry", name=location)
        package.tolerate("ofd.tolerance-doc-root", location=location)
    return member


def _area_box(area: Element | None) -> Box | None:
    return parse_box(child_text(area, "PhysicalBox")) if area is not None else None


def _usable(box: Box) -> bool:
    return 0.1 < box.width <= _LARGEST_MM and 0.1 < box.height <= _LARGEST_MM
