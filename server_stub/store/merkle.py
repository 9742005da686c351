"""Merkle tree root over byte strings with SM3 (the tree of RFC 6962 §2.1)."""

from __future__ import annotations

from collections.abc import Sequence

from signing.sm import sm3


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The 32-byte root: leaf = SM3(00 ‖ bytes), node = SM3(01 ‖ left ‖ right), empty tree = SM3()."""
    if not leaves:
        return sm3(b"")
    if len(leaves) == 1:
        return sm3(b"\x00" + leaves[0])
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sm3(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:]))
