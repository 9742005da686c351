"""A simulated Wacom STU-540: a state machine over the published reports, byte for byte.

It answers feature reports as devices.md §1.3 describes them (status and error codes, inking, image
upload by blocks, clear, capture) and plays pen movements as reports 0x34 or 0x01, in the time in
which they were written or as fast as they are read. Faults can be injected.
"""

from __future__ import annotations

import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drivers.pads.stu import images
from drivers.pads.stu.reports import (
    FEATURE_SIZE,
    Capability,
    Encoding,
    Information,
    PenDataOptionMode,
    PenReport,
    ReportId,
    State,
    Status,
    encode_pen,
)
from drivers.sim.strokes import PenPoint

CAPABILITY = Capability(
    10800, 6480, 1023, 800, 480, 200, 2540, Encoding.ZLIB | Encoding.MONO | Encoding.RGB565 | Encoding.BGR24
)
INFORMATION = Information("STU-540", 1, 8, 0, 0)
WRONG_REPORT, WRONG_STATE, WRONG_ENCODING, IMAGE_TOO_LONG, ZLIB_ERROR, WRONG_PARAMETERS = 1, 2, 16, 17, 18, 21
START_ZLIB_MONO, BULK = 1, 0x10


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong, by number of the report since the pad was plugged in (0 is the first).

    A report in `lose` is made (its sequence number is used up) but never delivered; one in
    `duplicate` comes twice; after `unplug_after` reports the pad is gone.
    """

    lose: frozenset[int] = frozenset()
    duplicate: frozenset[int] = frozenset()
    unplug_after: int | None = None


@dataclass(slots=True)
class _Upload:
    start: int
    data: bytearray = field(default_factory=bytearray)


class SimulatedStu540:
    """The device end (`Peer`) of a loopback connection. Thread-safe.

    Attributes: `lcd` holds what the display shows as RGB bytes (None: background), `inking` whether
    the pad draws ink itself, `clears` how often the screen was cleared.
    """

    def __init__(
        self,
        *,
        uid: int = 0x00C0FFEE,
        faults: Faults | None = None,
        realtime: bool = True,
        sequence_start: int = 0,
        time_start: int = 0,
        tick_us: int = 5_000,
        capability: Capability = CAPABILITY,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lcd: bytes | None = None
        self.inking = False
        self.clears = 0
        self._uid = uid
        self._faults = faults or Faults()
        self._realtime = realtime
        self._sequence = sequence_start
        self._ticks = time_start
        self._tick_us = tick_us
        self._capability = capability
        self._monotonic = monotonic
        self._option = PenDataOptionMode.NONE
        self._state = State.READY
        self._result = 0
        self._upload: _Upload | None = None
        self._made = 0
        self._plugged = True
        self._pending: deque[tuple[float, PenPoint, int]] = deque()
        self._ready: deque[bytes] = deque()
        self._changed = threading.Condition()

    # What a hand does

    def write(self, points: Sequence[PenPoint]) -> None:
        """Move the pen along `points`; their times count from now (or from the end of what is pending)."""
        with self._changed:
            now = self._monotonic()
            begin = max(now, self._pending[-1][0]) if self._pending else now
            base = self._pending[-1][2] + 1 if self._pending else self._ticks
            for point in points:
                ticks = base + point.time_us // self._tick_us
                self._pending.append((begin + point.time_us / 1e6, point, ticks))
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether everything that was written has been read by the host."""
        with self._changed:
            return not self._plugged or not (self._pending or self._ready)

    def unplug(self) -> None:
        """Pull the cable; what the host has not read yet is lost."""
        with self._changed:
            self._plugged = False
            self._changed.notify_all()

    def plug(self) -> None:
        """Put the cable back: the pad starts anew, with its counters where a restart leaves them."""
        with self._changed:
            self._plugged, self._state, self._result = True, State.READY, 0
            self._pending.clear()
            self._ready.clear()
            self._option, self.inking, self.lcd, self._upload = PenDataOptionMode.NONE, False, None, None
            self._sequence = self._ticks = 0
            self._faults = Faults()

    # Peer

    def next_input(self, timeout_ms: int) -> bytes | None:
        """See `Peer`."""
        deadline = self._monotonic() + timeout_ms / 1000
        with self._changed:
            while True:
                if self._ready:
                    return self._ready.popleft()
                if not self._plugged:
                    return b""
                now = self._monotonic()
                if self._pending and (not self._realtime or self._pending[0][0] <= now):
                    _, point, ticks = self._pending.popleft()
                    self._emit(point, ticks)
                    continue
                until = min(deadline, self._pending[0][0]) if self._pending else deadline
                if now >= deadline:
                    return None
                self._changed.wait(max(0.0, until - now))

    def feature_get(self, report_id: int) -> bytes | None:
        """See `Peer`."""
        with self._changed:
            if not self._plugged:
                return None
            answers: dict[int, Callable[[], bytes]] = {
                ReportId.STATUS: lambda: Status(self._state, self._result, 0).encode(),
                ReportId.INFORMATION: INFORMATION.encode,
                ReportId.CAPABILITY: self._capability.encode,
                ReportId.UID: lambda: bytes([ReportId.UID]) + self._uid.to_bytes(4, "big"),
                ReportId.ESERIAL: lambda: bytes([ReportId.ESERIAL]) + b"SIMULATED-540",
                ReportId.INKING_MODE: lambda: bytes([ReportId.INKING_MODE, self.inking]),
                ReportId.PEN_DATA_OPTION_MODE: lambda: bytes([ReportId.PEN_DATA_OPTION_MODE, self._option]),
            }
            if report_id not in answers:
                self._result = WRONG_REPORT
                return bytes([report_id])
            return answers[report_id]()

    def feature_set(self, report: bytes) -> bool:
        """See `Peer`."""
        with self._changed:
            if not self._plugged:
                return False
            self._result = self._command(report)
            return True

    # Inside

    def _command(self, report: bytes) -> int:
        commands: dict[int, Callable[[bytes], int]] = {
            ReportId.RESET: self._reset,
            ReportId.CLEAR_SCREEN: self._clear,
            ReportId.INKING_MODE: self._set_inking,
            ReportId.PEN_DATA_OPTION_MODE: self._set_option,
            ReportId.START_CAPTURE: self._start_capture,
            ReportId.END_CAPTURE: self._end_capture,
            ReportId.START_IMAGE_DATA: self._start_image,
            ReportId.IMAGE_DATA_BLOCK: self._block,
            ReportId.END_IMAGE_DATA: self._end_image,
        }
        command = commands.get(report[0]) if report else None
        if command is None:
            return WRONG_REPORT
        if len(report) != 1 + FEATURE_SIZE[ReportId(report[0])]:
            return WRONG_PARAMETERS
        return command(report[1:])

    def _reset(self, _payload: bytes) -> int:
        self._state, self._upload, self.inking, self.lcd = State.READY, None, False, None
        return 0

    def _clear(self, _payload: bytes) -> int:
        if self._state is State.IMAGE:
            return WRONG_STATE
        self.lcd = None
        self.clears += 1
        return 0

    def _set_inking(self, payload: bytes) -> int:
        if payload[0] > 1:
            return WRONG_PARAMETERS
        self.inking = bool(payload[0])
        return 0

    def _set_option(self, payload: bytes) -> int:
        if payload[0] not in list(PenDataOptionMode):
            return WRONG_PARAMETERS
        self._option = PenDataOptionMode(payload[0])
        return 0

    def _start_capture(self, _payload: bytes) -> int:
        if self._state is not State.READY:
            return WRONG_STATE
        self._state = State.CAPTURE
        return 0

    def _end_capture(self, _payload: bytes) -> int:
        if self._state is not State.CAPTURE:
            return WRONG_STATE
        self._state = State.READY
        return 0

    def _start_image(self, payload: bytes) -> int:
        if self._state is not State.READY:
            return WRONG_STATE
        if payload[0] & ~BULK not in (0, START_ZLIB_MONO, images.START_RGB565, images.START_BGR24):
            return WRONG_ENCODING
        self._state, self._upload = State.IMAGE, _Upload(payload[0] & ~BULK)
        return 0

    def _block(self, payload: bytes) -> int:
        if self._state is not State.IMAGE or self._upload is None:
            return WRONG_STATE
        (length,) = struct.unpack_from("<H", payload)
        if length > images.BLOCK_DATA:
            return WRONG_PARAMETERS
        self._upload.data += payload[2 : 2 + length]
        start = self._upload.start
        limit = self._screen_size(0 if start == START_ZLIB_MONO else start)
        return IMAGE_TOO_LONG if len(self._upload.data) > limit else 0

    def _end_image(self, payload: bytes) -> int:
        upload, self._upload = self._upload, None
        if self._state is not State.IMAGE or upload is None:
            return WRONG_STATE
        self._state = State.READY
        if payload[0]:
            return 0
        data, start = bytes(upload.data), upload.start
        if start == START_ZLIB_MONO:
            try:
                data, start = zlib.decompressobj().decompress(data, self._screen_size(0)), 0
            except zlib.error:
                return ZLIB_ERROR
        if len(data) > self._screen_size(start):
            return IMAGE_TOO_LONG
        data = data.ljust(self._screen_size(start), b"\xff")
        self.lcd = images.decode(data, self._capability.screen_width, self._capability.screen_height, start)
        return 0

    def _screen_size(self, start: int) -> int:
        return images.encoded_size(self._capability.screen_width, self._capability.screen_height, start)

    def _emit(self, point: PenPoint, ticks: int) -> None:
        number, self._made = self._made, self._made + 1
        self._ticks = ticks
        switches = 1 if point.pressure else 0
        time_count = sequence = None
        if self._option is PenDataOptionMode.TIME_AND_SEQUENCE:
            time_count, sequence = ticks & 0xFFFF, self._sequence & 0xFFFF
        self._sequence += 1
        report = encode_pen(
            PenReport(point.in_range, switches, point.pressure, point.x, point.y, time_count, sequence)
        )
        if number not in self._faults.lose:
            self._ready.append(report)
        if number in self._faults.duplicate:
            self._ready.append(report)
        if self._faults.unplug_after is not None and self._made >= self._faults.unplug_after:
            self._plugged = False
