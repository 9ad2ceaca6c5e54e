"""The base classes of OpenCTI's connectors SDK, as far as this connector uses them.

The SDK is not on the package index. Names and behaviour are kept, so that inside OpenCTI's connectors repository the
import in `settings` can point at `connectors_sdk` and this module go.

A value comes from the environment, else from `config.yml`, else, where there is no `config.yml`, from `.env`, else from
its default. `CTIBUTLER_API_KEY` is `ctibutler.api_key`.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
)


class ConfigValidationError(Exception):
    """The configuration cannot be used; the message names every problem."""


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return [part for part in (part.strip().strip("'\"").strip() for part in value.split(",")) if part]


ListFromString = Annotated[list[str], BeforeValidator(_split)]
"""A list that may be written with commas."""


def _as_pycti_reads_it(value: Any) -> Any:
    # pycti takes "TRUE", "1" and even "FALSE" for text, and any text for true.
    if isinstance(value, str) and value not in ("yes", "true", "True", "no", "false", "False"):
        raise ValueError(f"expected true or false, found `{value}`")
    return value


StrictSwitch = Annotated[bool, BeforeValidator(_as_pycti_reads_it)]
"""A switch that pycti reads by itself too."""


class BaseConfigModel(BaseModel):
    """One section of the configuration."""

    model_config = ConfigDict(extra="allow", frozen=True, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _without_blanks(cls, value: Any) -> Any:
        return value.strip() if isinstance(value, str) else value


class OpenCtiConfig(BaseConfigModel):
    """The section `opencti`: where the platform is."""

    url: HttpUrl = Field(description="The URL of the OpenCTI platform.")
    token: SecretStr = Field(min_length=1, description="The token of the platform's user that the connector acts as.")

    @field_validator("token")
    @classmethod
    def _is_a_token(cls, token: SecretStr) -> SecretStr:
        if token.get_secret_value().lower() == "changeme":
            raise ValueError("still has the placeholder of the sample")
        return token


class BaseConnectorConfig(BaseConfigModel):
    """The section `connector`: what the platform knows about this connector."""

    id: str = Field(description="A UUIDv4 that identifies this connector on the platform.")
    name: str = Field(min_length=1, description="The name that the platform shows.")
    scope: ListFromString = Field(description="Shown by the platform; never a filter.")
    log_level: Literal["debug", "info", "warn", "warning", "error"] = Field(
        default="error", description="The least severe level to log."
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value


class BaseExternalImportConnectorConfig(BaseConnectorConfig):
    """The section `connector` of a connector that imports by itself."""

    type: Literal["EXTERNAL_IMPORT"] = Field(default="EXTERNAL_IMPORT", description="The kind of connector.")
    duration_period: timedelta = Field(description="The time between two runs, as an ISO 8601 duration.")
    run_and_terminate: StrictSwitch = Field(default=False, description="Run once and end.")
    queue_threshold: float = Field(default=500, gt=0, description="Megabytes in the queue above which no run starts.")
    queue_protocol: Literal["amqp", "api"] = Field(default="amqp", description="How objects reach the platform.")
    send_to_queue: StrictSwitch = Field(default=True, description="Whether objects go to the platform at all.")
    send_to_directory: StrictSwitch = Field(default=False, description="Whether bundles are written to a folder too.")

    @field_validator("duration_period", mode="before")
    @classmethod
    def _zero(cls, value: Any) -> Any:
        return "PT0S" if str(value).strip() == "0" else value


class BaseConnectorSettings(BaseModel):
    """The whole configuration."""

    model_config = ConfigDict(extra="allow", frozen=True)

    opencti: OpenCtiConfig

    def __init__(self) -> None:
        """Read the configuration of this process."""
        raw = self._load_config_dict()
        try:
            super().__init__(**raw)
        except ValidationError as error:
            raise ConfigValidationError(_all_problems(error)) from error

    @classmethod
    def _load_config_dict(cls) -> dict[str, Any]:
        """The configuration as it was written, by section."""
        merged = _read_file()
        for name in cls.model_fields:
            values = dict(merged.get(name) or {})
            for key, value in os.environ.items():
                if key.startswith(f"{name.upper()}_") and value.strip():
                    values[key[len(name) + 1 :].lower()] = value
            merged[name] = values
        return merged

    def to_helper_config(self) -> dict[str, Any]:
        """The configuration in the form that pycti's helper reads: sections of plain values."""
        return {name: _plain(section) for name, section in self}


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return {key: _plain(inner) for key, inner in value}
        case SecretStr():
            return value.get_secret_value()
        case timedelta():
            return TypeAdapter(timedelta).dump_python(value, mode="json")
        case list():
            return ",".join(map(str, value))
        case None | bool() | int() | float() | dict():
            return value
        case _:
            return str(value)


def _all_problems(error: ValidationError) -> str:
    """Every problem on a line of its own, by the name of the environment variable."""
    lines = []
    for problem in error.errors():
        place = "_".join(str(part) for part in problem["loc"] if isinstance(part, str)).upper()
        reason = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "missing":
            reason = "is required"
        lines.append(f"  {place or 'CONFIGURATION'}: {reason}")
    return "\n".join(["The configuration cannot be used:", *dict.fromkeys(lines)])


def _read_file() -> dict[str, Any]:
    """`config.yml` beside the entry file or one folder up, else `.env` there."""
    entry = Path(getattr(sys.modules["__main__"], "__file__", None) or Path.cwd() / "main.py").resolve().parent
    folders = (entry, entry.parent)
    for folder in folders:
        file = folder / "config.yml"
        if file.is_file():
            content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
            if not isinstance(content, dict):
                raise ConfigValidationError(f"{file}: expected sections, found {type(content).__name__}")
            return {str(name): section for name, section in content.items()}
    for folder in folders:
        file = folder / ".env"
        if file.is_file():
            for line in file.read_text(encoding="utf-8").splitlines():
                name, equals, value = line.partition("=")
                if equals and not name.lstrip().startswith("#"):
                    os.environ.setdefault(name.strip().removeprefix("export "), value.strip().strip("'\""))
            break
    return {}
