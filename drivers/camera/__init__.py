"""Cameras: sources of frames, and a still picture with a measure of how usable it is."""

from drivers.camera.source import CameraSource, FileCamera, Frame, OpenCvCamera, parse_source
from drivers.camera.still import Still, take_still

__all__ = [
    "CameraSource",
    "FileCamera",
    "Frame",
    "OpenCvCamera",
    "Still",
    "parse_source",
    "take_still",
]
