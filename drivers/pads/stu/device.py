"""One STU pad: what it is, inking, its display, and the reader thread that turns reports into samples."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable

from drivers.core.errors import DriverError
from drivers.core.pad import PadEvent, PadEventKind, Screen
from drivers.core.queue import BatchQueue
from drivers.pads.stu import images
from drivers.pads.stu.decoder import PenDecoder
from drivers.pads.stu.reports import (
    FEATURE_SIZE,
    PRODUCTS,
    VENDOR_WACOM,
    Capability,
    Encoding,
    Information,
    PenDataOptionMode,
    ReportId,
    Status,
)
from drivers.transport.base import HidAddress, HidTransport
from drivers.transport.hid import HidBus
from signing.ink import InkDevice, Sample

LOG = logging.getLogger("penward.drivers")
TICK_US = 5_000
"""The time counter of report 0x34 goes on 200 times a second (devices.md §0.2)."""
READ_TIMEOUT_MS = 100
LINES_PER_INCH = 2540
JOIN_TIMEOUT_S = 2.0


def host_time_us() -> int:
    """Monotonic host clock in µs, for `Sample.host_time_us`."""
    return time.monotonic_ns() // 1000


class StuPad:
    """A STU pad that is open; `PenPad`. One reader thread runs between `start` and `stop`.

    Raises, from every method but `stop` and `close`: `DriverError` with the pad's own error code as
    a sentence, or `drivers.device-gone`.
    """

    def __init__(
        self,
        transport: HidTransport,
        *,
        serial: str = "",
        simulated: bool = False,
        tick_us: int = TICK_US,
        host_clock: Callable[[], int] = host_time_us,
    ) -> None:
        self._transport = transport
        self._host_clock = host_clock
        self._tick_us = tick_us
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._queue: BatchQueue[Sample | PadEvent] = BatchQueue()
        self._shown: bytes | None = None
        self.information = Information.decode(self._get(ReportId.INFORMATION))
        self.capability = Capability.decode(self._get(ReportId.CAPABILITY))
        self._device = self._describe(serial, simulated)
        LOG.info("pad open: %s", self._device)

    @property
    def device(self) -> InkDevice:
        """See `PenPad`."""
        return self._device

    @property
    def screen(self) -> Screen | None:
        """See `PenPad`."""
        capability = self.capability
        colour = bool(capability.encodings & (Encoding.RGB565 | Encoding.BGR24))
        return Screen(capability.screen_width, capability.screen_height, colour)

    def status(self) -> Status:
        """The pad's state and the result of the last command."""
        return Status.decode(self._get(ReportId.STATUS))

    def start(self, on_ready: Callable[[], None]) -> None:
        """See `PenPad`: asks for time and sequence in every pen report, turns the inking on, reads."""
        self.stop()
        try:
            self._set(ReportId.PEN_DATA_OPTION_MODE, bytes([PenDataOptionMode.TIME_AND_SEQUENCE]))
        except DriverError as error:
            if error.gone:
                raise
            LOG.info("%s has no pen data options: time is the host's", self.information.model)
        if self._shown is None:
            self._set(ReportId.CLEAR_SCREEN, b"\x00")
        self._set(ReportId.INKING_MODE, b"\x01")
        self._queue = BatchQueue(on_ready=on_ready)
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._read, args=(self._queue,), name="penward-stu", daemon=True
        )
        self._thread.start()

    def drain(self) -> tuple[list[Sample], list[PadEvent]]:
        """See `PenPad`."""
        samples: list[Sample] = []
        events: list[PadEvent] = []
        for item in self._queue.drain():
            if isinstance(item, PadEvent):
                events.append(item)
            else:
                samples.append(item)
        if self._queue.refused:
            code = "drivers.pad-queue-overflow"
            params = {"count": self._queue.refused}
            events.append(PadEvent(PadEventKind.QUEUE_OVERFLOW, code, params, spoils_ink=True))
        return samples, events

    def show(self, rgb: bytes) -> None:
        """See `PenPad`. A picture that is on the display already is not sent again."""
        capability = self.capability
        digest = hashlib.sha256(rgb).digest()
        if digest == self._shown:
            self.clear()
            return
        start = images.best_encoding(capability)
        data = images.encode(rgb, capability.screen_width, capability.screen_height, start)
        self._shown = None
        self._set(ReportId.START_IMAGE_DATA, bytes([start]))
        for block in images.blocks(data):
            self._transport.send_feature(block)
        self._set(ReportId.END_IMAGE_DATA, b"\x00")
        self._shown = digest

    def clear(self) -> None:
        """See `PenPad`. Inking off and on again takes only the ink away; a pad without picture is cleared."""
        if self._shown is None:
            self._set(ReportId.CLEAR_SCREEN, b"\x00")
            return
        inking = self._get(ReportId.INKING_MODE)[1]
        self._set(ReportId.INKING_MODE, b"\x00")
        if inking:
            self._set(ReportId.INKING_MODE, b"\x01")

    def blank(self) -> None:
        """Take ink and picture off the display."""
        self._shown = None
        self._set(ReportId.CLEAR_SCREEN, b"\x00")

    def stop(self) -> None:
        """See `PenPad`."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.set()
        thread.join(JOIN_TIMEOUT_S)
        try:
            self._set(ReportId.INKING_MODE, b"\x00")
            self.blank()
        except DriverError as error:
            LOG.info("pad was not put to rest: %s", error)

    def close(self) -> None:
        """See `PenPad`."""
        self.stop()
        self._transport.close()

    def _read(self, queue: BatchQueue[Sample | PadEvent]) -> None:
        decoder = PenDecoder(self._tick_us)
        while not self._stopping.is_set():
            try:
                report = self._transport.read(READ_TIMEOUT_MS)
            except DriverError as error:
                if not self._stopping.is_set():
                    LOG.info("pad gone: %s", error)
                    queue.put(PadEvent(PadEventKind.UNPLUGGED, "drivers.pad-unplugged"))
                return
            if report is None:
                continue
            sample, event = decoder.feed(report, self._host_clock())
            if sample is not None:
                queue.put(sample)
            if event is not None:
                LOG.info("pad event: %s %s", event.code, dict(event.params))
                queue.put(event)

    def _describe(self, serial: str, simulated: bool) -> InkDevice:
        capability = self.capability
        lines = capability.resolution or LINES_PER_INCH
        return InkDevice(
            kind="stu-hid",
            model=self.information.model,
            serial=serial or self._uid(),
            firmware=self.information.firmware,
            max_x=capability.max_x,
            max_y=capability.max_y,
            max_pressure=capability.max_pressure,
            width_um=capability.max_x * 25_400 // lines,
            height_um=capability.max_y * 25_400 // lines,
            rate_hz=capability.rate,
            time_unit_us=self._tick_us,
            simulated=simulated,
        )

    def _uid(self) -> str:
        """The 4-byte identifier of the pad as hex, when it has one."""
        try:
            return self._get(ReportId.UID)[1:5].hex().upper()
        except DriverError as error:
            LOG.info("pad has no identifier: %s", error)
            return ""

    def _get(self, report_id: ReportId) -> bytes:
        report = self._transport.get_feature(report_id, FEATURE_SIZE[report_id])
        if len(report) < 2:
            raise DriverError("drivers.report-malformed", report=f"0x{report_id:02X}")
        return report

    def _set(self, report_id: ReportId, payload: bytes) -> None:
        """Send a command at its published size and raise the error the pad reports for it."""
        self._transport.send_feature(bytes([report_id]) + payload.ljust(FEATURE_SIZE[report_id], b"\0"))
        self.status().check()


def find_pads(bus: HidBus) -> list[HidAddress]:
    """The STU pads that are plugged in."""
    return bus.find(VENDOR_WACOM, frozenset(PRODUCTS))


def open_first(bus: HidBus) -> StuPad:
    """Open the first STU pad of this computer.

    Raises:
        DriverError: `drivers.pad-missing` when none is plugged in, or why it does not open.
    """
    found = find_pads(bus)
    if not found:
        raise DriverError("drivers.pad-missing")
    address = found[0]
    return StuPad(bus.open(address), serial=address.serial)
