"""The hospital's time stamp authority."""

from server_stub.tsa.service import LocalTimeStamper, SerialNumbers

__all__ = ["LocalTimeStamper", "SerialNumbers"]
