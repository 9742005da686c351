"""NMEA 0183 sentences of a time board (BeiDou, GPS): checksum, and the time that RMC, ZDA and GGA tell."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from server_stub.clock.errors import ClockError

MAX_SENTENCE = 120  # NMEA 0183 allows 82; some boards write longer ones
FIRST_YEAR = 2024  # an older date is a receiver whose week number has rolled over

_SHAPE = re.compile(rb"\$([A-Z]{2})([A-Z]{3}),([\x20-\x7e]*)\*([0-9A-Fa-f]{2})")
_TIME = re.compile(r"(\d{2})(\d{2})(\d{2})(?:\.(\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence. `moment` is its UTC when it holds date and time, `valid` whether the board has a fix.

    `satellites` is what GGA says, None in other sentences.
    """

    talker: str
    kind: str
    moment: dt.datetime | None
    valid: bool
    satellites: int | None = None


def parse_sentence(line: bytes) -> Sentence:
    """One line with or without its end. Sentences other than RMC, ZDA and GGA come without content.

    Raises:
        ClockError: `clock.bad-sentence` (problem: length, shape, checksum, fields, time, date).
    """
    line = line.rstrip(b"\r\n")
    if len(line) > MAX_SENTENCE:
        raise _bad("length")
    match = _SHAPE.fullmatch(line)
    if match is None:
        raise _bad("shape")
    talker, kind, body, checksum = match.groups()
    if checksum_of(line[1:-3]) != int(checksum, 16):
        raise _bad("checksum")
    fields = body.decode("ascii").split(",")
    name = kind.decode("ascii")
    readers = {"RMC": _rmc, "ZDA": _zda, "GGA": _gga}
    if name not in readers:
        return Sentence(talker.decode("ascii"), name, None, False)
    moment, valid, satellites = readers[name](fields)
    return Sentence(talker.decode("ascii"), name, moment, valid, satellites)


def checksum_of(content: bytes) -> int:
    """All octets between `$` and `*`, combined by exclusive or."""
    total = 0
    for octet in content:
        total ^= octet
    return total


_Read = tuple[dt.datetime | None, bool, int | None]


def _rmc(fields: list[str]) -> _Read:
    if len(fields) < 9:
        raise _bad("fields")
    if fields[1] != "A" or not fields[0] or not fields[8]:
        return None, False, None
    date = fields[8]
    if not (len(date) == 6 and date.isascii() and date.isdigit()):
        raise _bad("date")
    return _moment(fields[0], int(date[:2]), int(date[2:4]), 2000 + int(date[4:])), True, None


def _zda(fields: list[str]) -> _Read:
    if len(fields) < 4:
        raise _bad("fields")
    if not all(fields[:4]):
        return None, False, None
    if not all(field.isascii() and field.isdigit() and len(field) <= 4 for field in fields[1:4]):
        raise _bad("date")
    day, month, year = (int(field) for field in fields[1:4])
    return _moment(fields[0], day, month, year), True, None


def _gga(fields: list[str]) -> _Read:
    if len(fields) < 7:
        raise _bad("fields")
    quality, satellites = fields[5], fields[6]
    if not all(re.fullmatch(r"[0-9]{0,3}", field) for field in (quality, satellites)):
        raise _bad("fields")
    # 0 no fix, 6 dead reckoning, 7 set by hand, 8 simulator
    return None, quality in {"1", "2", "3", "4", "5", "9"}, int(satellites or 0)


def _moment(time: str, day: int, month: int, year: int) -> dt.datetime:
    match = _TIME.fullmatch(time)
    if match is None or not time.isascii():
        raise _bad("time")
    hour, minute, second = (int(part) for part in match.groups()[:3])
    micro = int((match[4] or "0").ljust(9, "0")) // 1000
    if year < FIRST_YEAR:
        raise _bad("date")
    try:
        return dt.datetime(year, month, day, hour, minute, second, micro, tzinfo=dt.UTC)
    except ValueError:  # a leap second (60) as well: this second has no place on the clock
        raise _bad("time") from None


def _bad(problem: str) -> ClockError:
    return ClockError("clock.bad-sentence", problem=problem)
