"""Which members the pages of a package draw from: what must not be unprotected.

The answer errs on the safe side: a member counts as reached when any part that is reached names it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from signing.ofd.errors import OfdError
from signing.ofd.markup import Element, children, local, read_xml
from signing.ofd.package import OfdPackage
from signing.ofd.signatures.listing import ofd_xml

_NOT_DRAWN = frozenset({"Attachments", "CustomTags", "Extensions", "Signatures", "Permissions"})
_MAX_LOCATION = 1024


def reached_members(package: OfdPackage) -> frozenset[str]:
    """Names of the members that any page reaches: document, pages, templates, resources, annotations.

    Attachments, custom tags and extensions are not drawn. OFD.xml itself is not among them: all it can do is
    name another document, whose members then count.

    Raises:
        OfdError: OFD.xml cannot be read.
    """
    finder = _Finder(package)
    start = ofd_xml(package)
    queue: list[str] = []
    for body in children(read_xml(package, start), "DocBody"):
        for element in body.iter():
            if local(element) == "DocRoot":
                queue += finder.named(start, element.text, ())
            elif local(element) == "Version":
                queue += finder.named(start, element.get("BaseLoc"), ())
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        if name not in seen:
            seen.add(name)
            queue += finder.inside(name)
    return frozenset(seen)


class _Finder:
    def __init__(self, package: OfdPackage) -> None:
        self._package = package
        self._names: dict[str, list[str]] = {}
        for name in package.names():
            self._names.setdefault(name.casefold(), []).append(name)

    def inside(self, name: str) -> list[str]:
        """The members that a part names; nothing for a part that is not XML."""
        if not name.casefold().endswith(".xml"):
            return []
        try:
            root = read_xml(self._package, name)
        except OfdError:
            return []
        base = root.get("BaseLoc")
        found: list[str] = []
        for element in _drawn(root):
            for value in (element.text, *element.values()):
                found += self.named(name, value, (base,) if base else ())
        return found

    def named(self, holder: str, value: str | bytes | None, bases: tuple[str, ...]) -> list[str]:
        """The members that `value` may mean when it stands in `holder`."""
        if not isinstance(value, str) or "." not in value or len(value) > _MAX_LOCATION:
            return []
        value = value.strip().replace("\\", "/")
        folder = posixpath.dirname(holder)
        places = [value.lstrip("/"), posixpath.join(folder, value.lstrip("/"))]
        for base in bases:
            base = base.strip().replace("\\", "/")
            places += [
                posixpath.join(folder, base.lstrip("/"), value),
                posixpath.join(base.lstrip("/"), value),
            ]
        found: list[str] = []
        for place in places:
            found += self._names.get(posixpath.normpath(place).casefold(), [])
        return found


def _drawn(root: Element) -> Iterator[Element]:
    yield root
    for element in root:
        if local(root) != "Document" or local(element) not in _NOT_DRAWN:
            yield from element.iter()
