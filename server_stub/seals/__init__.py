"""The hospital's seal-maker."""

from server_stub.seals.service import seal_maker

__all__ = ["seal_maker"]
