"""SM3, HMAC-SM3 (GM/T 0004-2012, GB/T 32905) and the KDF of GM/T 0003 over `cryptography`."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes, hmac

from signing.sm.errors import SmError

SM3_SIZE = 32
MAX_KDF = 1024 * 1024


class Sm3:
    """Incremental SM3. `digest` may be called at any time, more data may follow it."""

    name = "sm3"
    digest_size = SM3_SIZE

    def __init__(self, data: bytes = b"", *, _state: hashes.Hash | None = None) -> None:
        self._state = hashes.Hash(hashes.SM3()) if _state is None else _state
        if data:
            self._state.update(data)

    def update(self, data: bytes) -> None:
        """Append `data` to the message."""
        self._state.update(data)

    def copy(self) -> Sm3:
        """An independent hash of the same message so far."""
        return Sm3(_state=self._state.copy())

    def digest(self) -> bytes:
        """The 32 bytes of the message so far."""
        return self._state.copy().finalize()

    def hexdigest(self) -> str:
        """The digest as 64 lower-case hexadecimal digits."""
        return self.digest().hex()


def new_sm3(data: bytes = b"") -> Sm3:
    """A new incremental SM3 over `data`."""
    return Sm3(data)


def sm3(data: bytes) -> bytes:
    """SM3 of `data`, 32 bytes."""
    state = hashes.Hash(hashes.SM3())
    state.update(data)
    return state.finalize()


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """HMAC-SM3 of `data` under `key` of any length, 32 bytes; compare with `hmac.compare_digest`."""
    mac = hmac.HMAC(key, hashes.SM3())
    mac.update(data)
    return mac.finalize()


def kdf(shared: bytes, size: int) -> bytes:
    """The key derivation function of GM/T 0003.4 §5.4.3: `size` bytes (1 to 1 MiB) of SM3(Z ‖ counter).

    Raises:
        SmError: `sm.bad-kdf-size`.
    """
    if not 1 <= size <= MAX_KDF:
        raise SmError("sm.bad-kdf-size", size=size, limit=MAX_KDF)
    start = new_sm3(shared)
    blocks = []
    for counter in range(1, -(-size // SM3_SIZE) + 1):
        state = start.copy()
        state.update(counter.to_bytes(4, "big"))
        blocks.append(state.digest())
    return b"".join(blocks)[:size]
