"""JSON Schemas of OpenAPI 3.0, derived from the records that answers are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ctibutler.answers.object_view import ObjectView
from ctibutler.forms.json_form import Envelope
from ctibutler.stix.times import Instant

Schema = Mapping[str, object]

_PLACE = "#/components/schemas/{name}"


def ref(name: str) -> dict[str, object]:
    """Return a reference to a named schema."""
    return {"$ref": _PLACE.format(name=name)}


def page_type(name: str, key: str, item: object, facts: Mapping[str, object] | None = None) -> type:
    """Return the type of a page with its items under `key`. `facts` are the types of further members."""
    fields = [*(facts or {}).items(), (key, list[item])]  # type: ignore[valid-type]  # a type that is a value here
    return msgspec.defstruct(name, fields, bases=(Envelope,), kw_only=True, frozen=True)


def derived(answers: Mapping[str, object]) -> dict[str, Schema]:
    """Return schema name → schema of each of these types, and of the records that they hold.

    A record has the name of its class; one that may be null is referred to, never repeated in place.
    """
    schemas, components = msgspec.json.schema_components(
        list(answers.values()), schema_hook=_schema_of, ref_template=_PLACE
    )
    named = {name: schema for name, schema in zip(answers, schemas, strict=True) if schema != ref(name)}
    return {name: _openapi(schema) for name, schema in (components | named).items()}


def _schema_of(kind: type) -> dict[str, object]:
    if kind is ObjectView:
        return ref("StixObject")
    if kind is Instant:
        return {"type": "string", "format": "date-time"}
    raise NotImplementedError(f"no schema for {kind.__name__}")


def _openapi(schema: Any) -> Any:
    """Translate JSON Schema 2020-12 to OpenAPI 3.0, which has `nullable` but no type `null`."""
    if isinstance(schema, list):
        return [_openapi(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    translated = {key: _openapi(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    if isinstance(translated.get("description"), str):
        translated["description"] = " ".join(translated["description"].split())  # a docstring, on several lines
    if translated.get("type") == "array":
        translated.setdefault("items", {})
    if all(isinstance(word, str) for word in translated.get("enum", [None])):
        translated["type"] = "string"
    choices = translated.get("anyOf", [])
    others = [choice for choice in choices if choice != {"type": "null"}]
    if len(others) == len(choices):
        return translated
    beside = {key: value for key, value in translated.items() if key != "anyOf"}
    if len(others) > 1:
        return {**beside, "nullable": True, "anyOf": others}
    [only] = others
    return {**beside, "nullable": True, **({"allOf": [only]} if "$ref" in only else only)}
