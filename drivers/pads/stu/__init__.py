"""Wacom STU signature pads over HID (devices.md §1.1–1.4)."""

from drivers.pads.stu.device import StuPad, find_pads, open_first

__all__ = ["StuPad", "find_pads", "open_first"]
