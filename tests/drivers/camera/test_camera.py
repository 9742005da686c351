"""R18: photos from a camera or, marked as simulated, from a file."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from drivers.camera import FileCamera, OpenCvCamera, parse_source, take_still
from drivers.core.errors import DriverError


class _Capture:
    def __init__(self, frames: Iterable[Any], opened: bool) -> None:
        self._frames = iter(frames)
        self._opened = opened
        self.released = False

    def isOpened(self) -> bool:
        return self._opened

    def read(self) -> tuple[bool, Any]:
        time.sleep(0.001)  # a camera has a rate
        pixels = next(self._frames, None)
        return pixels is not None, pixels

    def release(self) -> None:
        self.released = True


class _Cv2:
    COLOR_BGR2RGB = 4

    def __init__(self, frames: Iterable[Any], opened: bool = True) -> None:
        self.capture = _Capture(frames, opened)

    def VideoCapture(self, index: int) -> _Capture:
        return self.capture

    def cvtColor(self, pixels: Any, code: int) -> Any:
        return pixels[:, :, ::-1]


def picture(path: Path, colour: tuple[int, int, int]) -> Path:
    Image.new("RGB", (64, 48), colour).save(path)
    return path


def test_a_file_counts_as_simulated(tmp_path: Path) -> None:
    """R18: a picture from a file says that it is one."""
    source = parse_source(f"file:{picture(tmp_path / 'p.png', (120, 130, 140))}")
    source.open()
    still = take_still(source)
    assert source.simulated
    assert still.simulated
    with Image.open(io.BytesIO(still.jpeg)) as back:
        assert (back.format, back.size) == ("JPEG", (64, 48))


@pytest.mark.parametrize(
    ("colour", "hint"), [((5, 5, 5), "drivers.photo-dark"), ((254, 254, 254), "drivers.photo-bright")]
)
def test_exposure_and_sharpness_are_judged(tmp_path: Path, colour: tuple[int, int, int], hint: str) -> None:
    """R18: a useless photo is told before it is used."""
    source = FileCamera(picture(tmp_path / "p.png", colour))
    source.open()
    assert take_still(source).hints == (hint, "drivers.photo-blurred")


def test_a_sharp_picture_has_no_hints(tmp_path: Path) -> None:
    """R18: an ordinary picture passes."""
    pixels = numpy.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=numpy.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    source = FileCamera(tmp_path / "p.png")
    source.open()
    assert take_still(source).hints == ()


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    """R18: one sentence instead of a stack trace."""
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(DriverError) as raised:
        FileCamera(tmp_path / "x.png").open()
    assert raised.value.code == "drivers.camera-file"


def test_a_camera_delivers_red_green_blue() -> None:
    """R18: OpenCV's B, G, R is turned round, and the camera is released."""
    frame = numpy.zeros((2, 2, 3), dtype=numpy.uint8)
    frame[:, :, 2] = 200
    cv2 = _Cv2(itertools.repeat(frame))
    source = OpenCvCamera(0, cv2)
    source.open()
    assert source.frame(2.0).rgb[:3] == bytes((200, 0, 0))
    source.close()
    assert cv2.capture.released
    assert not source.simulated


def test_a_camera_that_is_missing_or_falls_silent_is_told() -> None:
    """R18: missing and gone are different sentences."""
    with pytest.raises(DriverError) as raised:
        OpenCvCamera(0, _Cv2([], opened=False)).open()
    assert raised.value.code == "drivers.camera-missing"
    source = OpenCvCamera(0, _Cv2([]))
    source.open()
    with pytest.raises(DriverError) as raised:
        source.frame(2.0)
    assert raised.value.code == "drivers.camera-gone"
    source.close()


@pytest.mark.parametrize("text", ["", "file:", "-1", "video0", "99999", "１"])
def test_unknown_camera_options_are_refused(text: str) -> None:
    """R18: the option is checked when the program starts."""
    with pytest.raises(DriverError) as raised:
        parse_source(text)
    assert raised.value.code == "drivers.camera-option"
