"""The fields of one request, whichever form they came in: text from forms and JSON, values from ASN.1."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault
from server_stub.svs.journal import Signed

Value = str | int | bool | bytes
MAX_NUMBER = (1 << 32) - 1


class Fields:
    """Reads fields by type. A missing or malformed one raises SvsFault `PARAMETERS` or `DATA_FORMAT`."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Whether the field is there and not empty."""
        return self._values.get(name, "") not in ("", b"")

    def text(self, name: str, default: str | None = None) -> str:
        """A text as it stands."""
        value = self._values.get(name)
        if isinstance(value, bytes):
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                raise SvsFault(Reply.PARAMETERS, field=name) from None
        if value is None or value == "":
            if default is None:
                raise SvsFault(Reply.PARAMETERS, field=name)
            return default
        return str(value)

    def number(self, name: str, default: int | None = None) -> int:
        """A number of 32 bits, decimal or 0x…"""
        value = self._values.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            found = value
        elif isinstance(value, str) and value:
            text = value.strip()
            try:
                found = int(text, 16) if text[:2].lower() == "0x" and len(text) < 12 else int(text[:12])
            except ValueError:
                raise SvsFault(Reply.PARAMETERS, field=name) from None
        elif default is not None and value in (None, ""):
            return default
        else:
            raise SvsFault(Reply.PARAMETERS, field=name)
        if not 0 <= found <= MAX_NUMBER:
            raise SvsFault(Reply.PARAMETERS, field=name)
        return found

    def flag(self, name: str) -> bool:
        """TRUE or FALSE (also true, 1, 0); absent is FALSE."""
        value = self._values.get(name, "")
        if isinstance(value, bool):
            return value
        text = str(value).strip().upper()
        if text in ("TRUE", "1"):
            return True
        if text in ("", "FALSE", "0"):
            return False
        raise SvsFault(Reply.PARAMETERS, field=name)

    def data(self, name: str, *, empty: bool = False) -> bytes:
        """Bytes: base64 in text. Percent signs of a client that encoded twice are taken away first."""
        value = self._values.get(name)
        if isinstance(value, bytes):
            found = value
        elif isinstance(value, str):
            found = decode(value, name)
        elif value is None:
            found = b""
        else:
            raise SvsFault(Reply.DATA_FORMAT, field=name)
        if not found and not empty:
            raise SvsFault(Reply.PARAMETERS, field=name)
        return found

    def message(self, name: str = "inData", length: str = "inDataLen") -> bytes:
        """Data with its length beside it, which must be right: of the bytes, or of their base64."""
        found = self.data(name, empty=True)
        if self.has(length):
            stated, value = self.number(length), self._values.get(name)
            if stated != len(found) and not (isinstance(value, str) and stated == len(value)):
                raise SvsFault(Reply.PARAMETERS, field=length)
        return found


def decode(text: str, name: str) -> bytes:
    """Base64 as clients send it: also with line ends, with `+` turned into a space, or percent-encoded.

    Raises:
        SvsFault: `DATA_FORMAT`.
    """
    if "%" in text:
        text = unquote(text)
    if " " in text or "\n" in text or "\r" in text:
        text = text.replace("\r", "").replace("\n", "").strip().replace(" ", "+")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SvsFault(Reply.DATA_FORMAT, field=name) from None


@dataclass(frozen=True, slots=True)
class Done:
    """What an operation gives back: fields (bytes become base64), and what has to be journalled."""

    fields: Mapping[str, Value] = field(default_factory=dict)
    signed: tuple[Signed, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One call of an operation by a proven caller (`his:…`, `station:…`, `admin`)."""

    operation: str
    fields: Fields
    caller: str
