"""Qt's own keyboard and mouse simulation, for the demonstration drive and the tests."""

from PySide6.QtTest import QTest

__all__ = ["QTest"]
