"""TSTInfo (RFC 3161 §2.4.2): the content of a time stamp token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from signing.sm import SmError, der
from signing.tsp.errors import TspError
from signing.tsp.request import parse_imprint

MAX_SERIAL_BITS = 160


@dataclass(frozen=True, slots=True)
class TstInfo:
    """What a token states. `gen_time` is aware UTC; `accuracy` None when not stated."""

    policy: str
    imprint_der: bytes
    digest_algorithm: str
    digest: bytes
    serial: int
    gen_time: datetime
    accuracy: timedelta | None
    ordering: bool
    nonce: int | None


def encode_tst_info(
    *,
    policy: str,
    imprint_der: bytes,
    serial: int,
    gen_time: datetime,
    accuracy: timedelta | None,
    ordering: bool,
    nonce: int | None,
    tsa_name: bytes,
) -> bytes:
    """DER TSTInfo; `tsa_name` is the DER Name of the TSA's certificate. `gen_time` is cut to milliseconds."""
    gen_time = gen_time.replace(microsecond=gen_time.microsecond // 1000 * 1000)
    return der.sequence(
        der.integer(1),
        der.oid(policy),
        imprint_der,
        der.integer(serial),
        der.generalized_time(gen_time),
        b"" if accuracy is None else _accuracy(accuracy),
        der.boolean(True) if ordering else b"",
        b"" if nonce is None else der.integer(nonce),
        der.explicit(0, der.explicit(4, tsa_name)),
    )


def parse_tst_info(data: bytes) -> TstInfo:
    """Parse a DER TSTInfo.

    Raises:
        TspError: `tsp.bad-token`.
    """
    try:
        reader = der.read_sequence(data)
        if reader.take(der.INTEGER).integer() != 1:
            raise TspError("tsp.bad-token", problem="version")
        policy = reader.take(der.OID).dotted()
        imprint = reader.take(der.SEQUENCE)
        serial = reader.take(der.INTEGER).integer()
        gen_time = reader.take(der.GENERALIZED_TIME).moment()
        accuracy = reader.optional(der.SEQUENCE)
        ordering = reader.optional(der.BOOLEAN)
        nonce = reader.optional(der.INTEGER)
        reader.optional(0xA0)
        reader.optional(0xA1)
        reader.end()
        if serial.bit_length() > MAX_SERIAL_BITS:
            raise TspError("tsp.bad-token", problem="serial")
        algorithm, digest = parse_imprint(imprint)
        return TstInfo(
            policy=policy,
            imprint_der=imprint.raw,
            digest_algorithm=algorithm,
            digest=digest,
            serial=serial,
            gen_time=gen_time,
            accuracy=_read_accuracy(accuracy) if accuracy else None,
            ordering=bool(ordering and ordering.boolean()),
            nonce=nonce.integer() if nonce else None,
        )
    except SmError as error:
        raise TspError("tsp.bad-token", problem=str(error.params.get("problem", error.code))) from None


def _accuracy(accuracy: timedelta) -> bytes:
    micros = accuracy // timedelta(microseconds=1)
    seconds, rest = divmod(micros, 1_000_000)
    millis, micros = divmod(rest, 1000)
    return der.sequence(
        der.integer(seconds) if seconds else b"",
        _small(0x80, millis) if millis else b"",
        _small(0x81, micros) if micros else b"",
    )


def _small(tag: int, value: int) -> bytes:
    return der.tlv(tag, der.integer(value)[2:])


def _read_accuracy(accuracy: der.Element) -> timedelta:
    reader = accuracy.reader()
    seconds = reader.optional(der.INTEGER)
    millis, micros = reader.optional(0x80), reader.optional(0x81)
    reader.end()
    values = [part.integer() if part else 0 for part in (seconds, millis, micros)]
    if not (0 <= values[0] < 1 << 31 and 0 <= values[1] <= 999 and 0 <= values[2] <= 999):
        raise SmError("sm.not-der", problem="accuracy")
    return timedelta(seconds=values[0], milliseconds=values[1], microseconds=values[2])
