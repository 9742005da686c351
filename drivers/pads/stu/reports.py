"""The published reports of Wacom STU pads as values: decode and encode, byte for byte.

Offsets and byte orders: devices.md §1.2 (pen reports, big-endian) and §1.3 (feature reports, where
pen-side words are big-endian and screen-side words little-endian). Sizes exclude the report ID.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from drivers.core.errors import DriverError

VENDOR_WACOM = 0x056A
PRODUCTS: dict[int, str] = {
    0x00A1: "STU-500",
    0x00A2: "STU-300",
    0x00A3: "STU-520A",
    0x00A4: "STU-430",
    0x00A5: "STU-530",
    0x00A8: "STU-540",
}


class ReportId(enum.IntEnum):
    """Report numbers that this driver uses."""

    PEN_DATA = 0x01
    STATUS = 0x03
    RESET = 0x04
    INFORMATION = 0x08
    CAPABILITY = 0x09
    UID = 0x0A
    UID2 = 0x0B
    ESERIAL = 0x0F
    START_CAPTURE = 0x15
    END_CAPTURE = 0x16
    CLEAR_SCREEN = 0x20
    INKING_MODE = 0x21
    START_IMAGE_DATA = 0x25
    IMAGE_DATA_BLOCK = 0x26
    END_IMAGE_DATA = 0x27
    PEN_DATA_TIME_SEQUENCE = 0x34
    PEN_DATA_OPTION_MODE = 0x32


FEATURE_SIZE: dict[ReportId, int] = {
    ReportId.STATUS: 4,
    ReportId.RESET: 1,
    ReportId.INFORMATION: 16,
    ReportId.CAPABILITY: 16,
    ReportId.UID: 4,
    ReportId.UID2: 10,
    ReportId.ESERIAL: 13,
    ReportId.START_CAPTURE: 4,
    ReportId.END_CAPTURE: 1,
    ReportId.CLEAR_SCREEN: 1,
    ReportId.INKING_MODE: 1,
    ReportId.START_IMAGE_DATA: 1,
    ReportId.IMAGE_DATA_BLOCK: 255,
    ReportId.END_IMAGE_DATA: 1,
    ReportId.PEN_DATA_OPTION_MODE: 1,
}


class PenDataOptionMode(enum.IntEnum):
    """What pen reports carry beside the position (report 0x32)."""

    NONE = 0
    TIME = 1
    SEQUENCE = 2
    TIME_AND_SEQUENCE = 3


class State(enum.IntEnum):
    """First byte of the Status report."""

    READY = 0
    IMAGE = 1
    CAPTURE = 2
    CALCULATION = 3
    IMAGE_BOOT = 4
    ROM_BUSY = 5
    RESET = 0xFF


RESULT_MESSAGES: dict[int, str] = {
    0x01: "drivers.pad-wrong-report",
    0x02: "drivers.pad-wrong-state",
    0x03: "drivers.pad-crc",
    0x10: "drivers.pad-wrong-encoding",
    0x11: "drivers.pad-image-too-long",
    0x12: "drivers.pad-zlib",
    0x15: "drivers.pad-wrong-parameters",
    0x33: "drivers.pad-rom",
    0x34: "drivers.pad-rom",
    0x35: "drivers.pad-rom",
}
"""Last-result codes of the Status report, each with a sentence for people."""


@dataclass(frozen=True, slots=True)
class PenReport:
    """One pen report. `switches` is the 3-bit field sw (bit 0 = tip); counters are None in report 0x01."""

    ready: bool
    switches: int
    pressure: int
    x: int
    y: int
    time_count: int | None = None
    sequence: int | None = None


_PEN = struct.Struct(">HHH")
_PEN_TIMED = struct.Struct(">HHHHH")


def decode_pen(report: bytes) -> PenReport | None:
    """A pen report (0x01 or 0x34, ID first; longer reports are padding); None for another report ID.

    Raises:
        DriverError: `drivers.report-malformed` when it is shorter than published.
    """
    if not report:
        raise DriverError("drivers.report-malformed", report="-")
    timed = report[0] == ReportId.PEN_DATA_TIME_SEQUENCE
    if not timed and report[0] != ReportId.PEN_DATA:
        return None
    layout = _PEN_TIMED if timed else _PEN
    if len(report) < 1 + layout.size:
        raise DriverError("drivers.report-malformed", report=f"0x{report[0]:02X}")
    word, x, y, *counters = layout.unpack_from(report, 1)
    time_count, sequence = counters if timed else (None, None)
    return PenReport(bool(word >> 15), word >> 12 & 7, word & 0xFFF, x, y, time_count, sequence)


def encode_pen(pen: PenReport) -> bytes:
    """The report's bytes with ID: 0x34 when it has counters, else 0x01.

    Raises:
        ValueError: a value does not fit its field.
    """
    if not (0 <= pen.switches < 8 and 0 <= pen.pressure < 4096):
        raise ValueError("switches or pressure out of range")
    word = int(pen.ready) << 15 | pen.switches << 12 | pen.pressure
    try:
        if pen.time_count is None or pen.sequence is None:
            return bytes([ReportId.PEN_DATA]) + _PEN.pack(word, pen.x, pen.y)
        return bytes([ReportId.PEN_DATA_TIME_SEQUENCE]) + _PEN_TIMED.pack(
            word, pen.x, pen.y, pen.time_count, pen.sequence
        )
    except struct.error as error:
        raise ValueError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Status:
    """Report 0x03: state, result of the last command, status word."""

    state: int
    last_result: int
    word: int

    @classmethod
    def decode(cls, report: bytes) -> Status:
        """From the report with its ID."""
        return cls(*_fields(report, ReportId.STATUS, ">BBH"))

    def encode(self) -> bytes:
        """The report with its ID."""
        return bytes([ReportId.STATUS]) + struct.pack(">BBH", self.state, self.last_result, self.word)

    def check(self) -> None:
        """Raise the error that the last command left, if any."""
        if self.last_result:
            code = RESULT_MESSAGES.get(self.last_result, "drivers.pad-unknown-error")
            raise DriverError(code, result=f"0x{self.last_result:02X}")


@dataclass(frozen=True, slots=True)
class Information:
    """Report 0x08: model name, firmware, secure element."""

    model: str
    firmware_major: int
    firmware_minor: int
    secure_ic: int
    secure_ic_version: int

    @property
    def firmware(self) -> str:
        """As people write it: "1.8"."""
        return f"{self.firmware_major}.{self.firmware_minor}"

    @classmethod
    def decode(cls, report: bytes) -> Information:
        """From the report with its ID; bytes of the model that are not printable ASCII are left out."""
        model, major, minor, chip, version = _fields(report, ReportId.INFORMATION, ">9sBBBI")
        text = bytes(model).split(b"\0")[0]
        return cls("".join(chr(b) for b in text if 32 <= b < 127).strip(), major, minor, chip, version)

    def encode(self) -> bytes:
        """The report with its ID."""
        return bytes([ReportId.INFORMATION]) + struct.pack(
            ">9sBBBI",
            self.model.encode("ascii"),
            self.firmware_major,
            self.firmware_minor,
            self.secure_ic,
            self.secure_ic_version,
        )


class Encoding(enum.IntFlag):
    """Picture encodings in Capability; also the values of StartImageData (mono is 0 there)."""

    ZLIB = 1
    MONO = 2
    RGB565 = 4
    BGR24 = 8


@dataclass(frozen=True, slots=True)
class Capability:
    """Report 0x09: coordinate and pressure maxima (device units), screen (pixels), rate (reports/s).

    `resolution` is in lines per inch (2540 on pads with 100 lines a millimetre); 0 when not told.
    """

    max_x: int
    max_y: int
    max_pressure: int
    screen_width: int
    screen_height: int
    rate: int
    resolution: int
    encodings: Encoding

    @classmethod
    def decode(cls, report: bytes) -> Capability:
        """From the report with its ID. Old firmware sends 10 bytes: five words and nothing after them.

        Raises:
            DriverError: `drivers.report-malformed` for wrong length or an empty writing area.
        """
        if len(report) == 11:
            report = report + bytes([200, 0, 0, Encoding.MONO, 0, 0])
        values = _fields(report, ReportId.CAPABILITY, ">HHHHHBHB2x")
        if not (values[0] and values[1] and values[2]):
            raise DriverError("drivers.report-malformed", report="0x09")
        max_x, max_y, max_pressure, width, height, rate, resolution, encodings = values
        return cls(max_x, max_y, max_pressure, width, height, rate, resolution, Encoding(encodings & 0x0F))

    def encode(self) -> bytes:
        """The report with its ID."""
        return bytes([ReportId.CAPABILITY]) + struct.pack(
            ">HHHHHBHB2x",
            self.max_x,
            self.max_y,
            self.max_pressure,
            self.screen_width,
            self.screen_height,
            self.rate,
            self.resolution,
            self.encodings,
        )


def _fields(report: bytes, report_id: ReportId, layout: str) -> tuple[int, ...]:
    structure = struct.Struct(layout)
    if len(report) < 1 + structure.size or report[0] != report_id:
        raise DriverError("drivers.report-malformed", report=f"0x{report_id:02X}")
    return structure.unpack_from(report, 1)
