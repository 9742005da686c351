"""Typed reading of a JSON object, member by member, with an error that names the place."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from signing.wire.errors import WireError

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_REQUIRED: Any = object()


def format_time(moment: datetime) -> str:
    """An aware time as RFC 3339 in UTC with whole seconds: `2026-11-22T04:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The time that `format_time` wrote.

    Raises:
        WireError: `wire.bad-time`, in any other form.
    """
    if not _TIME.fullmatch(text):
        raise WireError("wire.bad-time", value=text[:40])
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise WireError("wire.bad-time", value=text[:40]) from None


def decode_base64(text: str, path: str, *, max_bytes: int) -> bytes:
    """Strict base64 (RFC 4648 §4, padded, canonical).

    Raises:
        WireError: `wire.field-not-base64`, `wire.field-too-long`.
    """
    if len(text) > (max_bytes + 2) // 3 * 4:
        raise WireError("wire.field-too-long", path=path, limit=max_bytes)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise WireError("wire.field-not-base64", path=path) from None
    if base64.b64encode(data).decode("ascii") != text:
        raise WireError("wire.field-not-base64", path=path)
    if len(data) > max_bytes:
        raise WireError("wire.field-too-long", path=path, limit=max_bytes)
    return data


class Reader:
    """Reads the members of one JSON object and remembers which were read.

    `path` is where the object is (`$.signers[0].field`); each error names the member by it.
    """

    def __init__(self, value: object, path: str = "$") -> None:
        """Raises WireError (`wire.field-not-object`) when `value` is not a JSON object."""
        if not isinstance(value, Mapping):
            raise WireError("wire.field-not-object", path=path)
        self._value: Mapping[str, Any] = value
        self._path = path
        self._read: set[str] = set()

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self._path}.{name}"

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        self._read.add(name)
        return self._value.get(name) is not None

    def done(self) -> None:
        """Refuse members that nobody asked for."""
        unknown = sorted(set(self._value) - self._read)
        if unknown:
            raise WireError("wire.field-unknown", path=self.at(unknown[0][:64]))

    def text(
        self,
        name: str,
        *,
        max_length: int,
        min_length: int = 1,
        default: str = _REQUIRED,
        one_of: Collection[str] | None = None,
        pattern: re.Pattern[str] | None = None,
        lines: bool = False,
    ) -> str:
        """A string, its length in characters; control characters are refused (`lines` allows LF, CR, TAB)."""
        if default is not _REQUIRED and not self.has(name):
            return default
        value = self._member(name)
        if not isinstance(value, str):
            raise WireError("wire.field-not-text", path=self.at(name))
        if len(value) < min_length:
            raise WireError("wire.field-empty", path=self.at(name))
        if len(value) > max_length:
            raise WireError("wire.field-too-long", path=self.at(name), limit=max_length)
        if _CONTROL.search(value) or (not lines and re.search(r"[\t\r\n]", value)):
            raise WireError("wire.field-bad-text", path=self.at(name))
        if one_of is not None and value not in one_of:
            raise WireError("wire.field-not-allowed", path=self.at(name), allowed=", ".join(sorted(one_of)))
        if pattern is not None and not pattern.fullmatch(value):
            raise WireError("wire.field-bad-text", path=self.at(name))
        return value

    def integer(self, name: str, *, low: int, high: int, default: int = _REQUIRED) -> int:
        """An integer within `low` … `high`, both included."""
        if default is not _REQUIRED and not self.has(name):
            return default
        value = self._member(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise WireError("wire.field-not-integer", path=self.at(name))
        if not low <= value <= high:
            raise WireError("wire.field-out-of-range", path=self.at(name), low=low, high=high)
        return value

    def number(self, name: str, *, low: float, high: float, default: float = _REQUIRED) -> float:
        """A number within `low` … `high`, both included."""
        if default is not _REQUIRED and not self.has(name):
            return default
        value = self._member(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise WireError("wire.field-not-number", path=self.at(name))
        if not low <= value <= high:
            raise WireError("wire.field-out-of-range", path=self.at(name), low=low, high=high)
        return float(value)

    def time(self, name: str) -> datetime:
        """A time in the form of `format_time`."""
        try:
            return parse_time(self.text(name, max_length=20))
        except WireError as error:
            if error.code == "wire.bad-time":
                raise WireError("wire.field-not-time", path=self.at(name)) from None
            raise

    def hex_bytes(self, name: str, *, size: int, default: bytes = _REQUIRED) -> bytes:
        """Lower-case hexadecimal of exactly `size` bytes."""
        if default is not _REQUIRED and not self.has(name):
            return default
        value = self.text(name, max_length=2 * size)
        if not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", value):
            raise WireError("wire.field-not-hex", path=self.at(name))
        return bytes.fromhex(value)

    def base64_bytes(
        self, name: str, *, max_bytes: int, size: int | None = None, default: bytes = _REQUIRED
    ) -> bytes:
        """Strict base64 of at most `max_bytes`, or exactly `size`, bytes."""
        if default is not _REQUIRED and not self.has(name):
            return default
        value = self._member(name)
        if not isinstance(value, str):
            raise WireError("wire.field-not-text", path=self.at(name))
        data = decode_base64(value, self.at(name), max_bytes=max_bytes)
        if size is not None and len(data) != size:
            raise WireError("wire.field-wrong-size", path=self.at(name), size=size)
        return data

    def object(self, name: str) -> Reader:
        """A nested object."""
        return Reader(self._member(name), self.at(name))

    def objects(self, name: str, *, max_items: int, min_items: int = 0) -> list[Reader]:
        """A list of objects; a list that is missing counts as empty."""
        values = self._list(name, max_items=max_items, min_items=min_items)
        return [Reader(value, f"{self.at(name)}[{index}]") for index, value in enumerate(values)]

    def base64_list(self, name: str, *, max_items: int, max_bytes: int) -> tuple[bytes, ...]:
        """A list of strict base64 strings."""
        result = []
        for index, value in enumerate(self._list(name, max_items=max_items, min_items=0)):
            path = f"{self.at(name)}[{index}]"
            if not isinstance(value, str):
                raise WireError("wire.field-not-text", path=path)
            result.append(decode_base64(value, path, max_bytes=max_bytes))
        return tuple(result)

    def _list(self, name: str, *, max_items: int, min_items: int) -> list[Any]:
        if not self.has(name) and not min_items:
            return []
        value = self._member(name)
        if not isinstance(value, list):
            raise WireError("wire.field-not-list", path=self.at(name))
        if len(value) < min_items:
            raise WireError("wire.field-empty", path=self.at(name))
        if len(value) > max_items:
            raise WireError("wire.field-too-many", path=self.at(name), limit=max_items)
        return value

    def _member(self, name: str) -> Any:
        self._read.add(name)
        if self._value.get(name) is None:
            raise WireError("wire.field-missing", path=self.at(name))
        return self._value[name]
