"""What a site sets for the service: `DIR/svs.toml`, and certificates and CRLs it trusts in `DIR/svs-trust`.

journal = "wait"            # or "behind": answer before "who signed what" is committed
[codes]                     # response codes by name, where the site's clients expect others
sign-failed = 0x0400000F
[targets.ext]               # another sign/verify device
url = "https://10.0.0.8:8443/svs"
key_index = 1
access_code_file = "/etc/penward/ext-code"
caller_key_file = "/etc/penward/ext-his.json"   # when the device is a Penward
tls_root = "/etc/penward/ext-root.pem"
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from server_stub.errors import SetupError
from server_stub.svs.codes import CodeTable

CONFIG_NAME = "svs.toml"
TRUST_FOLDER = "svs-trust"


class Target(BaseModel):
    """An external device that speaks GM/T 0029 over HTTP; paths are seen from the server's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://[^\s?#@]{1,400}$")
    key_index: int = Field(ge=0, le=9999)
    form: str = Field(default="form", pattern="^(form|json|vendor)$")
    access_code_file: str = ""
    caller_key_file: str = ""
    tls_root: str = ""
    timeout_seconds: float = Field(default=10.0, gt=0, le=120)


class SvsConfig(BaseModel):
    """The whole file; every field may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    journal: str = Field(default="wait", pattern="^(wait|behind)$")
    codes: dict[str, int] = Field(default_factory=dict)
    targets: dict[str, Target] = Field(default_factory=dict)

    @field_validator("codes")
    @classmethod
    def _known(cls, value: dict[str, int]) -> dict[str, int]:
        CodeTable(value)
        return value

    @property
    def table(self) -> CodeTable:
        """The response codes of this site."""
        return CodeTable(self.codes)


def load_config(directory: Path) -> SvsConfig:
    """The service's settings of a hospital's folder; defaults without a file.

    Raises:
        SetupError: `svs.config-wrong`.
    """
    path = directory / CONFIG_NAME
    if not path.is_file():
        return SvsConfig()
    try:
        return SvsConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, item["loc"])) for item in error.errors())
        raise SetupError("svs.config-wrong", file=str(path), fields=fields) from error
    except (ValueError, OSError) as error:
        raise SetupError("svs.config-wrong", file=str(path), fields=str(error)) from error
