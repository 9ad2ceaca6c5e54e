"""The OpenAPI document, generated from the declarations of the routes.

It is OpenAPI 3.0, which more programs read than later versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus

import ctibutler
from ctibutler.api.derived_schemas import Schema, ref
from ctibutler.api.examples import EXAMPLES
from ctibutler.api.forms import LAYER
from ctibutler.api.schemas import SCHEMAS, schemas_of
from ctibutler.forms import layer_archive
from ctibutler.forms.table_forms import TABLE_FORMS
from ctibutler.http.bodies import LARGEST_NUMBER, MOST_IDS, Field
from ctibutler.http.parameters import BLANKS, LONGEST_TEXT, STRICT, Parameter
from ctibutler.http.routing import Endpoint, Route
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.attack import APT29

_TITLE = "ctibutler"
_ABOUT = """
Ask MITRE ATT&CK, CWE, CAPEC, ATLAS, D3FEND, DISARM, F3 and other knowledge bases, release by release, as STIX 2.1.

* Lists of values are separated by commas, or the parameter is repeated.
* An empty value is the same as none.
* Unknown parameters are ignored and named in the header `Ctibutler-Ignored-Parameters`, unless `strict=true`.
* Examples are excerpts of real responses: lists are cut after two items, and long texts end with `…`.
"""
_TAGS: Mapping[str, str] = {
    "knowledge bases": "Which knowledge bases there are, and whether newer releases were found.",
    "search": "Search all knowledge bases at once.",
    "objects": "All knowledge bases as one: every object under its STIX id.",
    "jobs": "Installations and links that are waiting, running or done.",
    "links": "Links between the objects of different knowledge bases.",
    "service": "Health, metrics and this description.",
}
JOB_PATH = "/api/v1/jobs/{job_id}/"
_IGNORED = {
    "description": "Names of the query parameters that this route does not know, percent-encoded. Absent if it knows all.",
    "schema": {"type": "string"},
}
_EMPTY: Schema = {"type": "string", "enum": [""]}
_PATH_VALUES = {
    "id": "Id of the object (`{id}`, in any case) or its STIX id.",
    "version": "An installed release, or `latest`.",
    "job_id": "Id of the job.",
    "mode": "Which links to create.",
    "question": "What to ask: one of the words of `questions/`.",
}
_ANY_ID = "STIX id of the object. An id such as `T1059.001` works too if only one knowledge base has it."


def document(routes: Iterable[Route]) -> dict[str, object]:
    """Return the document of these routes, without aliases."""
    shown = [route for route in routes if route.endpoint.alias_of is None]
    names = {f"{route.endpoint.method} {route.template}": route.name for route in shown}
    own_schemas = [schemas_of(route.kb) for route in shown if route.kb is not None]
    paths: dict[str, dict[str, object]] = {}
    for route in shown:
        paths.setdefault(route.template, {})[route.endpoint.method.lower()] = _operation(route, names)
    return {
        "openapi": "3.0.3",
        "info": {"title": _TITLE, "version": ctibutler.__version__, "description": _ABOUT.strip()},
        "tags": [{"name": name, "description": text} for name, text in _tags(shown).items()],
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, **{name: schema for own in own_schemas for name, schema in own.items()}},
            "examples": {name: {"value": value} for name, value in EXAMPLES.items()},
            "parameters": {STRICT.name: _parameter(STRICT)},
            "headers": {"IgnoredParameters": _IGNORED},
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "API-KEY"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _tags(routes: Iterable[Route]) -> dict[str, str]:
    """The tags of these routes with their descriptions, those over all knowledge bases first."""
    knowledge_bases = {
        route.kb.slug: f"{route.kb.title}. {route.kb.licence}" for route in routes if route.kb is not None
    }
    return {**_TAGS, **knowledge_bases}


def _operation(route: Route, names: Mapping[str, str]) -> dict[str, object]:
    endpoint = route.endpoint
    operation: dict[str, object] = {
        "operationId": route.name,
        "summary": endpoint.summary,
        "description": " ".join(endpoint.description.split()),
        "tags": [route.kb.slug if route.kb else endpoint.tag],
        "parameters": [
            *(_path_value(route, part.strip("{}")) for part in route.template.split("/") if part.startswith("{")),
            *(_parameter(parameter) for parameter in endpoint.parameters),
            {"$ref": "#/components/parameters/strict"},
        ],
        "responses": _responses(route, names),
    }
    if endpoint.right != "open":
        # The empty requirement comes first: some servers need no key.
        operation["security"] = [{}, {"apiKey": []}, {"bearer": []}]
    if endpoint.fields is not None:
        content = {"application/json": {"schema": _body(endpoint.fields), "example": _body_example(endpoint.fields)}}
        operation["requestBody"] = {
            "required": endpoint.largest_file is not None or any(declared.required for declared in endpoint.fields),
            "content": {**content, **(_FILES if endpoint.largest_file is not None else {})},
        }
    return operation


_FILE: Schema = {"type": "string", "format": "binary"}
_FILES: Mapping[str, Schema] = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "array", "items": _FILE}, "decisions": _FILE},
        }
    },
    "application/octet-stream": {"schema": _FILE},
}


def _path_value(route: Route, name: str) -> dict[str, object]:
    schema: dict[str, object] = {"type": "string", "minLength": 1}
    choices = route.endpoint.choices.get(name, ())
    if choices:
        schema = {"type": "string", "enum": list(choices)}
    shown = (route.kb and route.kb.example) or APT29
    examples = {
        "id": shown.stix_id if route.kb is None else shown.id,
        "version": shown.release if route.kb and route.kb.example else release_labels.LATEST,
        "job_id": EXAMPLES["Job"]["id"],
        **({name: choices[0]} if choices else {}),
    }
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": _ANY_ID if name == "id" and route.kb is None else _PATH_VALUES[name].replace("{id}", shown.id),
        "schema": schema,
        "example": examples[name],
    }


def _parameter(parameter: Parameter) -> dict[str, object]:
    described: dict[str, object] = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description + _limit_in_words(parameter) + _default_in_words(parameter),
        "schema": _query_schema(parameter),
        "example": _example_of(parameter),
    }
    if parameter.required:
        described["required"] = True
    if parameter.aliases:
        described["description"] = f"{described['description']} Also `{'`, `'.join(parameter.aliases)}`."
    return described


def _example_of(parameter: Parameter) -> object:
    """The declared example; where the kind of parameter says which values it takes, one of them."""
    if parameter.example is not None:
        return parameter.example
    if parameter.kind == "flag":
        return not parameter.default
    if parameter.kind == "choice":
        return parameter.default or parameter.allowed[0]
    return parameter.default


def _limit_in_words(parameter: Parameter) -> str:
    unlimited = parameter.kind != "csv" or parameter.allowed
    return "" if unlimited else f" At most {parameter.most_items:,}, with commas between them."


def _default_in_words(parameter: Parameter) -> str:
    default = parameter.default
    return "" if default is None else f" Default: `{parameter.written(default)}`."


def _query_schema(parameter: Parameter) -> Schema:
    """What the parameter really accepts: the schema of a lenient one is lenient too."""
    if parameter.kind == "choice":
        return {"type": "string", "enum": [*parameter.allowed, *parameter.also, ""]}
    if parameter.kind == "flag":
        return {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": FLAG_PATTERN}]}
    if parameter.kind == "number":
        limits = {"minimum": parameter.minimum, "maximum": parameter.maximum}
        return {"anyOf": [{"type": "integer", **limits}, _EMPTY]}
    if parameter.kind == "page":
        # A number beyond the limit is refused; any other text is page 1.
        return {"anyOf": [{"type": "integer", "maximum": parameter.maximum}, {"type": "string"}]}
    if parameter.kind == "page_size":
        return {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    if parameter.kind == "time":
        return {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}, _EMPTY]}
    if parameter.kind == "csv" and parameter.allowed:
        words = "|".join(parameter.allowed)
        return {"type": "string", "pattern": f"^[{_BLANKS},]*(({words})[{_BLANKS}]*(,[{_BLANKS},]*|$))*$"}
    if parameter.required:
        return {"type": "string", "pattern": f"[^,{_BLANKS}]"}
    if parameter.kind == "text":
        return {"type": "string", "maxLength": LONGEST_TEXT}
    return {"type": "string"}


_BLANKS = BLANKS.encode("unicode_escape").decode()
_FLAG_WORDS = ("true", "1", "yes", "y", "on", "false", "0", "no", "n", "off", "")
FLAG_PATTERN = (
    f"^[{_BLANKS}]*("
    + "|".join("".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in word) for word in _FLAG_WORDS)
    + f")[{_BLANKS}]*$"
)


def _body(fields: Iterable[Field]) -> Schema:
    fields = list(fields)
    properties: dict[str, object] = {}
    for declared in fields:
        schema = dict(_FIELD_SCHEMAS[declared.kind])
        if declared.kind == "ids" and declared.required:
            schema["minItems"] = 1
        if declared.kind == "version" and not declared.required:
            schema["nullable"] = True
        if declared.default is not None:
            schema["default"] = declared.default
        properties[declared.name] = {**schema, "description": declared.description, "example": declared.example}
    required = [declared.name for declared in fields if declared.required]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _body_example(fields: Iterable[Field]) -> dict[str, object]:
    """A body with the required fields, or with the first field if none is required."""
    fields = list(fields)
    needed = [declared for declared in fields if declared.required] or fields[:1]
    return {declared.name: declared.example for declared in needed}


_FIELD_SCHEMAS: Mapping[str, Schema] = {
    "version": {
        "anyOf": [
            {
                "type": "string",
                "maxLength": release_labels.MAX_LENGTH,
                "pattern": rf"^[{_BLANKS}]*[vV]?[0-9A-Za-z]+([._-][0-9A-Za-z]+)*[{_BLANKS}]*$",
            },
            {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": LARGEST_NUMBER},
        ]
    },
    "flag": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time", "nullable": True},
    "ids": {"type": "array", "items": {"type": "string", "pattern": f"[^{_BLANKS}]"}, "maxItems": MOST_IDS},
}


def _responses(route: Route, names: Mapping[str, str]) -> dict[str, object]:
    endpoint = route.endpoint
    answers: dict[str, object] = {str(endpoint.status): {**_success(route), **_links(route, names)}}
    if endpoint.cached or endpoint.streams:
        answers["304"] = {"description": "Not modified since the client fetched it (`If-None-Match`)."}
    statuses = {*endpoint.fails, 400, 500, 503}
    if endpoint.right != "open":
        statuses |= {401, 403}
    if endpoint.right == "write":
        statuses.add(405)
    if endpoint.fields is not None:
        statuses |= {413} if endpoint.largest_file is not None else {413, 415}
    for status in sorted(statuses):
        shape = {"application/json": {"schema": ref("Error"), **_examples("Error")}}
        answers.setdefault(str(status), {"description": HTTPStatus(status).phrase, "content": shape})
    if endpoint.shows == "Readiness":
        answers["503"] = {
            "description": "The database does not answer.",
            "content": {"application/json": {"schema": ref("Readiness"), **_examples("Readiness.unavailable")}},
        }
    return answers


def _any_of(names: list[str]) -> Schema:
    return ref(names[0]) if len(names) == 1 else {"anyOf": list(map(ref, names))}


def _has_layers(endpoint: Endpoint) -> bool:
    """Whether an answer of this endpoint can also be a Navigator layer, which is JSON as well."""
    return any(parameter.name == "format" and LAYER in parameter.allowed for parameter in endpoint.parameters)


def _links(route: Route, names: Mapping[str, str]) -> dict[str, object]:
    """Where an answer leads: from a list to its objects, from a request for work to its job."""
    one = names.get(f"GET {route.template}{{id}}/")
    if route.endpoint.shows == "ObjectPage" and one is not None:
        return {"links": {"object": {"operationId": one, "parameters": {"id": "$response.body#/objects/0/id"}}}}
    if route.endpoint.status == 201:
        job = names[f"GET {JOB_PATH}"]
        return {"links": {"job": {"operationId": job, "parameters": {"job_id": "$response.body#/id"}}}}
    return {}


def _examples(*names: str) -> dict[str, object]:
    """The example with the first of these names that exists."""
    name = next((name for name in names if name in EXAMPLES), None)
    return {} if name is None else {"examples": {"excerpt": {"$ref": f"#/components/examples/{name}"}}}


def _variant(media_type: str, route: Route) -> dict[str, object]:
    """What an answer of this media type is: a bundle, text, a file, or else JSON."""
    if "stix" in media_type:
        return {"schema": ref("Bundle"), **_examples("Bundle")}
    form = next((form for form in TABLE_FORMS.values() if form.accepted and form.media_type == media_type), None)
    if form is not None:
        return {"schema": {"type": "string", **({} if form.is_text else {"format": "binary"})}}
    return {"schema": {"type": "object"}, **_examples(f"{route.name}.json")}


def _file(media_type: str, route: Route) -> dict[str, object]:
    """What a file of this media type is: a bundle, text, or else bytes."""
    if "stix" in media_type:
        return _variant(media_type, route)
    return {"schema": {"type": "string"} if media_type.startswith("text/") else _FILE}


_SUCCESSES = {200: "Done.", 201: "The job was created.", 204: "Done; the response is empty."}


def _success(route: Route) -> dict[str, object]:
    endpoint = route.endpoint
    answer: dict[str, object] = {"description": _SUCCESSES[endpoint.status]}
    if endpoint.shows:
        slug = route.kb.slug if route.kb else ""
        shapes = {
            endpoint.media_type: {
                "schema": _any_of(
                    [endpoint.shows, *endpoint.also_shows, *(["LayerFile"] if _has_layers(endpoint) else [])]
                ),
                **_examples(f"{endpoint.shows}.{slug}", f"{endpoint.shows}.{route.name}", endpoint.shows),
            }
        }
        for variant in endpoint.variants:
            shapes[variant] = _variant(variant, route)
        for media_type in endpoint.files:
            shapes.setdefault(media_type, _file(media_type, route))
        if _has_layers(endpoint) and any(parameter.name == "per" for parameter in endpoint.parameters):
            shapes[layer_archive.MEDIA_TYPE] = {"schema": {"type": "string", "format": "binary"}}
        answer["content"] = shapes
    headers: dict[str, object] = {"Ctibutler-Ignored-Parameters": {"$ref": "#/components/headers/IgnoredParameters"}}
    if endpoint.cached or endpoint.streams:
        headers["ETag"] = {"schema": {"type": "string"}}
    if endpoint.shows.endswith("Page"):
        headers["Link"] = {"schema": {"type": "string"}}
        headers["X-Total-Count"] = {"schema": {"type": "string"}}
    if endpoint.status == 201:
        headers["Location"] = {"schema": {"type": "string"}}
    answer["headers"] = headers
    return answer
