"""The drawn ink as a PDF form: one filled path a polygon, its numbers the picture's own µm, and the way back.

The event certificate binds the picture's canonical bytes. Since the form's stream follows from them byte
for byte, a verifier turns what is shown back into the picture and compares (`docs/pdf.md`).
"""

from __future__ import annotations

import re

from signing.ink import MAX_PICTURE_BYTES, InkError, InkPicture
from signing.pdf.errors import PdfSignError

MAX_STREAM_BYTES = 2 * MAX_PICTURE_BYTES
_POINT = re.compile(rb"(\d{1,8}) (\d{1,8}) ([ml])\n")


def ink_stream(picture: InkPicture) -> bytes:
    """The content stream: black, y down, nonzero rule, each polygon filled by itself."""
    parts = ["0 g\n"]
    for path in picture.paths:
        parts += [f"{x} {y} {'l' if index else 'm'}\n" for index, (x, y) in enumerate(path)]
        parts.append("h f\n")
    return "".join(parts).encode("ascii")


def ink_box(picture: InkPicture) -> tuple[int, int, int, int]:
    """/BBox of the form, in µm."""
    return (0, 0, picture.width_um, picture.height_um)


def ink_matrix(picture: InkPicture) -> tuple[int, int, int, int, int, int]:
    """/Matrix of the form: turns y down into PDF's y up."""
    return (1, 0, 0, -1, 0, picture.height_um)


def read_ink_stream(stream: bytes, width_um: int, height_um: int) -> InkPicture:
    """The picture that a form of this size shows.

    Raises:
        PdfSignError: `pdfsign.not-ink`: the stream is not what `ink_stream` makes of any picture.
    """
    if len(stream) > MAX_STREAM_BYTES:
        raise PdfSignError("pdfsign.not-ink")
    rings: list[tuple[tuple[int, int], ...]] = []
    points: list[tuple[int, int]] = []
    for x, y, operator in _POINT.findall(stream):
        if operator == b"m" and points:
            rings.append(tuple(points))
            points = []
        points.append((int(x), int(y)))
    if points:
        rings.append(tuple(points))
    picture = InkPicture(width_um, height_um, tuple(rings))
    try:
        picture.to_bytes()
    except InkError as error:
        raise PdfSignError("pdfsign.not-ink") from error
    if ink_stream(picture) != stream:
        raise PdfSignError("pdfsign.not-ink")
    return picture
