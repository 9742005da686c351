"""Where the drawn signature goes: fitted into its field without being stretched."""

from __future__ import annotations

import math

from signing.ofd.errors import OfdError
from signing.ofd.geometry import Box
from signing.ofd.model import load_document
from signing.ofd.package import OfdPackage
from signing.ofd.signatures.errors import OfdSignError
from signing.wire import StampBox

_SMALLEST_MM = 1.0


def fit(box: StampBox, width_um: int, height_um: int) -> tuple[float, float, float, float]:
    """The largest box (x, y, width, height in mm) of the picture's proportions, centred in the field."""
    scale = min(box.width_mm * 1000 / width_um, box.height_mm * 1000 / height_um)
    width, height = width_um * scale / 1000, height_um * scale / 1000
    return (
        round(box.x_mm + (box.width_mm - width) / 2, 3),
        round(box.y_mm + (box.height_mm - height) / 2, 3),
        round(width, 3),
        round(height, 3),
    )


def page_boxes(package: OfdPackage, body: int) -> list[tuple[str, Box]]:
    """ID and PhysicalBox (mm) of each page.

    Raises:
        OfdError: the document cannot be read.
    """
    document = load_document(package, body)
    return [(page.id, page.box) for page in document.pages]


def place(
    box: StampBox, pages: list[tuple[str, Box]], width_um: int, height_um: int
) -> tuple[str, tuple[float, float, float, float]]:
    """The ID of the page a field lies on, and the picture's Boundary there, in the page's own coordinates.

    A field counts from the page's top left corner; a PhysicalBox may begin elsewhere than at 0 0.

    Raises:
        OfdSignError: `ofdsign.no-page`, `ofdsign.outside-page` (a field must lie on its page and be at least
            1 mm wide and high).
    """
    if not 0 <= box.page < len(pages):
        raise OfdSignError("ofdsign.no-page", page=box.page + 1, pages=len(pages))
    identifier, page = pages[box.page]
    numbers = (box.x_mm, box.y_mm, box.width_mm, box.height_mm)
    inside = (
        all(math.isfinite(n) for n in numbers)
        and min(box.width_mm, box.height_mm) >= _SMALLEST_MM
        and box.x_mm >= -0.01
        and box.y_mm >= -0.01
        and box.x_mm + box.width_mm <= page.width + 0.01
        and box.y_mm + box.height_mm <= page.height + 0.01
    )
    if not inside:
        raise OfdSignError("ofdsign.outside-page", page=box.page + 1)
    if not identifier:
        raise OfdError("ofd.missing-entry", name="Page/@ID")
    x, y, width, height = fit(box, width_um, height_um)
    return identifier, (round(x + page.x, 3), round(y + page.y, 3), width, height)
