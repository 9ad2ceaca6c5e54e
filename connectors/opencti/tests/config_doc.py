"""Writes the schema and the table of settings in `__metadata__`: `python -m tests.config_doc`.

The schema has the form that the platform's connector manager reads: one flat property for each environment variable,
with simple types. The connectors SDK has a generator for it, which is used where the SDK is installed. The table is
made by the package that OpenCTI's repository of connectors makes it with.
"""

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(FOLDER / "src"))

import jsonschema_markdown  # noqa: E402
from connector.settings import ConnectorSettings  # noqa: E402
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue  # noqa: E402

SCHEMA = FOLDER / "__metadata__" / "connector_config_schema.json"
TABLE = FOLDER / "__metadata__" / "CONNECTOR_CONFIG_DOC.md"
SLUG = "ctibutler"


class _Flat(GenerateJsonSchema):
    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        """An optional value has the type of the value: the platform's form shows no unions."""
        return self.generate_inner(schema["schema"])


def whole() -> dict[str, Any]:
    """The schema of all settings."""
    if hasattr(ConnectorSettings, "config_json_schema"):
        return dict(ConnectorSettings.config_json_schema(connector_name=SLUG))
    found: dict[str, Any] = {}
    required: list[str] = []
    nested = ConnectorSettings.model_json_schema(schema_generator=_Flat)
    for section, reference in nested["properties"].items():
        model = nested["$defs"][reference["$ref"].split("/")[-1]]
        for name, entry in model["properties"].items():
            key = f"{section}_{name}".upper()
            found[key] = {
                part: value for part, value in entry.items() if part != "title"
            }
            if name in model.get("required", ()):
                required.append(key)
    del found["CONNECTOR_ID"]  # the platform gives a managed connector its id
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://www.filigran.io/connectors/{SLUG}_config.schema.json",
        "type": "object",
        "properties": found,
        "required": required,
        "additionalProperties": True,
    }


def properties() -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Every setting by its environment variable, and those that are required."""
    schema = whole()
    return schema["properties"], schema["required"]


def schema() -> str:
    """The text of the schema file."""
    return json.dumps(whole(), indent=2, ensure_ascii=False) + "\n"


def table() -> str:
    """The text of the table of settings, as OpenCTI's own script makes it from the schema."""
    described = {
        **whole(),
        "description": "All settings with their types, defaults and meaning.",
    }
    return jsonschema_markdown.generate(
        described,
        title="Connector Configurations",
        hide_empty_columns=True,
        footer=False,
    )


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
    TABLE.write_text(table(), encoding="utf-8")
