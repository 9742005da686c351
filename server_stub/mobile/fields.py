"""Where a signature goes: a field by keyword or page box becomes a box on a page, or one clear refusal."""

from __future__ import annotations

from server_stub.errors import Unprocessable
from server_stub.mobile.documents import Paper
from signing.wire import Field, StampBox

# A page's size is rounded to 1/1000 mm on its way through OFD and PDF units.
_TOLERANCE_MM = 0.01


class FieldError(Unprocessable):
    """A field that does not lead to a place on the document."""


def place(field: Field, paper: Paper) -> StampBox:
    """The box in which the signature of `field` is drawn.

    What the members of a field mean is said in `signing.wire.Field`.

    Raises:
        FieldError: keyword not there, not so often, no such page, box not wholly on its page.
    """
    box = _by_keyword(field, paper) if field.kind == "keyword" else _by_box(field)
    pages = len(paper.page_sizes_mm)
    if not 0 <= box.page < pages:
        raise FieldError("mobile.page-out-of-range", page=box.page + 1, pages=pages)
    width, height = paper.page_sizes_mm[box.page]
    if (
        box.x_mm < -_TOLERANCE_MM
        or box.y_mm < -_TOLERANCE_MM
        or box.x_mm + box.width_mm > width + _TOLERANCE_MM
        or box.y_mm + box.height_mm > height + _TOLERANCE_MM
    ):
        raise FieldError(
            "mobile.box-off-page",
            page=box.page + 1,
            box=f"{box.x_mm:g},{box.y_mm:g} {box.width_mm:g}x{box.height_mm:g}",
            size=f"{width:g}x{height:g}",
        )
    return box


def _by_box(field: Field) -> StampBox:
    return StampBox(field.page, field.x_mm, field.y_mm, field.width_mm, field.height_mm)


def _by_keyword(field: Field, paper: Paper) -> StampBox:
    hits = paper.find(field.keyword)
    if not hits:
        raise FieldError("mobile.keyword-not-found", keyword=field.keyword)
    if not 1 <= field.nth <= len(hits):
        raise FieldError("mobile.keyword-not-so-often", keyword=field.keyword, nth=field.nth, found=len(hits))
    hit = hits[field.nth - 1]
    x = hit.x_mm + hit.width_mm + field.dx_mm
    y = hit.y_mm + (hit.height_mm - field.height_mm) / 2 + field.dy_mm
    return StampBox(hit.page, round(x, 3), round(y, 3), field.width_mm, field.height_mm)
