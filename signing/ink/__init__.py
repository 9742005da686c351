"""Handwriting as evidence: samples, the binary record, gaps, statistics, and the drawn picture."""

from signing.ink.errors import InkError
from signing.ink.gaps import Gap, GapKind, complete, find_gaps
from signing.ink.model import (
    BARREL_SWITCHES,
    IN_RANGE,
    MAX_SAMPLES,
    NO_SEQUENCE,
    SEQUENCE_MODULUS,
    TIP,
    InkDevice,
    InkRecord,
    Sample,
    strokes,
)
from signing.ink.picture import MAX_PICTURE_BYTES, InkPicture, draw_picture
from signing.ink.png import encode_png, raster_png
from signing.ink.raster import Raster
from signing.ink.record import (
    MAX_RECORD_BYTES,
    InkWriter,
    decode_record,
    decode_unfinished,
    encode_record,
)
from signing.ink.statistics import InkStatistics, statistics

__all__ = [
    "BARREL_SWITCHES",
    "IN_RANGE",
    "MAX_PICTURE_BYTES",
    "MAX_RECORD_BYTES",
    "MAX_SAMPLES",
    "NO_SEQUENCE",
    "SEQUENCE_MODULUS",
    "TIP",
    "Gap",
    "GapKind",
    "InkDevice",
    "InkError",
    "InkPicture",
    "InkRecord",
    "InkStatistics",
    "InkWriter",
    "Raster",
    "Sample",
    "complete",
    "decode_record",
    "decode_unfinished",
    "draw_picture",
    "encode_png",
    "encode_record",
    "find_gaps",
    "raster_png",
    "statistics",
    "strokes",
]
