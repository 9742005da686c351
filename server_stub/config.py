"""What a hospital may set: `penward.toml` in the server's folder, overridden by PENWARD_* variables."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from server_stub.errors import SetupError
from signing.wire import MAX_DOCUMENT_BYTES, MAX_TASK_BYTES

CONFIG_NAME = "penward.toml"
DATABASE_NAME = "penward.db"
MIB = 1 << 20


class Settings(BaseSettings):
    """Every field has a usable value when it is left out. Sizes in bytes, times in the unit of the name."""

    model_config = SettingsConfigDict(env_prefix="PENWARD_", extra="forbid", frozen=True)

    directory: Path = Field(
        default=Path(), description="the server's folder; set by the program, not by hand"
    )
    hospital: str = "示范医院"
    demo: bool = False
    database_url: str = ""
    passphrase_file: str = Field(default="", description="relative paths are seen from the server's folder")
    host: str = "127.0.0.1"
    port: int = Field(default=8443, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    job_threads: int = Field(default=2, ge=1, le=16)
    lock_wait_seconds: float = Field(default=10.0, ge=0, le=600)

    request_limit: int = Field(
        default=1 * MIB, ge=1024, description="for endpoints without a limit of their own"
    )
    task_request_limit: int = Field(default=MAX_TASK_BYTES, ge=1024)
    document_limit: int = Field(default=MAX_DOCUMENT_BYTES, ge=1024)
    evidence_limit: int = Field(default=32 * MIB, ge=1024)

    event_certificate_hours: int = Field(default=24, ge=1, le=24)
    task_days: int = Field(default=7, ge=1, le=365)
    challenge_seconds: int = Field(default=1800, ge=10, le=86_400)
    enrolment_code_hours: int = Field(default=24, ge=1, le=24 * 14)
    callback_authorities: str = Field(
        default="", description="PEM bundle that HTTPS callbacks are checked against, alone"
    )

    tsa_policy: str = "2.25.305616938452160438842573196240834137013"
    tsa_accuracy_ms: int = Field(default=1000, ge=1, le=60_000)
    clock_sources: tuple[str, ...] = Field(
        default=(), description="SNTP servers to steer by: host or host:port"
    )
    clock_board: str = Field(default="", description="serial port of a time board (NMEA, PPS on DCD)")
    clock_board_baud: int = Field(default=9600, ge=300, le=921_600)
    clock_listen: str = Field(default="", description="host:port of the SNTP server; empty: none")
    clock_class: Literal["pc", "tcxo", "ocxo", "rb"] = Field(
        default="pc", description="this machine's oscillator"
    )
    clock_poll_seconds: int = Field(default=64, ge=16, le=1024)
    audit_root_seconds: int = Field(default=60, ge=1, le=3600)
    audit_export: str = Field(default="", description="a folder of another owner that roots are copied to")

    @field_validator("directory")
    @classmethod
    def _whole(cls, value: Path) -> Path:
        return value.resolve()

    @field_validator("callback_authorities")
    @classmethod
    def _readable_bundle(cls, value: str, info: ValidationInfo) -> str:
        """The bundle's whole path; a file without certificates is told at the start, not at a callback."""
        if not value:
            return value
        path = info.data.get("directory", Path()) / value
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
        except OSError as error:  # ssl.SSLError is one
            raise ValueError(f"{path} is no bundle of PEM certificates") from error
        return str(path)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The call first, then the environment; the file is read by `load_settings`."""
        return (init_settings, env_settings)

    @property
    def database(self) -> str:
        """The database's URL: the configured one, or the SQLite file in the folder."""
        return self.database_url or f"sqlite:///{self.directory / DATABASE_NAME}"

    @property
    def blob_folder(self) -> Path:
        """Where blobs lie."""
        return self.directory / "blobs"

    @property
    def passphrase_path(self) -> Path | None:
        """The passphrase file, when one is configured."""
        return self.directory / self.passphrase_file if self.passphrase_file else None


def load_settings(directory: Path) -> Settings:
    """The settings of a server's folder.

    Raises:
        SetupError: `server.no-folder` (`init` was not run there), `server.config-wrong`.
    """
    path = directory / CONFIG_NAME
    if not path.is_file():
        raise SetupError("server.no-folder", folder=str(directory))

    class _FromFolder(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, path))

    try:
        return _FromFolder(directory=directory)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, item["loc"])) for item in error.errors())
        raise SetupError("server.config-wrong", file=str(path), fields=fields) from error
    except ValueError as error:  # tomllib's
        raise SetupError("server.config-wrong", file=str(path), fields=str(error)) from error


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
