"""Places the pictures of seal signatures on pages (GB/T 33190-2016, 18.2.4; GB/T 38540-2020, 6.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from signing.ofd.displaylist import BLEND_MULTIPLY, Clip, Group, ImageItem, Item, PathItem, TextItem, clip_to
from signing.ofd.errors import OfdError
from signing.ofd.geometry import Box, Matrix, parse_box
from signing.ofd.markup import child, child_text, children, read_xml
from signing.ofd.model import Document
from signing.seal import SealError, parse_seal, parse_seal_signature

PICTURE_TYPES = ("png", "jpg", "jpeg", "bmp", "gif", "tif", "tiff")


@dataclass(frozen=True, slots=True)
class Stamp:
    """One StampAnnot: where a seal is shown. `box` in page mm, `clip` within the box or None.

    `picture_type` is lower case (`ofd`, `png`, …), `picture` its bytes.
    """

    signature_member: str
    page_id: str
    box: Box
    clip: Box | None
    picture_type: str
    picture: bytes

    @property
    def key(self) -> str:
        """The blob key of the picture."""
        return f"seal:{hashlib.sha256(self.picture).hexdigest()}!"


def read_stamps(document: Document, note: Callable[..., None]) -> list[Stamp]:
    """All stamps of the document's seal signatures in the order of signing.

    What cannot be read is reported by `note(code, **params)` and left out.
    """
    if document.signatures_member is None:
        return []
    package = document.package
    try:
        root = read_xml(package, document.signatures_member)
    except OfdError as error:
        note("ofd.note-signatures", reason=error.code)
        return []
    stamps: list[Stamp] = []
    for entry in children(root, "Signature"):
        member = package.resolve(document.signatures_member, entry.get("BaseLoc") or "")
        try:
            if member is None:
                raise OfdError("ofd.missing-entry", name=entry.get("BaseLoc") or "")
            stamps += _stamps_of(document, member)
        except (OfdError, SealError) as error:
            note("ofd.note-seal", name=member or entry.get("BaseLoc") or "", reason=error.code)
    return stamps


def _stamps_of(document: Document, member: str) -> list[Stamp]:
    package = document.package
    root = read_xml(package, member)
    info = child(root, "SignedInfo")
    annotations = list(children(info, "StampAnnot"))
    if not annotations:
        return []
    picture_type, picture = _picture(document, member)
    stamps = []
    for annotation in annotations:
        box = parse_box(annotation.get("Boundary"))
        if box is not None and box.width > 0 and box.height > 0:
            clip = parse_box(annotation.get("Clip"))
            page_id = (annotation.get("PageRef") or "").strip()
            stamps.append(Stamp(member, page_id, box, clip, picture_type, picture))
    return stamps


def _picture(document: Document, member: str) -> tuple[str, bytes]:
    """The seal's picture: from the signature value, where it cannot be had from the seal beside it."""
    package = document.package
    root = read_xml(package, member)
    try:
        value = package.require(member, child_text(root, "SignedValue") or "?")
        picture = parse_seal_signature(package.read(value)).seal.picture
    except (OfdError, SealError):
        location = child_text(child(child(root, "SignedInfo"), "Seal"), "BaseLoc")
        seal = package.resolve(member, location) if location else None
        if seal is None:
            raise
        picture = parse_seal(package.read(seal)).picture
    return picture.type.strip().lower().lstrip("."), picture.data


def image_item(stamp: Stamp, matrix: Matrix) -> ImageItem:
    """A stamp whose picture is a raster image, filling its box and darkening what lies under it."""
    box = stamp.box
    place = Matrix(box.width, 0.0, 0.0, box.height, box.x, box.y).then(matrix)
    return ImageItem(stamp.key, place, 1.0, BLEND_MULTIPLY, stamp.picture_type)


def multiplied(items: tuple[Item, ...], place: Matrix) -> tuple[Item, ...]:
    """The same items after `place`, each darkening what lies under it instead of covering it."""
    changed: list[Item] = []
    for item in items:
        if isinstance(item, Group):
            clips = tuple(
                Clip(tuple(replace(r, matrix=r.matrix.then(place)) for r in clip.regions))
                for clip in item.clips
            )
            changed.append(Group(clips, multiplied(item.items, place)))
        elif isinstance(item, PathItem | TextItem | ImageItem):
            changed.append(replace(item, matrix=item.matrix.then(place), blend=BLEND_MULTIPLY))
    return tuple(changed)


def clipped(stamp: Stamp, items: tuple[Item, ...], matrix: Matrix) -> tuple[Item, ...]:
    """The items inside the stamp's box and its Clip (a riding seal shows one slice on each page)."""
    box = stamp.box
    clips = [clip_to(box, matrix)]
    if stamp.clip is not None:
        clips.append(clip_to(Box(box.x + stamp.clip.x, box.y + stamp.clip.y, *stamp.clip[2:]), matrix))
    return (Group(tuple(clips), items),)
