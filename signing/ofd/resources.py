"""Finds fonts, images, draw parameters, colour spaces and composites by number (GB/T 33190-2016, 7.9)."""

from __future__ import annotations

from dataclasses import dataclass

from signing.ofd.errors import OfdError
from signing.ofd.markup import Element, child, child_text, children, integer, local, number, read_xml, truth
from signing.ofd.package import OfdPackage


@dataclass(frozen=True, slots=True)
class FontResource:
    """A CT_Font: names as written; `member` is the blob of the embedded font, None for a system font."""

    id: str
    name: str
    family: str
    bold: bool
    italic: bool
    serif: bool
    fixed: bool
    member: str | None


@dataclass(frozen=True, slots=True)
class ImageResource:
    """A picture in the package: its blob and the Format that the resource claims (may be empty)."""

    id: str
    member: str
    format: str


@dataclass(frozen=True, slots=True)
class ColorSpace:
    """`kind` GRAY, RGB or CMYK; `palette` colours for Index; `profile` whether an ICC profile is named."""

    kind: str
    bits: int
    palette: tuple[str, ...]
    profile: bool


@dataclass(frozen=True, slots=True)
class Composite:
    """A CompositeGraphicUnit: its size in mm, its Content element, and the part that holds it."""

    id: str
    width: float
    height: float
    content: Element


class Blobs:
    """The bytes that display lists name: members of the package, and of packages inside it by a prefix."""

    def __init__(self, package: OfdPackage, prefix: str = "") -> None:
        self.prefix = prefix
        self._package = package
        self._inner: dict[str, OfdPackage] = {}
        self._loose: dict[str, bytes] = {}

    def add(self, key: str, content: bytes) -> None:
        """Keep bytes that are not a member, under a key of their own."""
        self._loose[key] = content

    def add_package(self, prefix: str, package: OfdPackage) -> None:
        """Keep a package inside this one; its members are found as `prefix` + name. A prefix ends in `!`."""
        self._inner[prefix] = package

    def read(self, key: str) -> bytes:
        """The bytes of that key.

        Raises:
            OfdError: missing or damaged.
        """
        if key in self._loose:
            return self._loose[key]
        prefix, mark, name = key.partition("!")
        inner = self._inner.get(prefix + mark)
        return inner.read(name) if inner is not None else self._package.read(key)


class Resources:
    """Resources of a document, read once; a page's own resources are asked first."""

    def __init__(self, package: OfdPackage, prefix: str = "", parent: Resources | None = None) -> None:
        self._package = package
        self._prefix = prefix
        self._parent = parent
        self._fonts: dict[str, FontResource] = {}
        self._images: dict[str, ImageResource] = {}
        self._spaces: dict[str, ColorSpace] = {}
        self._params: dict[str, Element] = {}
        self._composites: dict[str, Composite] = {}

    def load(self, name: str) -> None:
        """Read the Res part `name`; a damaged one is remembered as a tolerance and the rest is used."""
        try:
            root = read_xml(self._package, name)
        except OfdError as error:
            self._package.tolerate("ofd.tolerance-resource", name=name, reason=error.code)
            return
        base = root.get("BaseLoc") or ""
        for group in root:
            for item in group:
                key = item.get("ID")
                if key:
                    self._take(local(item), key.strip(), item, name, base)

    def font(self, key: str | None) -> FontResource | None:
        """The font of that number, or None."""
        return self._fonts.get(key or "") or (self._parent.font(key) if self._parent else None)

    def image(self, key: str | None) -> ImageResource | None:
        """The picture of that number, or None."""
        return self._images.get(key or "") or (self._parent.image(key) if self._parent else None)

    def color_space(self, key: str | None) -> ColorSpace | None:
        """The colour space of that number, or None."""
        return self._spaces.get(key or "") or (self._parent.color_space(key) if self._parent else None)

    def draw_param(self, key: str | None) -> Element | None:
        """The DrawParam element of that number, or None."""
        found = self._params.get(key or "")
        return found if found is not None or self._parent is None else self._parent.draw_param(key)

    def composite(self, key: str | None) -> Composite | None:
        """The composite of that number, or None."""
        return self._composites.get(key or "") or (self._parent.composite(key) if self._parent else None)

    def _take(self, kind: str, key: str, item: Element, holder: str, base: str) -> None:
        if kind == "Font":
            location = child_text(item, "FontFile")
            self._fonts[key] = FontResource(
                key,
                item.get("FontName") or "",
                item.get("FamilyName") or "",
                truth(item.get("Bold"), False),
                truth(item.get("Italic"), False),
                truth(item.get("Serif"), False),
                truth(item.get("FixedWidth"), False),
                self._locate(holder, base, location) if location else None,
            )
        elif kind == "MultiMedia":
            member = self._locate(holder, base, child_text(item, "MediaFile"))
            if member is not None and (item.get("Type") or "Image").lower() == "image":
                self._images[key] = ImageResource(key, member, item.get("Format") or "")
        elif kind == "ColorSpace":
            palette = tuple((cv.text or "") for p in children(item, "Palette") for cv in children(p, "CV"))
            self._spaces[key] = ColorSpace(
                (item.get("Type") or "RGB").upper(),
                integer(item.get("BitsPerComponent"), 8),
                palette,
                item.get("Profile") is not None,
            )
        elif kind == "DrawParam":
            self._params[key] = item
        elif kind == "CompositeGraphicUnit":
            content = child(item, "Content")
            if content is not None:
                width, height = number(item.get("Width"), 0.0), number(item.get("Height"), 0.0)
                self._composites[key] = Composite(key, width, height, content)

    def _locate(self, holder: str, base: str, location: str) -> str | None:
        """The member meant by a location inside a Res part, which counts from the Res's BaseLoc."""
        if not location:
            return None
        tries = [location]
        if base and not location.startswith("/"):
            tries.insert(0, f"{base.rstrip('/')}/{location}")
        for attempt in tries:
            name = self._package.resolve(holder, attempt)
            if name is not None:
                return self._prefix + name
        self._package.tolerate("ofd.tolerance-missing-resource", location=location)
        return None
