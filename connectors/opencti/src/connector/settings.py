"""The connector's settings: what an operator may write, and what it means.

Everything wrong is found before the connector registers on the platform, and named all at once.
"""

import hashlib
import json
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr, ValidationInfo, field_validator, model_validator

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
    return {name.strip(): version.strip() for name, version in (pair.split("=", 1) for pair in pairs)}


class ExternalImportConnectorConfig(BaseExternalImportConnectorConfig):
    """The section `connector`, with this connector's defaults."""

    id: str = Field(default=_CONNECTOR_ID, description="A UUIDv4 that identifies this connector on the platform.")
    name: str = Field(default="CTI Butler", min_length=1, description="The name that the platform shows.")
    scope: ListFromString = Field(default=["ctibutler"], description="Shown by the platform; never a filter.")

    @field_validator("id")
    @classmethod
    def _is_uuid4(cls, value: str) -> str:
        try:
            known = uuid.UUID(value)
        except ValueError:
            known = None
        if known is None or known.version != 4:
            raise ValueError(f"expected a UUIDv4, found `{value}`")
        return value


class CtibutlerConfig(BaseConfigModel):
    """The section `ctibutler`: which server, which knowledge bases, and how they arrive."""

    base_url: HttpUrl = Field(
        default=HttpUrl("https://api.ctibutler.com/"),
        description="The server, with or without `/api`, `/v1` and trailing slash.",
    )
    api_key: SecretStr | None = Field(
        default=None, description="Sent as header `API-KEY`. Required by the hosted API, optional otherwise."
    )
    knowledgebases: ListFromString = Field(
        min_length=1, description="The knowledge bases to import, separated by commas, or `all`."
    )
    interval_days: int = Field(default=7, ge=0, description="Days between two runs; 0 runs once and ends.")
    versions: Annotated[dict[str, str], BeforeValidator(_pins)] = Field(
        default={},
        description="Releases to stay at, as `attack-enterprise=17.1,cwe=4.17`; all others follow the newest.",
    )
    verify_ssl: str = Field(default="true", description="`true`, `false`, or the path of a file with CA certificates.")
    timeout: float = Field(default=60, gt=0, description="Seconds of silence after which a request is given up.")
    retries: int = Field(default=5, ge=0, description="How often a request is repeated that may succeed later.")
    page_size: int = Field(default=500, ge=1, description="Objects asked for at a time from a server with pages only.")
    concurrency: int = Field(default=4, ge=1, le=16, description="Requests at a time to a server with pages only.")
    batch_size: int = Field(default=2000, ge=1, description="Objects handed to the platform at a time.")
    marking: Literal["clear", "green", "amber", "amber+strict", "red", "none"] = Field(
        default="clear", description="The TLP marking of objects that have none."
    )
    keep_statement_markings: bool = Field(
        default=False, description="Whether copyright statements stay as markings, which hide data from other users."
    )
    deprecated: Literal["revoke", "skip", "keep"] = Field(
        default="revoke", description="What becomes of objects that their publisher deprecates."
    )
    removed: Literal["revoke", "delete", "keep"] = Field(
        default="revoke", description="What becomes of objects that a newer release no longer has."
    )
    cross_links: bool = Field(
        default=True, description="Whether relationships between two knowledge bases are imported."
    )
    cwe_groupings: bool = Field(default=False, description="Whether CWE's categories and views arrive as groupings.")
    detections: bool = Field(
        default=True, description="Whether ATT&CK's detection strategies are folded into `detects`."
    )
    location_aliases: bool = Field(default=True, description="Whether ISO codes become aliases of countries.")
    force_full: bool = Field(default=False, description="Whether the first run after a start sends everything again.")

    @field_validator("marking", "deprecated", "removed", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("knowledgebases")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        names = [str(name).strip().lower() for name in value]
        _refuse_unknown(name for name in names if name not in NAMES and name not in ALIASES)
        wanted = {real for name in names for real in ALIASES.get(name, (name,))}
        return [name for name in NAMES if name in wanted]

    @field_validator("versions")
    @classmethod
    def _known_pins(cls, value: dict[str, str]) -> dict[str, str]:
        pins = {name.strip().lower(): str(version).strip() for name, version in value.items()}
        _refuse_unknown(name for name in pins if name not in NAMES)
        return {name: version.lstrip("vV").replace("_", ".") for name, version in pins.items()}

    @field_validator("verify_ssl", mode="before")
    @classmethod
    def _readable(cls, value: Any) -> str:
        text = str(value).strip()
        if text.lower() in ("true", "false"):
            return text.lower()
        if not Path(text).exists():
            raise ValueError(f"expected true, false or the path of a file with CA certificates, found `{text}`")
        return text

    @field_validator("api_key")
    @classmethod
    def _given_to_the_hosted_api(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        host = urlsplit(str(info.data.get("base_url", ""))).hostname
        if host == HOSTED and not (value and value.get_secret_value()):
            raise ValueError(f"is required for {HOSTED}; a server of your own (CTIBUTLER_BASE_URL) may need none")
        return value

    def address(self) -> ServerAddress:
        """The server, as the client wants it."""
        verify: bool | str = self.verify_ssl == "true" if self.verify_ssl in ("true", "false") else self.verify_ssl
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
        """The settings that change what a release becomes."""
        return Options(
            marking=self.marking,
            keep_statement_markings=self.keep_statement_markings,
            deprecated=self.deprecated,
            cwe_groupings=self.cwe_groupings,
            detections=self.detections,
            location_aliases=self.location_aliases,
        )

    def mapping_digest(self) -> str:
        """Changes when the same release would become something else: 12 hexadecimal digits."""
        options = self.options()
        values = {name: getattr(options, name) for name in Options.__slots__}
        text = json.dumps([MAPPING_VERSION, values], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class ConnectorSettings(BaseConnectorSettings):
    """The whole configuration of the connector."""

    connector: ExternalImportConnectorConfig
    ctibutler: CtibutlerConfig

    def __init__(self) -> None:
        """Read the configuration of this process. Raises ConfigValidationError, which names every problem."""
        super().__init__()

    @model_validator(mode="before")
    @classmethod
    def _interval_as_duration(cls, data: dict[str, Any]) -> dict[str, Any]:
        connector = dict(data.get("connector") or {})
        if connector.get("duration_period") in (None, ""):
            days = (data.get("ctibutler") or {}).get("interval_days", 7)
            connector["duration_period"] = f"P{days}D" if str(days).strip().isdigit() else "P7D"
        return {**data, "connector": connector}


def _refuse_unknown(names: Any) -> None:
    unknown = list(names)
    if unknown:
        allowed = ", ".join([*(kb.slug for kb in ALL), *NOTHING_TO_IMPORT, *ALIASES])
        raise ValueError(f"unknown: {', '.join(unknown)}. Allowed: {allowed}")
