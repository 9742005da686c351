"""Sees to the QGuiApplication that Qt's fonts need, where no window program has made one."""

from __future__ import annotations

import threading
from functools import cache

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QGuiApplication

_LOCK = threading.Lock()


def ensure_application() -> QCoreApplication:
    """The application that exists, or a new one that needs no screen.

    A window program makes its own QApplication before it draws its first page; servers, tests and commands
    get one on the `offscreen` platform, which lives as long as the process.
    """
    with _LOCK:
        existing = QCoreApplication.instance()
        return existing if existing is not None else _offscreen()


@cache
def _offscreen() -> QGuiApplication:
    return QGuiApplication(["penward", "-platform", "offscreen"])
