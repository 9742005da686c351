"""The 48-byte NTP packet as SNTP uses it (RFC 4330 §4, RFC 5905 §7.3), and its 64-bit time stamps."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from server_stub.clock.errors import ClockError

SIZE = 48
MAX_SIZE = 1024
CLIENT, SERVER = 3, 4
UNSYNCHRONISED = 3
MAX_STRATUM = 15
NANO = 1_000_000_000

_LAYOUT = struct.Struct(">BBbbII4sQQQQ")
_UNIX_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_SECONDS_MASK = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. `root_delay` and `root_dispersion` in seconds, the four time stamps as 64-bit numbers."""

    leap: int = 0
    version: int = 4
    mode: int = CLIENT
    stratum: int = 0
    poll: int = 0
    precision: int = 0
    root_delay: float = 0.0
    root_dispersion: float = 0.0
    reference_id: bytes = b"\0\0\0\0"
    reference: int = 0
    origin: int = 0
    receive: int = 0
    transmit: int = 0

    @property
    def kiss(self) -> str:
        """The code of a kiss-o'-death (RFC 4330 §8), or nothing."""
        if self.stratum != 0:
            return ""
        return "".join(chr(octet) if 32 < octet < 127 else "?" for octet in self.reference_id)


def encode(packet: Packet) -> bytes:
    """48 bytes; delays are cut to what 16.16 bits hold."""
    return _LAYOUT.pack(
        packet.leap << 6 | packet.version << 3 | packet.mode,
        packet.stratum,
        packet.poll,
        packet.precision,
        _short(packet.root_delay),
        _short(packet.root_dispersion),
        packet.reference_id,
        packet.reference,
        packet.origin,
        packet.receive,
        packet.transmit,
    )


def decode(data: bytes) -> Packet:
    """The first 48 bytes; what follows (extension fields, MAC) is not read.

    Raises:
        ClockError: `clock.bad-packet`: shorter than 48 bytes, longer than 1 KiB, or a version outside 1 to 4.
    """
    if not SIZE <= len(data) <= MAX_SIZE:
        raise ClockError("clock.bad-packet", problem=f"{len(data)} bytes")
    first, stratum, poll, precision, delay, dispersion, reference_id, *stamps = _LAYOUT.unpack_from(data)
    version = first >> 3 & 7
    if not 1 <= version <= 4:
        raise ClockError("clock.bad-packet", problem=f"version {version}")
    return Packet(
        first >> 6,
        version,
        first & 7,
        stratum,
        poll,
        precision,
        delay / 65536,
        dispersion / 65536,
        reference_id,
        *stamps,
    )


def to_stamp(unix_ns: int) -> int:
    """The NTP time stamp of a time in nanoseconds since 1970 UTC; the era is lost, as in every packet."""
    seconds, rest = divmod(unix_ns, NANO)
    return (seconds + _UNIX_EPOCH & _SECONDS_MASK) << 32 | (rest << 32) // NANO


def from_stamp(stamp: int) -> int:
    """Nanoseconds since 1970 UTC, rounded; first bit 0 means after 2036 (RFC 4330 §3)."""
    seconds = stamp >> 32
    if seconds < 1 << 31:
        seconds += 1 << 32
    return (seconds - _UNIX_EPOCH) * NANO + (((stamp & _SECONDS_MASK) * NANO + (1 << 31)) >> 32)


def _short(seconds: float) -> int:
    return min(max(round(seconds * 65536), 0), 0xFFFF_FFFF)
