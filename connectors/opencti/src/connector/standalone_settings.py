"""Settings classes for an installation without OpenCTI's connectors SDK.

They have the names and the shapes of the SDK's classes, as far as this connector needs them, and read the same places.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FieldSerializationInfo,
    HttpUrl,
    ModelWrapValidatorHandler,
    SecretStr,
    SerializerFunctionWrapHandler,
    ValidationError,
    create_model,
    field_serializer,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)


class ConfigValidationError(Exception):
    """The configuration cannot be used."""


def _split(value: Any) -> Any:
    return (
        [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


ListFromString = Annotated[list[str], BeforeValidator(_split)]
"""A list that may be written with commas."""


class BaseConfigModel(BaseModel):
    """One section of the configuration."""

    model_config = ConfigDict(extra="allow", frozen=True, validate_default=True)


def _for_pycti(info: FieldSerializationInfo) -> bool:
    """Whether a value is serialized for pycti's helper, which reads secrets as they are and lists with commas."""
    return (info.context or {}).get("mode") == "pycti"


class _OpenCtiConfig(BaseConfigModel):
    url: HttpUrl = Field(description="The base URL of the OpenCTI instance.")
    token: SecretStr = Field(description="The API token to connect to OpenCTI.")

    @field_serializer("token", mode="wrap", when_used="json")
    def _plain_token(
        self,
        value: SecretStr,
        handler: SerializerFunctionWrapHandler,
        info: FieldSerializationInfo,
    ) -> Any:
        return value.get_secret_value() if _for_pycti(info) else handler(value)


class _BaseConnectorConfig(BaseConfigModel):
    id: str = Field(description="A UUID v4 to identify the connector in OpenCTI.")
    name: str = Field(description="The name of the connector.")
    scope: ListFromString = Field(description="The scope of the connector.")
    log_level: Literal["debug", "info", "warn", "warning", "error"] = Field(
        default="error", description="The minimum level of logs to display."
    )

    @field_serializer("scope", mode="wrap", when_used="json")
    def _scope_as_text(
        self,
        value: list[str],
        handler: SerializerFunctionWrapHandler,
        info: FieldSerializationInfo,
    ) -> Any:
        return ",".join(value) if _for_pycti(info) else handler(value)


class BaseExternalImportConnectorConfig(_BaseConnectorConfig):
    """The section `connector` of a connector that imports on its own."""

    type: Literal["EXTERNAL_IMPORT"] = "EXTERNAL_IMPORT"
    duration_period: timedelta = Field(
        description="The period of time to await between two runs of the connector."
    )


class BaseConnectorSettings(BaseConfigModel):
    """The whole configuration."""

    opencti: _OpenCtiConfig
    connector: _BaseConnectorConfig

    def __init__(self) -> None:
        """Read the configuration of this process."""
        try:
            super().__init__()
        except ValidationError as error:
            raise ConfigValidationError("Error validating configuration.") from error

    @model_validator(mode="wrap")
    @classmethod
    def _load_config_dict(
        cls, _data: Any, handler: ModelWrapValidatorHandler[Self]
    ) -> Self:
        """Replace the data, which is empty, by what was configured."""
        written = _loader(cls)().model_dump(exclude_unset=True)
        return handler({name: written.get(name, {}) for name in cls.model_fields})

    def to_helper_config(self) -> dict[str, Any]:
        """The configuration in the form that pycti's helper reads."""
        return self.model_dump(mode="json", context={"mode": "pycti"})


class _Loader(BaseSettings):
    """Values from the environment, else from `config.yml`, else, if there is no `config.yml`, from `.env`."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="allow",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        enable_decoding=False,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        entry = (
            Path(
                getattr(sys.modules["__main__"], "__file__", None)
                or Path.cwd() / "main.py"
            )
            .resolve()
            .parent
        )
        for file in (entry / "config.yml", entry.parent / "config.yml"):
            if file.is_file():
                return (
                    env_settings,
                    YamlConfigSettingsSource(settings_cls, yaml_file=file),
                )
        if (entry.parent / ".env").is_file():
            return (
                env_settings,
                DotEnvSettingsSource(settings_cls, env_file=entry.parent / ".env"),
            )
        return (env_settings,)


def _loader(settings: type[BaseConnectorSettings]) -> type[_Loader]:
    """A loader with the sections of `settings`, in which every value is accepted as it was written."""
    sections: dict[str, Any] = {}
    for name, field in settings.model_fields.items():
        assert isinstance(field.annotation, type)  # every section is a model
        keys: dict[str, Any] = dict.fromkeys(field.annotation.model_fields, (Any, None))
        section = create_model(name, __config__=ConfigDict(extra="allow"), **keys)
        sections[name] = (section, Field(default_factory=section))
    return create_model("Loader", __base__=_Loader, **sections)
