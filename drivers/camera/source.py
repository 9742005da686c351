"""Where frames come from: a camera of this computer, or a file that stands in for one (模拟)."""

from __future__ import annotations

import contextlib
import importlib
import logging
import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image, ImageOps

from drivers.core.errors import DriverError

LOG = logging.getLogger("penward.drivers")
MAX_PIXELS = 50_000_000
MAX_FILE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: `width × height` pixels of three bytes R, G, B."""

    width: int
    height: int
    rgb: bytes


class CameraSource(Protocol):
    """A camera. `simulated` means that its pictures are not of the person in front of it."""

    @property
    def label(self) -> str:
        """What a person calls it."""

    @property
    def simulated(self) -> bool:
        """Whether a stand-in delivers the pictures; wherever one is shown, it says 模拟."""

    def open(self) -> None:
        """Get ready. Raises `DriverError`."""

    def frame(self, timeout_s: float) -> Frame:
        """The next frame. Raises `DriverError` (`drivers.camera-timeout`, `drivers.camera-gone`)."""

    def close(self) -> None:
        """Give the camera back. May be called twice."""


class FileCamera:
    """A picture file instead of a camera; always counts as simulated."""

    simulated = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frame: Frame | None = None

    @property
    def label(self) -> str:
        """The file's name."""
        return self._path.name

    def open(self) -> None:
        """Read the file. Raises `drivers.camera-file` when it is no usable picture."""
        try:
            if self._path.stat().st_size > MAX_FILE:
                raise DriverError("drivers.camera-file", name=self._path.name)
            with Image.open(self._path) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise DriverError("drivers.camera-file", name=self._path.name)
                upright = ImageOps.exif_transpose(picture).convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DriverError("drivers.camera-file", name=self._path.name) from error
        self._frame = Frame(upright.width, upright.height, upright.tobytes())

    def frame(self, timeout_s: float) -> Frame:
        """The file's picture, at once."""
        if self._frame is None:
            raise DriverError("drivers.camera-gone", name=self.label)
        return self._frame

    def close(self) -> None:
        """Forget the picture."""
        self._frame = None


class OpenCvCamera:
    """A camera by its index, by way of OpenCV, which is imported when the camera is opened.

    OpenCV's read can block without end, so a thread of its own reads and the newest frame waits.
    """

    simulated = False

    def __init__(self, index: int, cv2: Any | None = None) -> None:
        self._index = index
        self._cv2 = cv2
        self._frames: queue.Queue[Frame | None] = queue.Queue(maxsize=1)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def label(self) -> str:
        """The camera's number."""
        return f"#{self._index}"

    def open(self) -> None:
        """Open the camera. Raises `drivers.camera-missing`."""
        try:
            cv2 = self._cv2 if self._cv2 is not None else importlib.import_module("cv2")
        except ImportError as error:
            raise DriverError("drivers.camera-missing", name=self.label) from error
        capture = cv2.VideoCapture(self._index)
        if not capture.isOpened():
            capture.release()
            raise DriverError("drivers.camera-missing", name=self.label)
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._read, args=(capture, cv2), name="penward-camera", daemon=True
        )
        self._thread.start()

    def frame(self, timeout_s: float) -> Frame:
        """See `CameraSource`."""
        try:
            frame = self._frames.get(timeout=timeout_s)
        except queue.Empty:
            raise DriverError("drivers.camera-timeout", name=self.label) from None
        if frame is None:
            raise DriverError("drivers.camera-gone", name=self.label)
        return frame

    def close(self) -> None:
        """See `CameraSource`."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(1.0)

    def _read(self, capture: Any, cv2: Any) -> None:
        try:
            while not self._stopping.is_set():
                good, pixels = capture.read()
                if not good:
                    self._offer(None)
                    return
                height, width = pixels.shape[:2]
                self._offer(Frame(width, height, cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).tobytes()))
        finally:
            capture.release()

    def _offer(self, frame: Frame | None) -> None:
        """Replace the frame that waits: an old picture is of no use."""
        with contextlib.suppress(queue.Empty):
            self._frames.get_nowait()
        self._frames.put(frame)


def parse_source(text: str) -> CameraSource:
    """A camera from its command-line form: an index (`0`) or `file:PATH`.

    Raises:
        DriverError: `drivers.camera-option`.
    """
    if text.startswith("file:") and len(text) > 5:
        return FileCamera(Path(text[5:]))
    if text.isascii() and text.isdigit() and len(text) < 4:
        return OpenCvCamera(int(text))
    raise DriverError("drivers.camera-option", option=text)
