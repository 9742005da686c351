"""Gives a page's display list: its content, the stamps of its seals, and annotations on top of them."""

from __future__ import annotations

from collections.abc import Callable

from signing.ofd.displaylist import DisplayList, Item, Note
from signing.ofd.displaylist_build import PageBuilder, display_list
from signing.ofd.errors import OfdError
from signing.ofd.geometry import Matrix, translation
from signing.ofd.model import Document, load_document
from signing.ofd.package import Limits, open_package
from signing.ofd.stamps import PICTURE_TYPES, Stamp, clipped, image_item, multiplied, read_stamps

_SEAL_LIMITS = Limits(
    file_size=8 << 20, entries=500, entry_size=16 << 20, total_size=32 << 20, pages=4, display_items=50_000
)


def page_display_list(document: Document, index: int, *, appearance: bool = True) -> DisplayList:
    """What the page shows, in mm from its top left corner; `index` counts from 0.

    With `appearance` also the pictures of seals and the appearance of annotations; without, only what the
    page itself and its templates say. Remembered by the document.

    Raises:
        OfdError: no such page, or its part is damaged.
    """
    document.page(index)
    return document.memo(("display-list", index, appearance), lambda: _build(document, index, appearance))


def _build(document: Document, index: int, appearance: bool) -> DisplayList:
    page = document.page(index)
    content, content_notes = document.memo(("content", index), lambda: _content(document, index))
    items: list[Item] = list(content)
    notes = dict.fromkeys(content_notes)
    if appearance:
        builder = PageBuilder(document, document.fonts)
        base = translation(-page.box.x, -page.box.y)
        stamps, seal_notes = document.memo("stamps", lambda: _stamps(document))
        for stamp in stamps:
            if stamp.page_id == page.id:
                items += _stamp_items(document, stamp, base, builder.note)
        items += builder.annotations(page)
        notes.update(dict.fromkeys((*seal_notes, *builder.notes)))
    return display_list(page, items, tuple(notes))


def _content(document: Document, index: int) -> tuple[tuple[Item, ...], tuple[Note, ...]]:
    builder = PageBuilder(document, document.fonts)
    return builder.page(document.page(index)), builder.notes


def _stamps(document: Document) -> tuple[list[Stamp], tuple[Note, ...]]:
    report = PageBuilder(document, document.fonts)
    stamps = read_stamps(document, report.note)
    return stamps, report.notes


def _stamp_items(
    document: Document, stamp: Stamp, base: Matrix, note: Callable[..., None]
) -> tuple[Item, ...]:
    if stamp.picture_type == "ofd" or stamp.picture.startswith(b"PK\x03\x04"):
        try:
            drawn = document.memo(("seal", stamp.key), lambda: _seal_page(document, stamp))
        except OfdError as error:
            note("ofd.note-seal", name=stamp.signature_member, reason=error.code)
            return ()
        for missing in drawn.notes:
            note(missing.code, **missing.params)
        box = stamp.box
        x_scale, y_scale = box.width / drawn.width_mm, box.height / drawn.height_mm
        place = Matrix(x_scale, 0.0, 0.0, y_scale, box.x, box.y).then(base)
        return clipped(stamp, multiplied(drawn.items, place), base)
    if stamp.picture_type not in PICTURE_TYPES:
        note("ofd.note-seal-type", type=stamp.picture_type[:20])
    document.blobs.add(stamp.key, stamp.picture)
    return clipped(stamp, (image_item(stamp, base),), base)


def _seal_page(document: Document, stamp: Stamp) -> DisplayList:
    """The first page of the OFD that is a seal's picture; nothing but its own content counts."""
    package = open_package(stamp.picture, _SEAL_LIMITS)
    inner = load_document(package, prefix=stamp.key)
    document.blobs.add_package(stamp.key, package)
    builder = PageBuilder(inner, inner.fonts)
    page = inner.page(0)
    items = builder.page(page)
    return display_list(page, items, builder.notes)
