"""R10: the Qt that is installed, and the application that painting needs."""

from __future__ import annotations

import os
import subprocess
import sys

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QImage, QPainter

from signing.ofd.painters.application import ensure_application


def test_void_methods_keep_the_references_to_none() -> None:
    """R10: PySide6 6.12.0 loses one reference to None a call on Python 3.11 and aborts in the end."""
    ensure_application()
    image = QImage(4, 4, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    before = sys.getrefcount(None)
    for _ in range(2000):
        painter.translate(0.0, 0.0)
    after = sys.getrefcount(None)
    painter.end()
    assert after - before > -1000


def test_the_application_is_made_once() -> None:
    """R10: and an existing one is used."""
    assert ensure_application() is ensure_application()
    assert QCoreApplication.instance() is not None


def test_pages_are_drawn_without_any_screen() -> None:
    """R10, R58: a server has no display and sets no platform."""
    environment = {
        k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    script = (
        "from tests.signing.ofd.micro import micro, fill, SQUARE\n"
        "from signing.ofd.painters.qt import render_png\n"
        "assert render_png(micro(fill('255 0 0', SQUARE)), 0, 30).startswith(b'\\x89PNG')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
