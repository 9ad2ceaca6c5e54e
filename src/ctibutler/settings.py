"""What an installation can be told, by environment variables or a `.env` file."""

from __future__ import annotations

import ipaddress
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ctibutler.errors import InvalidRequest

MIB = 1024 * 1024
LogLevel = Literal["debug", "info", "warning", "error"]
AccessMode = Literal["auto", "read-open", "keys", "read-only", "open"]


class Settings(BaseSettings):
    """The settings of one process. Each field's environment variable is `CTIBUTLER_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="CTIBUTLER_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("ctibutler", appauthor=False),
        description="Folder of the database, made when it is missing. Default: the platform's user data folder.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="`postgresql://…` for PostgreSQL, `sqlite:///FILE` for a file. Default: SQLite in the data folder.",
    )
    sources: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Where releases come from, first first, for all knowledge bases: a list with commas of `publisher`,"
        " `bucket`, `snapshot` and `built-in`. Default: the order that each knowledge base declares.",
    )
    bucket: str = Field(
        default="https://downloads.ctibutler.com/",
        description="Folder or URL with the releases, laid out like the public bucket. Empty: no bucket. A bucket of your"
        " own, or none, stands in for the publishers: they are asked only where `CTIBUTLER_SOURCES` names them.",
    )
    publishers_url: str = Field(
        default="",
        description="Address that answers for the publishers' hosts, such as a mirror inside a network: the name of the"
        " host becomes the first part of the path. Default: the publishers themselves.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    port: int = Field(default=8006, ge=0, le=65535, description="Port that the API listens on; 0 takes a free one.")
    workers: int = Field(default=1, ge=1, le=64, description="Processes that answer requests.")
    log_level: LogLevel = Field(default="info", description="`debug`, `info`, `warning` or `error`.")
    log_format: Literal["text", "json"] = Field(default="text", description="`text` for people, `json` for machines.")

    download_timeout: float = Field(default=10.0, gt=0, description="Seconds a source may stay silent.")
    download_max_seconds: float = Field(default=600.0, gt=0, description="Seconds that one download may take in all.")
    download_max_bytes: int = Field(default=1024 * MIB, gt=0, description="Largest download, as sent.")
    download_cache_bytes: int = Field(
        default=256 * MIB,
        ge=0,
        description="Downloads that are kept in the data folder, so that none is sent again before it changes; 0 for none.",
    )
    download_retries: int = Field(default=2, ge=0, le=10, description="Further tries when a download breaks.")
    bundle_max_bytes: int = Field(default=1024 * MIB, gt=0, description="Largest bundle, uncompressed.")
    bundle_max_objects: int = Field(default=2_000_000, gt=0, description="Most objects in one bundle.")
    bundle_max_depth: int = Field(default=64, ge=4, le=200, description="Deepest nesting of an object.")

    default_page_size: int = Field(default=50, ge=1, description="Objects on a page when the client does not say.")
    max_page_size: int = Field(default=1000, ge=1, description="Most objects on a page.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("*",), description="Origins whose pages may read answers: `*` or a list with commas."
    )
    access: AccessMode = Field(
        default="auto", description="Who may read and change: `auto`, `read-open`, `keys`, `read-only` or `open`."
    )
    cache_max_age: int | None = Field(
        default=None, ge=0, description="Seconds that a cache in front may keep an answer. Default: it has to ask."
    )
    metrics: bool = Field(default=True, description="Whether `/api/metrics/` answers.")
    auto_link: bool = Field(default=True, description="Whether an import makes the links that it allows.")
    job_retention_days: int | None = Field(
        default=None, ge=1, description="Days that ended jobs are kept. Default: for ever."
    )
    navigator_link: str = Field(
        default="https://app.ctibutler.com", description="Address in `links[0].url` of a Navigator layer."
    )
    answer_cache_bytes: int = Field(
        default=64 * MIB, ge=0, description="Memory for ready answers in each process; 0 for none."
    )
    job_lease_seconds: float = Field(
        default=60.0, gt=1, description="Seconds after which the job of a silent worker goes to the next one."
    )
    offer_refresh_hours: float = Field(
        default=24.0,
        ge=0,
        description="Hours after which a worker, one of several, asks the sources again what they have; 0 for never.",
    )

    update_days: float = Field(
        default=7.0,
        ge=0,
        description="Days after which a worker looks for newer releases of what is installed, and installs them beside it;"
        " 0 for never.",
    )

    @field_validator("cors_origins", "sources", mode="before")
    @classmethod
    def _items(cls, value: object) -> object:
        return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value

    @field_validator("sources")
    @classmethod
    def _known_sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(source_named(name) for name in value))

    @field_validator("log_level", "log_format", "access", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("database_url", "cache_max_age", "job_retention_days", mode="before")
    @classmethod
    def _blank_is_unset(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @model_validator(mode="after")
    def _page_sizes(self) -> Settings:
        if self.max_page_size < self.default_page_size:
            raise ValueError("max_page_size: cannot be below default_page_size")
        return self

    def sources_of(self, declared: tuple[str, ...]) -> tuple[str, ...]:
        """Of the sources that a knowledge base declares those that are asked, first first."""
        if self.sources:
            return tuple(name for name in self.sources if name in declared)
        if "bucket" in self.model_fields_set:
            return tuple(name for name in declared if name != "publisher")
        return declared

    @cached_property
    def url(self) -> str:
        """The database's URL, with the default filled in."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'ctibutler.sqlite'}"

    @property
    def listens_on_loopback(self) -> bool:
        """Whether only programs on this machine can reach the API."""
        return is_loopback(self.host)


SOURCES = ("publisher", "bucket", "snapshot", "built-in")
"""The words for the sources that every installation has."""


def source_named(word: str) -> str:
    """A source by its word in any case, `builtin` and `built_in` included.

    Raises ValueError where there is none.
    """
    squashed = word.lower().replace("-", "").replace("_", "")
    for name in SOURCES:
        if name.replace("-", "") == squashed:
            return name
    raise ValueError(f"`{word}` is none of {', '.join(SOURCES)}")


def is_loopback(host: str) -> bool:
    """Whether this address or name means this machine only. `0.0.0.0` does not."""
    name = host.strip().strip("[]").lower()
    if name in ("localhost", "localhost.") or name.endswith((".localhost", ".localhost.")):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def load_settings(**overrides: object) -> Settings:
    """The settings of this process; `overrides` that are not None go before the environment.

    Raises InvalidRequest that names every variable that is wrong.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as failure:
        sentences = []
        for error in failure.errors(include_url=False, include_input=False, include_context=False):
            name = "CTIBUTLER_" + "_".join(str(part) for part in error["loc"]).upper() if error["loc"] else "settings"
            sentences.append(f"{name}: {error['msg']}")
        raise InvalidRequest("; ".join(sentences)) from None
