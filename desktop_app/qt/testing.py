"""Qt's own keyboard and mouse simulation, for the demonstration drive and the tests."""

from __future__ import annotations

import time

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

PAUSE_S = 0.004


def wait(seconds: float) -> None:
    """Let the windows live for a while. Unlike `QTest.qWait` this leaves other Python threads their turn."""
    deadline = time.monotonic() + seconds
    while True:
        QApplication.processEvents()
        left = deadline - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(PAUSE_S, left))


__all__ = ["QTest", "wait"]
