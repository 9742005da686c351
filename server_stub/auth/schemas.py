"""Requests and replies of enrolment."""

from __future__ import annotations

import base64
import binascii

from pydantic import BaseModel, ConfigDict, Field, field_validator

MAX_SPKI = 200


class EnrolRequest(BaseModel):
    """`POST /api/v1/stations/enrol`: the code shown by the administrator and the station's own public key."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=100)
    ward: str = Field(default="", max_length=100)
    public_key_b64: str = Field(max_length=400)

    @field_validator("name", "ward")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("control characters")
        return value.strip()

    @field_validator("public_key_b64")
    @classmethod
    def _base64(cls, value: str) -> str:
        try:
            size = len(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError) as error:
            raise ValueError("not base64") from error
        if size > MAX_SPKI:
            raise ValueError("too long")
        return value

    @property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo, DER."""
        return base64.b64decode(self.public_key_b64)


class EnrolReply(BaseModel):
    """What a station needs from then on; certificates are DER in base64 unless the name says PEM."""

    station_id: str
    ward: str
    hospital: str
    hospital_root_pem: list[str]
    encryption_certificate_b64: str
    encryption_chain_b64: list[str]
    server_certificate_b64: str
    station_certificate_b64: str
    checkpoint: dict[str, object]
