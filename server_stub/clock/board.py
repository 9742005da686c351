"""A time board on a serial line: its sentences name the second, its pulse says when the second begins."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import sys
import threading
from typing import Any, Protocol

from server_stub.clock.base import Base
from server_stub.clock.errors import ClockError
from server_stub.clock.measurement import Measurement
from server_stub.clock.nmea import MAX_SENTENCE, Sentence, parse_sentence
from server_stub.clock.packet import NANO

log = logging.getLogger("penward.clock")

PULSE_ERROR = 200e-6  # seconds: an interrupt until a thread of ours has read the clock
PULSE_NOISE = 50e-6
LINE_DELAY, LINE_ERROR, LINE_NOISE = 0.3, 0.35, 0.05  # seconds from the second to the sentence's first byte
FRESH_NS = 3 * NANO
FIX_NS = 10 * NANO
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Transport(Protocol):
    """A serial line."""

    def read(self) -> bytes:
        """What has come; nothing after a short wait. Raises OSError when the line is gone."""

    def pulse(self) -> int | None:
        """When the last pulse came, on the local base in nanoseconds; None without one."""

    def close(self) -> None:
        """Give the line back."""


class SentenceReader:
    """Cuts a stream into sentences and knows when each one's first byte came."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._began = 0

    def feed(self, data: bytes, base_ns: int) -> list[tuple[bytes, int]]:
        """The whole lines, each with the base time at which its `$` was read."""
        found = []
        for octet in data:
            if octet == 0x24:  # $
                self._line.clear()
                self._began = base_ns
            if len(self._line) > MAX_SENTENCE:
                self._line.clear()
            if octet == 0x24 or self._line:
                self._line.append(octet)
            if octet == 0x0A and self._line:
                found.append((bytes(self._line), self._began))
                self._line.clear()
        return found


class TimeBoard:
    """Listens in a thread; `poll` gives the newest measurement once.

    With a pulse, the second that a sentence names began at the last pulse before it. Without one, the
    sentence itself is the measurement, good to about a third of a second.
    """

    def __init__(self, transport: Transport, base: Base, *, name: str = "board") -> None:
        self.name = name
        self._transport = transport
        self._base = base
        self._reader = SentenceReader()
        self._lock = threading.Lock()
        self._newest: Measurement | None = None
        self._had_fix: int | None = None
        self._satellites: int | None = None
        self._problem = "no sentence yet"
        self._with_pulse = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="penward-board", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening and give the line back."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._transport.close()

    def poll(self) -> Measurement | None:
        """The newest measurement that was not given yet and is not older than three seconds."""
        with self._lock:
            newest, self._newest = self._newest, None
        if newest is None or self._base.read() - newest.base_ns > FRESH_NS:
            return None
        return newest

    def describe(self) -> dict[str, object]:
        """What is told of the board."""
        with self._lock:
            return {
                "name": self.name,
                "kind": "pps" if self._with_pulse else "nmea",
                "problem": self._problem,
                "satellites": self._satellites,
            }

    def feed(self, data: bytes, base_ns: int) -> None:
        """Take what the line brought at `base_ns`."""
        for line, began in self._reader.feed(data, base_ns):
            try:
                sentence = parse_sentence(line)
            except ClockError as error:
                with self._lock:
                    self._problem = f"bad sentence: {error.params['problem']}"
                continue
            with self._lock:
                self._take(sentence, began)

    def _take(self, sentence: Sentence, began: int) -> None:
        if sentence.kind == "GGA":
            self._satellites = sentence.satellites
        if sentence.kind in {"GGA", "RMC"}:
            if not sentence.valid:
                self._had_fix, self._problem = None, "no fix"
                return
            self._had_fix = began
        if sentence.moment is None or self._had_fix is None or began - self._had_fix > FIX_NS:
            return
        utc_ns = (sentence.moment - _EPOCH) // dt.timedelta(microseconds=1) * 1000
        self._problem = ""
        pulse = self._transport.pulse()
        whole = utc_ns % NANO == 0
        self._with_pulse = pulse is not None and whole and 0 < began - pulse < 0.95 * NANO
        if self._with_pulse and pulse is not None:
            measured = Measurement(self.name, pulse, utc_ns, PULSE_NOISE, PULSE_ERROR)
        else:
            shifted = utc_ns + round(LINE_DELAY * NANO)
            measured = Measurement(self.name, began, shifted, LINE_NOISE, LINE_ERROR)
        self._newest = measured

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                data = self._transport.read()
            except OSError as error:
                with self._lock:
                    self._problem = "line lost"
                log.warning("the time board's line is lost: %s", error)
                return
            if data:
                self.feed(data, self._base.read())


class SerialTransport:
    """pyserial; the pulse comes on the carrier-detect line (DCD), which Linux can wait for."""

    def __init__(self, port: str, base: Base, *, baud: int = 9600) -> None:
        """Open.

        Raises:
            ClockError: `clock.serial-missing`, `clock.board-unreachable`.
        """
        try:
            import serial
        except ImportError as error:
            raise ClockError("clock.serial-missing") from error
        self._base = base
        self._last: int | None = None
        try:
            self._serial: Any = serial.Serial(port, baud, timeout=0.2)
        except (OSError, ValueError) as error:
            raise ClockError("clock.board-unreachable", port=port) from error
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._pulses, name="penward-pps", daemon=True)
        self._thread.start()

    def read(self) -> bytes:
        """`Transport`."""
        first = bytes(self._serial.read(1))
        return first + bytes(self._serial.read(self._serial.in_waiting)) if first else b""

    def pulse(self) -> int | None:
        """`Transport`."""
        last = self._last
        return last if last is not None and self._base.read() - last < 2 * NANO else None

    def close(self) -> None:
        """`Transport`; the pulse thread ends at the line's next change, or with the process."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._serial.close()

    def _pulses(self) -> None:
        """Note when DCD rises, as long as the line can tell (a pseudo-terminal cannot)."""
        if sys.platform != "linux":
            return
        import fcntl
        import termios

        wait_for_change, carrier = 0x545C, 0x40  # TIOCMIWAIT, TIOCM_CAR
        while not self._closing.is_set():
            try:
                fcntl.ioctl(self._serial.fileno(), wait_for_change, carrier)
                moment = self._base.read()
                state = fcntl.ioctl(self._serial.fileno(), termios.TIOCMGET, b"\0\0\0\0")
            except (OSError, TypeError, ValueError):  # no such line here, or it was closed
                return
            if int.from_bytes(state, sys.byteorder) & carrier:
                self._last = moment
