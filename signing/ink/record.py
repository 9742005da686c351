"""The binary ink record: versioned, little-endian, written in pieces and read strictly.

Layout: `docs/ink-format.md`. A record is header ‖ samples ‖ trailer. The header does not hold the
number of samples, so a journal may store header and samples as they come and the concatenation is,
byte for byte, the record that is digested.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from signing.ink.errors import InkError
from signing.ink.model import (
    KNOWN_FLAGS,
    MAX_SAMPLES,
    MAX_STRING_BYTES,
    NO_SEQUENCE,
    SEQUENCE_MODULUS,
    InkDevice,
    InkRecord,
    Sample,
)

MAGIC = b"PWINK\r\n\x1a"
TRAILER_MAGIC = b"PWEND\r\n\x1a"
VERSION = 1

_FIXED = struct.Struct("<8sHHqIIIIIIII")
_SAMPLE = struct.Struct("<qqiiiIi")
_TRAILER = struct.Struct("<8sI")

_SIMULATED = 1
_MAX_HEADER = _FIXED.size + 4 * (1 + MAX_STRING_BYTES)
MAX_RECORD_BYTES = _MAX_HEADER + MAX_SAMPLES * _SAMPLE.size + _TRAILER.size
"""The longest record that is read or written, in bytes."""

_DIMENSION_LIMIT = 1 << 31
_I32 = 1 << 31
_I64 = 1 << 63
_AREA_LIMIT_UM = 10_000_000


class InkWriter:
    """Writes one record in pieces: `header`, then any number of `append`, then `finish`.

    The concatenation of everything it returned equals `encode_record` of the same data.
    """

    def __init__(self, device: InkDevice, *, started_at_us: int) -> None:
        """Raises InkError when the description breaks a limit."""
        self._header = _encode_header(device, started_at_us)
        self._count = 0
        self._finished = False

    @property
    def header(self) -> bytes:
        """The bytes that come first."""
        return self._header

    @property
    def count(self) -> int:
        """How many samples were appended so far."""
        return self._count

    def append(self, samples: Iterable[Sample]) -> bytes:
        """The bytes of further samples.

        Raises:
            InkError: a value does not fit, there are too many samples, or the record is finished.
        """
        if self._finished:
            raise InkError("ink.record-finished")
        pieces: list[bytes] = []
        count = self._count
        for sample in samples:
            if count >= MAX_SAMPLES:
                raise InkError("ink.too-many-samples", limit=MAX_SAMPLES)
            _check_sample(count, sample)
            pieces.append(_SAMPLE.pack(*sample))
            count += 1
        self._count = count
        return b"".join(pieces)

    def finish(self) -> bytes:
        """The bytes that come last; nothing can be appended after."""
        if self._finished:
            raise InkError("ink.record-finished")
        self._finished = True
        return _TRAILER.pack(TRAILER_MAGIC, self._count)


def encode_record(device: InkDevice, samples: Sequence[Sample], *, started_at_us: int) -> bytes:
    """The record of a whole capture (`docs/ink-format.md`).

    Raises:
        InkError: a value or a count breaks a limit of the format.
    """
    writer = InkWriter(device, started_at_us=started_at_us)
    return b"".join((writer.header, writer.append(samples), writer.finish()))


def decode_record(data: bytes) -> InkRecord:
    """Read a whole record; `encode_record` of the result gives `data` again.

    Raises:
        InkError: the bytes are not exactly one record of a known version within the limits.
    """
    device, started_at_us, offset = _decode_header(data)
    body = len(data) - offset - _TRAILER.size
    if body < 0:
        raise InkError("ink.truncated")
    magic, count = _TRAILER.unpack_from(data, len(data) - _TRAILER.size)
    if magic != TRAILER_MAGIC:
        raise InkError("ink.truncated")
    if count > MAX_SAMPLES:
        raise InkError("ink.too-many-samples", limit=MAX_SAMPLES)
    if body != count * _SAMPLE.size:
        raise InkError("ink.count-mismatch", announced=count)
    samples = _decode_samples(data, offset, count)
    return InkRecord(device, samples, started_at_us)


def decode_unfinished(data: bytes) -> InkRecord:
    """Read a record whose trailer was never written: header and whole samples, as a journal holds them.

    Raises:
        InkError: as `decode_record`; also when the last sample is not whole.
    """
    device, started_at_us, offset = _decode_header(data)
    count, rest = divmod(len(data) - offset, _SAMPLE.size)
    if rest:
        raise InkError("ink.truncated")
    if count > MAX_SAMPLES:
        raise InkError("ink.too-many-samples", limit=MAX_SAMPLES)
    return InkRecord(device, _decode_samples(data, offset, count), started_at_us)


def _encode_header(device: InkDevice, started_at_us: int) -> bytes:
    _check_device(device, started_at_us)
    fixed = _FIXED.pack(
        MAGIC,
        VERSION,
        _SIMULATED if device.simulated else 0,
        started_at_us,
        device.max_x,
        device.max_y,
        device.max_pressure,
        device.width_um,
        device.height_um,
        device.rate_hz,
        device.time_unit_us,
        0,
    )
    pieces = [fixed]
    for name in ("kind", "model", "serial", "firmware"):
        try:
            text = getattr(device, name).encode("utf-8")
        except UnicodeEncodeError:
            raise InkError("ink.bad-text", field=name) from None
        if len(text) > MAX_STRING_BYTES:
            raise InkError("ink.text-too-long", field=name, limit=MAX_STRING_BYTES)
        pieces.append(bytes((len(text),)))
        pieces.append(text)
    return b"".join(pieces)


def _decode_header(data: bytes) -> tuple[InkDevice, int, int]:
    if len(data) > MAX_RECORD_BYTES:
        raise InkError("ink.too-large", limit=MAX_RECORD_BYTES)
    if data[: len(MAGIC)] != MAGIC:
        raise InkError("ink.not-a-record")
    if len(data) < _FIXED.size:
        raise InkError("ink.truncated")
    (_, version, flags, started_at_us, max_x, max_y, max_pressure, width_um, height_um, rate_hz,
     time_unit_us, reserved) = _FIXED.unpack_from(data)  # fmt: skip
    if version != VERSION:
        raise InkError("ink.unknown-version", version=version)
    if flags & ~_SIMULATED or reserved:
        raise InkError("ink.reserved-bits")
    offset = _FIXED.size
    texts: list[str] = []
    for name in ("kind", "model", "serial", "firmware"):
        if offset >= len(data):
            raise InkError("ink.truncated")
        end = offset + 1 + data[offset]
        if end > len(data):
            raise InkError("ink.truncated")
        try:
            texts.append(data[offset + 1 : end].decode("utf-8"))
        except UnicodeDecodeError:
            raise InkError("ink.bad-text", field=name) from None
        offset = end
    device = InkDevice(
        kind=texts[0],
        model=texts[1],
        serial=texts[2],
        firmware=texts[3],
        max_x=max_x,
        max_y=max_y,
        max_pressure=max_pressure,
        width_um=width_um,
        height_um=height_um,
        rate_hz=rate_hz,
        time_unit_us=time_unit_us,
        simulated=bool(flags & _SIMULATED),
    )
    _check_device(device, started_at_us)
    return device, started_at_us, offset


def _decode_samples(data: bytes, offset: int, count: int) -> tuple[Sample, ...]:
    body = memoryview(data)[offset : offset + count * _SAMPLE.size]
    samples = tuple(map(Sample._make, _SAMPLE.iter_unpack(body)))
    for index, sample in enumerate(samples):
        _check_sample(index, sample)
    return samples


def _check_device(device: InkDevice, started_at_us: int) -> None:
    _check_range("started_at_us", started_at_us, 0, _I64)
    for name in ("max_x", "max_y"):
        _check_range(name, getattr(device, name), 1, _DIMENSION_LIMIT)
    for name in ("width_um", "height_um"):
        _check_range(name, getattr(device, name), 1, _AREA_LIMIT_UM + 1)
    for name in ("max_pressure", "rate_hz", "time_unit_us"):
        _check_range(name, getattr(device, name), 0, _DIMENSION_LIMIT)


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value < high:
        raise InkError("ink.value-out-of-range", field=name)


def _check_sample(index: int, sample: Sample) -> None:
    device_time, host_time, x, y, pressure, flags, sequence = sample
    if not (
        -_I64 <= device_time < _I64
        and -_I64 <= host_time < _I64
        and -_I32 <= x < _I32
        and -_I32 <= y < _I32
        and 0 <= pressure < _I32
        and not flags & ~KNOWN_FLAGS
        and NO_SEQUENCE <= sequence < SEQUENCE_MODULUS
    ):
        raise InkError("ink.bad-sample", index=index)
