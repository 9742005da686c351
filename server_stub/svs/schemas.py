"""Requests and answers of the services for other systems; `…_b64` is base64 of bytes."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64") from error


def _base64(value: str) -> str:
    _decoded(value)
    return value


Base64 = Annotated[str, AfterValidator(_base64)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Strict(BaseModel):
    """No unknown fields."""

    model_config = ConfigDict(extra="forbid")

    def data(self, name: str) -> bytes:
        """The bytes of a base64 field."""
        return _decoded(getattr(self, name))


class LoginBegin(Strict):
    """POST /login/begin."""

    certificate_b64: Base64
    client_random_b64: Base64


class LoginFinish(Strict):
    """POST /login/finish."""

    login_id: Base64
    signature_b64: Base64


class DataKeyNew(Strict):
    """POST /data-keys."""

    name: Name
    purpose: str = Field(pattern="^(encrypt|mac)$")


class Rotation(Strict):
    """POST /data-keys/{name}/rotate."""

    purpose: str = Field(pattern="^(encrypt|mac)$")
    from_version: int = Field(ge=1)


class Plain(Strict):
    """POST /data-keys/{name}/encrypt."""

    plaintext_b64: Base64
    context: str = Field(default="", max_length=1000)


class Sealed(Strict):
    """POST /data-keys/{name}/decrypt."""

    ciphertext_b64: Base64
    context: str = Field(default="", max_length=1000)


class Record(Strict):
    """POST /data-keys/{name}/mac."""

    record: str = Field(min_length=1, max_length=400)
    content_b64: Base64


class ProtectedRecord(Record):
    """POST /data-keys/{name}/mac/verify."""

    version: int = Field(ge=1)
    mac_b64: Base64


def b64(data: bytes) -> str:
    """Base64 text."""
    return base64.b64encode(data).decode("ascii")


Reply = dict[str, Any]
