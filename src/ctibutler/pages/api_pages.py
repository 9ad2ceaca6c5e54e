"""The page of the API: every route with a request that works, made from the OpenAPI document of this server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from starlette.responses import Response

from ctibutler.errors import NotFound
from ctibutler.http.forwarding import answer_at
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.pages.templating import Frame, page

_HTML: Final = "text/html"
_GROUPS: Final = ("knowledge bases", "search", "objects", "jobs", "links", "service")
_METHODS: Final = ("get", "post", "delete")


@dataclass(frozen=True)
class Taken:
    """A parameter of a route."""

    name: str
    place: str
    description: str
    required: bool
    example: str


@dataclass(frozen=True)
class Operation:
    """A route of the API with a request that works. `address` is empty where it would change something."""

    method: str
    path: str
    summary: str
    description: str
    anchor: str
    parameters: Sequence[Taken]
    address: str
    body: str


def endpoints() -> Iterator[Endpoint]:
    """Yield the endpoints."""
    group = (Parameter("group", "text", "Routes of a knowledge base, by its name."),)
    yield Endpoint("GET", "help/api/", _api, "", "", group, variants=(_HTML,), even=True, cached=True)


def _api(request: Request) -> Response:
    document: Mapping[str, Any] = msgspec.json.decode(answer_at(request, "/api/schema/", "format=json").body)
    tags = {tag["name"]: tag.get("description", "") for tag in document["tags"]}
    group = request.values.text("group")
    if group is not None and group not in tags:
        raise NotFound(f"no routes are called `{group[:100]}`")
    wanted = [group] if group is not None else [name for name in _GROUPS if name in tags]
    operations: dict[str, list[Operation]] = {name: [] for name in wanted}
    for path, item in document["paths"].items():
        for method in (name for name in _METHODS if name in item):
            for name in item[method].get("tags", ()):
                if name in operations:
                    operations[name].append(_operation(document, path, method, item[method]))
    address = f"/help/api?{urlencode({'group': group})}" if group else "/help/api"
    bases = [name for name in tags if name not in _GROUPS]
    context = {"operations": operations, "about": tags, "bases": bases, "group": group, "host": _host(request)}
    return page("api.html", Frame("API" if group is None else f"API: {group}", address, active="api"), **context)


def _operation(document: Mapping[str, Any], path: str, method: str, told: Mapping[str, Any]) -> Operation:
    taken, filled, query = [], path, dict[str, str]()
    for given in told.get("parameters", ()):
        parameter = _found(document, given)
        example = _example(parameter.get("example"))
        needed = bool(parameter.get("required"))
        taken.append(Taken(parameter["name"], parameter["in"], parameter.get("description", ""), needed, example))
        if parameter["in"] == "path":
            filled = filled.replace(f"{{{parameter['name']}}}", quote(example, safe=":+"))
        elif needed:
            query[parameter["name"]] = example
    body = _body(document, told.get("requestBody"))
    return Operation(
        method=method.upper(),
        path=path,
        summary=told.get("summary", ""),
        description=" ".join(told.get("description", "").split()),
        anchor="o-" + told.get("operationId", f"{method}-{path}").replace("_", "-"),
        parameters=taken,
        address=f"{filled}?{urlencode(query)}" if query else filled,
        body=body,
    )


def _found(document: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = given.get("$ref")
    if reference is None:
        return given
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _example(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _body(document: Mapping[str, Any], told: Mapping[str, Any] | None) -> str:
    content = _found(document, told or {}).get("content", {}).get("application/json", {})
    example = content.get("example")
    for given in content.get("examples", {}).values():
        example = example if example is not None else _found(document, given).get("value")
    return "" if example is None else msgspec.json.encode(example).decode()


def _host(request: Request) -> str:
    scheme = request.headers.get("x-forwarded-proto", str(request.scope.get("scheme", "http")))
    host = request.headers.get("host", "127.0.0.1:8006")
    is_plain = host.replace(".", "").replace("-", "").replace(":", "").replace("[", "").replace("]", "").isalnum()
    return f"{scheme if scheme in ('http', 'https') else 'http'}://{host if is_plain else '127.0.0.1:8006'}"
