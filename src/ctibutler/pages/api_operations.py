"""The OpenAPI document of this server, read into what its page shows of each route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

GROUPS: Final = ("knowledge bases", "search", "objects", "jobs", "links", "service")
"""What the routes over all knowledge bases are about, in this order. Every knowledge base is a group of its own."""

_METHODS: Final = ("get", "post", "delete")
_JSON: Final = "application/json"
# Every route has it. It is told once, for all of them.
_STRICT: Final = "strict"

Document = Mapping[str, Any]
Given = Mapping[str, str]
"""Values for the fields of a route."""


@dataclass(frozen=True)
class Taken:
    """A parameter of a route. `field` is its name in a form: `{id}` for a value in the path. `value` is what is filled in, and
    `choices` are all that it can be, if they are known."""

    name: str
    field: str
    description: str
    required: bool
    example: str
    choices: Sequence[str]
    value: str


@dataclass(frozen=True)
class Outcome:
    """A status that a route answers with, and in which media types."""

    status: str
    meaning: str
    media_types: Sequence[str]


@dataclass(frozen=True)
class Operation:
    """A route of the API with a request: `address` works as it is, unless it changes something. `body` is JSON, or empty.

    `answers_json` says whether its usual answer is JSON, `excerpt` is one, shortened.
    """

    method: str
    path: str
    summary: str
    description: str
    anchor: str
    parameters: Sequence[Taken]
    address: str
    body: str
    outcomes: Sequence[Outcome]
    answers_json: bool
    excerpt: str


def groups_of(document: Document) -> Mapping[str, str]:
    """Return the name of each group → what it is about."""
    return {tag["name"]: tag.get("description", "") for tag in document["tags"]}


def operations_in(document: Document, group: str) -> Iterator[Operation]:
    """Yield the routes of a group."""
    for path, item in document["paths"].items():
        for method in (name for name in _METHODS if name in item):
            if group in item[method].get("tags", ()):
                yield operation(document, path, method)


def operation(document: Document, path: str, method: str = "get", given: Given | None = None) -> Operation:
    """Return a route, with these values filled in, or else with those of the example.

    Raises KeyError if the document has no such route.
    """
    told = document["paths"][path][method]
    declared = [_found(document, it) for it in told.get("parameters", ())]
    taken = [_taken(it, given) for it in declared if it["name"] != _STRICT]
    outcomes = [_outcome(document, status, it) for status, it in told.get("responses", {}).items()]
    usual = next((it for it in outcomes if it.status.startswith("2")), Outcome("", "", ()))
    is_json = usual.media_types[:1] == [_JSON]
    return Operation(
        method=method.upper(),
        path=path,
        summary=told.get("summary", ""),
        description=" ".join(told.get("description", "").split()),
        anchor="o-" + told.get("operationId", f"{method}-{path}").replace("_", "-"),
        parameters=taken,
        address=address_of(path, {it.field: it.value for it in taken}),
        body=_compact(_example_of(document, _content(document, told.get("requestBody")).get(_JSON, {}))),
        outcomes=outcomes,
        answers_json=is_json,
        excerpt=_excerpt(document, told["responses"].get(usual.status)) if is_json else "",
    )


def address_of(path: str, given: Given) -> str:
    """Return the address of a request: the path with its values, and the query of the others that are not empty."""
    query = {}
    for field, value in given.items():
        if f"/{field}/" in path and field.startswith("{"):
            path = path.replace(f"/{field}/", f"/{quote(value, safe=':+')}/")
        elif value:
            query[field] = value
    return f"{path}?{urlencode(query)}" if query else path


def _taken(parameter: Document, given: Given | None) -> Taken:
    name, is_in_path = parameter["name"], parameter["in"] == "path"
    field = f"{{{name}}}" if is_in_path else name
    example, needed = _written(parameter.get("example")), bool(parameter.get("required"))
    value = given.get(field, "") if given is not None else example if needed else ""
    return Taken(
        name=name,
        field=field,
        description=parameter.get("description", ""),
        required=needed,
        example=example,
        choices=_choices(parameter.get("schema", {})),
        value=value or (example if is_in_path else ""),
    )


def _choices(schema: Document) -> Sequence[str]:
    """What a value can be: words of which one is chosen, or a boolean."""
    if any(it.get("type") == "boolean" for it in schema.get("anyOf", ())):
        return ("true", "false")
    return [str(it) for it in schema.get("enum", ()) if it != ""]


def _outcome(document: Document, status: str, told: Document) -> Outcome:
    code = HTTPStatus(int(status))
    own = told.get("description", "").removesuffix(".")
    return Outcome(status, code.phrase if own in ("", "Done", code.phrase) else own, [*_content(document, told)])


def _content(document: Document, told: Document | None) -> Document:
    return dict(_found(document, told or {}).get("content", {}))


def _example_of(document: Document, content: Document) -> object:
    example = content.get("example")
    for given in content.get("examples", {}).values():
        example = example if example is not None else _found(document, given).get("value")
    return example


def _excerpt(document: Document, told: Document | None) -> str:
    example = _example_of(document, _content(document, told).get(_JSON, {}))
    return "" if example is None else msgspec.json.format(msgspec.json.encode(example), indent=2).decode()


def _compact(example: object) -> str:
    return "" if example is None else msgspec.json.encode(example).decode()


def _found(document: Document, given: Document) -> Document:
    reference = given.get("$ref")
    if reference is None:
        return given
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
