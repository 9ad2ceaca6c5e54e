"""Writes the schema and the table of settings in `__metadata__` from the declarations: `python -m tests.config_doc`."""

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(FOLDER / "src"))

from pydantic import BaseModel  # noqa: E402
from pydantic_core import PydanticUndefined  # noqa: E402

from connector.sdk import OpenCtiConfig  # noqa: E402
from connector.settings import CtibutlerConfig, ExternalImportConnectorConfig  # noqa: E402

SCHEMA = FOLDER / "__metadata__" / "connector_config_schema.json"
TABLE = FOLDER / "__metadata__" / "CONNECTOR_CONFIG_DOC.md"

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("OPENCTI", OpenCtiConfig),
    ("CONNECTOR", ExternalImportConnectorConfig),
    ("CTIBUTLER", CtibutlerConfig),
)
_KEPT = ("type", "enum", "const", "format", "minimum", "maximum", "exclusiveMinimum", "minLength", "minItems", "items")


def properties() -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Every setting by its environment variable, and those that must be given."""
    found: dict[str, dict[str, Any]] = {}
    required = []
    for prefix, model in _SECTIONS:
        described = model.model_json_schema()["properties"]
        for name, field in model.model_fields.items():
            key = f"{prefix}_{name.upper()}"
            shape = described[name]
            shape = next((one for one in shape.get("anyOf", ()) if one.get("type") != "null"), shape)
            # Simple types alone: the platform's form shows nothing else.
            entry = {"description": field.description, **{part: shape[part] for part in _KEPT if part in shape}}
            if entry.get("type") == "object":
                entry["type"] = "string"
            default = None if field.default is PydanticUndefined else field.default
            if name == "duration_period":
                default = "P7D"
            elif field.is_required():
                required.append(key)
            if default not in (None, {}):
                entry["default"] = default if isinstance(default, bool | int | float | str | list) else str(default)
            found[key] = entry
    return found, required


def schema() -> str:
    found, required = properties()
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://www.filigran.io/connectors/ctibutler_config.schema.json",
        "type": "object",
        "properties": found,
        "required": required,
        "additionalProperties": True,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def table() -> str:
    found, required = properties()
    lines = [
        "# Connector Configurations",
        "",
        "Below is an exhaustive list of all configuration parameters, their types, defaults and meaning.",
        "",
        "| Property | Type | Required | Possible values | Default | Description |",
        "| -------- | ---- | -------- | --------------- | ------- | ----------- |",
    ]
    for key, entry in found.items():
        kind = f"array of {entry['items']['type']}" if "items" in entry else entry.get("type", "string")
        values = " ".join(f"`{value}`" for value in entry.get("enum", [entry["const"]] if "const" in entry else []))
        default = json.dumps(entry["default"], ensure_ascii=False) if "default" in entry else ""
        need = "yes" if key in required else ""
        lines.append(
            f"| {key} | `{kind}` | {need} | {values} | {f'`{default}`' if default else ''} | {entry['description']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
    TABLE.write_text(table(), encoding="utf-8")
