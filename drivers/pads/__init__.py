"""Signature pads, one folder a family."""
