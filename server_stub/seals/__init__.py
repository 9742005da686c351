"""The hospital's seal-maker."""

from server_stub.seals.service import SealMaker

__all__ = ["SealMaker"]
