"""Fixtures: a demo hospital and its app in this process."""

from tests.support.server import hospital, made_hospital, server

__all__ = ["hospital", "made_hospital", "server"]
