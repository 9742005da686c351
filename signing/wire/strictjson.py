"""JSON read strictly: one meaning a document, within limits of size, depth and count."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from signing.wire.errors import WireError

MAX_DEPTH = 32
MAX_VALUES = 100_000
_INT_LIMIT = 1 << 63
_BRACKETS = re.compile(rb"[\[\]{}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_json(
    data: bytes,
    *,
    max_bytes: int,
    max_depth: int = MAX_DEPTH,
    max_values: int = MAX_VALUES,
    allow_floats: bool = False,
) -> Any:
    """The value of a UTF-8 JSON document (RFC 8259).

    Refused: a byte order mark, duplicate keys, NaN and Infinity, integers beyond 64 bits, lone
    surrogates, and, unless `allow_floats`, any number that is not an integer.

    Raises:
        WireError: `wire.json-…`, naming what is wrong.
    """
    if len(data) > max_bytes:
        raise WireError("wire.json-too-large", limit=max_bytes)
    if data.startswith(b"\xef\xbb\xbf"):
        raise WireError("wire.json-malformed", position=0)
    _check_shape(data, max_depth, max_values)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("wire.json-malformed", position=error.start) from None

    def number(literal: str) -> float:
        if not allow_floats:
            raise WireError("wire.json-float", literal=literal[:32])
        value = float(literal)
        if value - value != 0:
            raise WireError("wire.json-number-too-large")
        return value

    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=number,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise WireError("wire.json-malformed", position=error.pos) from None
    if "\\u" in text and _has_surrogate(value):
        raise WireError("wire.json-bad-text")
    return value


def dump_json(value: object) -> bytes:
    """Compact UTF-8 JSON with sorted keys: the same value gives the same bytes."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode("utf-8")


def _check_shape(data: bytes, max_depth: int, max_values: int) -> None:
    """Depth and number of values, counted in linear time before anything is built."""
    # A run of backslashes begins at an escape, so pairs taken from its left are escapes too.
    bare = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    if bare.count(b'"') > 4 * max_values + 2:
        raise WireError("wire.json-too-many", limit=max_values)
    outside = b"".join(bare.split(b'"')[::2])
    openers = outside.count(b"[") + outside.count(b"{")
    closers = outside.count(b"]") + outside.count(b"}")
    if max(openers + outside.count(b",") + 1, closers) > max_values:
        raise WireError("wire.json-too-many", limit=max_values)
    depth = 0
    for match in _BRACKETS.finditer(outside):
        depth += 1 if match.group() in b"[{" else -1
        if depth > max_depth:
            raise WireError("wire.json-too-deep", limit=max_depth)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise WireError("wire.json-duplicate-key", key=key[:64])
            seen.add(key)
    return result


def _integer(literal: str) -> int:
    if len(literal) > 20 or not -_INT_LIMIT <= int(literal) < _INT_LIMIT:
        raise WireError("wire.json-number-too-large")
    return int(literal)


def _constant(literal: str) -> NoReturn:
    raise WireError("wire.json-float", literal=literal)


def _has_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return _SURROGATE.search(value) is not None
    if isinstance(value, Mapping):
        return any(_has_surrogate(key) or _has_surrogate(item) for key, item in value.items())
    if isinstance(value, list):
        return any(_has_surrogate(item) for item in value)
    return False
