"""One still picture from a camera, with a plain measure of sharpness and exposure."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageFilter, ImageStat

from drivers.camera.source import CameraSource, Frame

MAX_SIDE = 1280
JPEG_QUALITY = 90
DARK, BRIGHT = 45, 225
BLURRED = 12.0
_LAPLACIAN = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)


@dataclass(frozen=True, slots=True)
class Still:
    """A picture as it goes into the evidence.

    `jpeg` bytes; `brightness` 0–255 (mean of the grey picture); `sharpness` is the variance of the
    Laplacian of the grey picture at 640 pixels width; `hints` are message codes of what to do better.
    """

    jpeg: bytes
    width: int
    height: int
    brightness: float
    sharpness: float
    simulated: bool
    hints: tuple[str, ...]


def take_still(
    source: CameraSource,
    *,
    timeout_s: float = 3.0,
    warm_up: int = 3,
    preview: Callable[[Frame], None] | None = None,
) -> Still:
    """Take one picture from an open source; `warm_up` frames let a real camera find its exposure.

    Raises:
        DriverError: no frame came within `timeout_s` seconds each, or the camera is gone.
    """
    frame = source.frame(timeout_s)
    for _ in range(0 if source.simulated else warm_up):
        if preview is not None:
            preview(frame)
        frame = source.frame(timeout_s)
    return develop(frame, simulated=source.simulated)


def develop(frame: Frame, *, simulated: bool) -> Still:
    """Scale, compress and measure a frame."""
    picture = Image.frombytes("RGB", (frame.width, frame.height), frame.rgb)
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=JPEG_QUALITY)
    grey = picture.convert("L")
    grey.thumbnail((640, 640))
    brightness = ImageStat.Stat(grey).mean[0]
    edges = grey.filter(_LAPLACIAN)
    if min(edges.size) > 2:  # the filter leaves the outermost pixels as they were
        edges = edges.crop((1, 1, edges.width - 1, edges.height - 1))
    sharpness = ImageStat.Stat(edges).var[0]
    hints = []
    if brightness < DARK:
        hints.append("drivers.photo-dark")
    elif brightness > BRIGHT:
        hints.append("drivers.photo-bright")
    if sharpness < BLURRED:
        hints.append("drivers.photo-blurred")
    return Still(
        out.getvalue(), picture.width, picture.height, brightness, sharpness, simulated, tuple(hints)
    )
