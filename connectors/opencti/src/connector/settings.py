"""The connector's settings: their names, defaults and meaning.

All mistakes are found before the connector registers, and reported at once.
"""

import hashlib
import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from connector.converter_to_stix import MAPPING_VERSION
from connector.knowledge_bases import ALIASES, ALL, NAMES, NOTHING_TO_IMPORT
from connector.release_index import Options
from connector.sdk import (
    BaseConfigModel,
    BaseConnectorSettings,
    BaseExternalImportConnectorConfig,
    ConfigValidationError,
    ListFromString,
)
from ctibutler_client.api_client import ServerAddress
from pydantic import (
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

__all__ = ["ConfigValidationError", "ConnectorSettings", "CtibutlerConfig"]

HOSTED = "api.ctibutler.com"
_CONNECTOR_ID = "c3e0f6e2-5b7a-4a58-9d0e-8d1b7f2a6c41"


def _pins(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = [part.strip() for part in value.split(",") if part.strip()]
    broken = [pair for pair in pairs if "=" not in pair]
    if broken:
        raise ValueError(f"expected pairs such as `cwe=4.17`, found `{broken[0]}`")
    return {
        name.strip(): version.strip()
        for name, version in (pair.split("=", 1) for pair in pairs)
    }


def _as_pycti_reads_it(value: Any) -> Any:
    # pycti takes any other text for true, even "FALSE".
    if isinstance(value, str) and value.strip() not in (
        "yes",
        "true",
        "True",
        "no",
        "false",
        "False",
    ):
        raise ValueError(f"expected true or false, found `{value}`")
    return value.strip() if isinstance(value, str) else value


Switch = Annotated[bool, BeforeValidator(_as_pycti_reads_it)]
"""A switch that pycti reads too."""


class ExternalImportConnectorConfig(BaseExternalImportConnectorConfig):
    """The section `connector`, with the defaults of this connector."""

    id: str = Field(
        default=_CONNECTOR_ID,
        description="A UUIDv4 that identifies this connector on the platform.",
    )
    name: str = Field(
        default="CTI Butler",
        min_length=1,
        description="The name shown on the platform.",
    )
    scope: ListFromString = Field(
        default=["ctibutler"], description="Shown on the platform. It is not a filter."
    )
    duration_period: timedelta = Field(
        default=timedelta(days=7),
        description="The time between two runs, as an ISO 8601 duration.",
    )
    run_and_terminate: Switch = Field(default=False, description="Run once and exit.")
    queue_threshold: float = Field(
        default=500,
        gt=0,
        description="No run starts while the queue holds more megabytes than this.",
    )
    queue_protocol: Literal["amqp", "api"] = Field(
        default="amqp",
        description="How objects reach the platform: RabbitMQ or the platform's API.",
    )
    send_to_queue: Switch = Field(
        default=True, description="Send objects to the platform."
    )
    send_to_directory: Switch = Field(
        default=False, description="Write the bundles to a folder as well."
    )

    @field_validator("id")
    @classmethod
    def _is_uuid4(cls, value: str) -> str:
        try:
            known = uuid.UUID(value.strip())
        except ValueError:
            known = None
        if known is None or known.version != 4:
            raise ValueError(f"expected a UUIDv4, found `{value}`")
        return value.strip()

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("duration_period", mode="before")
    @classmethod
    def _zero(cls, value: Any) -> Any:
        return "PT0S" if str(value).strip() == "0" else value


class CtibutlerConfig(BaseConfigModel):
    """The section `ctibutler`: the server, the knowledge bases, and how to import them."""

    base_url: HttpUrl = Field(
        default=HttpUrl("https://api.ctibutler.com/"),
        description="The server. `/api`, `/v1` and a trailing slash are optional.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="The API key, sent in the header `API-KEY`. The hosted API requires one.",
    )
    knowledgebases: ListFromString = Field(
        default=["attack"],
        min_length=1,
        description="The knowledge bases to import, separated by commas. `all` imports all of them, `attack` the three "
        "matrices of ATT&CK.",
    )
    interval_days: int = Field(
        default=7, ge=0, description="Days between two runs. 0 runs once and exits."
    )
    versions: Annotated[
        dict[str, str], BeforeValidator(_pins, json_schema_input_type=str)
    ] = Field(
        default={},
        description="Releases to stay at, such as `attack-enterprise=17.1,cwe=4.17`. The others follow the newest one.",
        json_schema_extra={"default": ""},
    )
    verify_ssl: str = Field(
        default="true",
        description="`true`, `false`, or the path of a file with CA certificates.",
    )
    timeout: float = Field(
        default=60,
        gt=0,
        description="Seconds without data after which a request fails.",
    )
    retries: int = Field(
        default=5,
        ge=0,
        description="Retries of a request after 429, 5xx or a broken connection.",
    )
    page_size: int = Field(
        default=500, ge=1, description="Objects per page, for servers without bundles."
    )
    concurrency: int = Field(
        default=4,
        ge=1,
        le=16,
        description="Requests at a time, for servers without bundles.",
    )
    batch_size: int = Field(
        default=2000, ge=1, description="Objects sent to the platform at a time."
    )
    marking: Literal["clear", "green", "amber", "amber+strict", "red", "none"] = Field(
        default="clear", description="The TLP marking of objects that have none."
    )
    keep_statement_markings: bool = Field(
        default=False,
        description="Keep copyright statements as markings. They hide objects from users without that marking.",
    )
    deprecated: Literal["revoke", "skip", "keep"] = Field(
        default="revoke",
        description="Deprecated objects: `revoke` them, `skip` them (what is on the platform stays), or `keep` them as "
        "if they were live.",
    )
    removed: Literal["revoke", "delete", "keep"] = Field(
        default="revoke",
        description="Objects that the newer release no longer has: `revoke`, `delete` or `keep` them.",
    )
    cross_links: bool = Field(
        default=True,
        description="Import relationships between two enabled knowledge bases.",
    )
    cwe_groupings: bool = Field(
        default=False,
        description="Import the categories and views of CWE as groupings.",
    )
    detections: bool = Field(
        default=True,
        description="Turn the detection strategies of ATT&CK into `detects` relationships.",
    )
    location_aliases: bool = Field(
        default=True, description="Add ISO codes as aliases of countries."
    )
    keep_platform_names: bool = Field(
        default=True,
        description="Locations and sectors that OpenCTI has keep their name and their parent. `false` overwrites both.",
    )
    force_full: bool = Field(
        default=False,
        description="Send everything again in the first run after a start.",
    )
    dry_run: bool = Field(
        default=False,
        description="Print what a run would change in OpenCTI, write nothing to it, and exit.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _trim(cls, value: Any) -> Any:
        return value.strip() if isinstance(value, str) else value

    @field_validator("marking", "deprecated", "removed", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("knowledgebases")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        names = [str(name).strip(" '\"").lower() for name in value]
        _refuse_unknown(
            name for name in names if name not in NAMES and name not in ALIASES
        )
        wanted = {real for name in names for real in ALIASES.get(name, (name,))}
        return [name for name in NAMES if name in wanted]

    @field_validator("versions")
    @classmethod
    def _known_pins(cls, value: dict[str, str]) -> dict[str, str]:
        pins = {
            name.strip().lower(): str(version).strip()
            for name, version in value.items()
        }
        _refuse_unknown(name for name in pins if name not in NAMES)
        return {
            name: version.lstrip("vV").replace("_", ".")
            for name, version in pins.items()
        }

    @field_validator("verify_ssl", mode="before")
    @classmethod
    def _readable(cls, value: Any) -> str:
        text = str(value).strip()
        if text.lower() in ("true", "false"):
            return text.lower()
        if not Path(text).exists():
            raise ValueError(
                f"expected true, false or the path of a file with CA certificates, found `{text}`"
            )
        return text

    @field_validator("api_key")
    @classmethod
    def _given_to_the_hosted_api(
        cls, value: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        host = urlsplit(str(info.data.get("base_url", ""))).hostname
        if host == HOSTED and not (value and value.get_secret_value()):
            raise ValueError(
                f"is required for {HOSTED}; your own server (CTIBUTLER_BASE_URL) may not need one"
            )
        return value

    def address(self) -> ServerAddress:
        """The server, in the form that the client takes."""
        verify: bool | str = (
            self.verify_ssl == "true"
            if self.verify_ssl in ("true", "false")
            else self.verify_ssl
        )
        return ServerAddress(
            base_url=str(self.base_url),
            api_key=self.api_key.get_secret_value() if self.api_key else None,
            verify=verify,
            timeout=self.timeout,
            retries=self.retries,
            page_size=self.page_size,
            concurrency=self.concurrency,
        )

    def options(self) -> Options:
        """The settings that change the converted objects."""
        return Options(
            marking=self.marking,
            keep_statement_markings=self.keep_statement_markings,
            deprecated=self.deprecated,
            cwe_groupings=self.cwe_groupings,
            detections=self.detections,
            location_aliases=self.location_aliases,
        )

    def mapping_digest(self) -> str:
        """A digest of everything that changes the converted objects, as 12 hexadecimal digits."""
        options = self.options()
        values = {name: getattr(options, name) for name in Options.__slots__}
        text = json.dumps([MAPPING_VERSION, values], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class ConnectorSettings(BaseConnectorSettings):
    """The whole configuration of the connector."""

    connector: ExternalImportConnectorConfig = Field(
        default_factory=ExternalImportConnectorConfig
    )
    ctibutler: CtibutlerConfig = Field(default_factory=CtibutlerConfig)

    def __init__(self) -> None:
        """Read the configuration of this process. Raises ConfigValidationError, which names every mistake."""
        try:
            super().__init__()
        except ConfigValidationError as error:
            cause = error.__cause__
            raise ConfigValidationError(
                _all_mistakes(cause) if isinstance(cause, ValidationError) else error
            ) from cause

    @model_validator(mode="after")
    def _token_is_set(self) -> Self:
        if self.opencti.token.get_secret_value().strip().lower() in ("", "changeme"):
            raise ValueError("OPENCTI_TOKEN: set the token of the connector's user")
        return self

    @model_validator(mode="before")
    @classmethod
    def _prepared(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Every section, without empty values, and with the interval as a duration."""
        written = {
            name: _without_empty(data.get(name) or {}) for name in cls.model_fields
        }
        days = str(written["ctibutler"].get("interval_days", 7)).strip()
        duration = f"P{days}D" if days.isdigit() else "P7D"
        written["connector"].setdefault("duration_period", duration)
        return written


def _without_empty(section: dict[str, Any]) -> dict[str, Any]:
    """What was written. An empty environment variable is not."""
    return {name: value for name, value in section.items() if value not in (None, "")}


def _refuse_unknown(names: Any) -> None:
    unknown = list(names)
    if unknown:
        allowed = ", ".join([*(kb.slug for kb in ALL), *NOTHING_TO_IMPORT, *ALIASES])
        raise ValueError(f"unknown: {', '.join(unknown)}. Allowed: {allowed}")


def _all_mistakes(error: ValidationError) -> str:
    """Every mistake on a line of its own, by the name of the environment variable."""
    lines = []
    for mistake in error.errors():
        name = "_".join(
            str(part) for part in mistake["loc"] if isinstance(part, str)
        ).upper()
        reason = (
            "is required"
            if mistake["type"] == "missing"
            else mistake["msg"].removeprefix("Value error, ")
        )
        lines.append(f"  {name}: {reason}" if name else f"  {reason}")
    return "\n".join(["The configuration cannot be used:", *dict.fromkeys(lines)])
