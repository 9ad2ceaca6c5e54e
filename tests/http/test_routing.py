"""Paths lead to routes: fixed words take priority over values, and aliases lead to the same route."""

from __future__ import annotations

import pytest
from starlette.responses import Response

from ctibutler.api.errors import write_error
from ctibutler.http.requests import Request
from ctibutler.http.router import Router
from ctibutler.http.routing import Edge, Endpoint, Route


def _handler(_: Request) -> Response:
    return Response()


def _route(method: str, path: str, alias_of: str | None = None) -> Route:
    return Route(Endpoint(method, path, _handler, "", "", alias_of=alias_of), "/api/v1/" + path)  # type: ignore[arg-type]


ROUTES = [
    _route("GET", "cwe/objects/"),
    _route("GET", "cwe/", "cwe/objects/"),
    _route("POST", "cwe/"),
    _route("GET", "cwe/objects/{id}/"),
    _route("GET", "cwe/{id}/", "cwe/objects/{id}/"),
    _route("DELETE", "cwe/truncate/"),
]


def _router(routes: list[Route], aliases: dict[str, str]) -> Router:
    return Router([Edge(("/api",), routes, write_error, aliases=aliases)])


ROUTER = _router(ROUTES, {"/api/v1/cwes": "/api/v1/cwe", "/v1": "/api/v1"})


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/api/v1/cwe/objects/", "/api/v1/cwe/objects/", {}),
        ("/api/v1/cwe/objects", "/api/v1/cwe/objects/", {}),
        ("/v1/cwes/objects/CWE-79", "/api/v1/cwe/objects/{id}/", {"id": "CWE-79"}),
        ("/api/v1/cwe/d3f%3AEvict/", "/api/v1/cwe/{id}/", {"id": "d3f:Evict"}),
        ("/api/v1/cwe/a%252Fb/", "/api/v1/cwe/{id}/", {"id": "a%2Fb"}),
        ("/api/v1/cwe/a%2Fb/", "/api/v1/cwe/{id}/", {"id": "a\uffffb"}),
        ("/api/v1/cwe/%00/", "/api/v1/cwe/{id}/", {"id": "\uffff"}),
        ("//v1/cwe/objects/", "/api/v1/cwe/objects/", {}),
        ("/api//v1///cwe/objects//", "/api/v1/cwe/objects/", {}),
        ("/api/v1/cwe/objects//CWE-79", "/api/v1/cwe/objects/{id}/", {"id": "CWE-79"}),
    ],
)
def test_a_path_leads_to_a_route_and_its_values(path: str, template: str, values: dict[str, str]) -> None:
    found = ROUTER.find(path)
    assert (found.routes["GET"].route.template, found.path) == (template, values)


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1/", "/api/v1/cwe/a/b/c/", "//", "/%2F/api/v1/cwe/", "/api%2Fv1/cwe/"]
)
def test_other_paths_lead_nowhere(path: str) -> None:
    assert not ROUTER.find(path).routes


def test_the_methods_of_a_path_are_known() -> None:
    assert ROUTER.find("/api/v1/cwe").allowed == ("GET", "HEAD", "POST", "OPTIONS")
    assert ROUTER.find("/api/v1/cwe/truncate").allowed == ("DELETE", "OPTIONS")


def test_the_canonical_path_of_an_alias_is_known() -> None:
    assert ROUTER.find("/api/v1/cwe").routes["GET"].route.filled({}) == "/api/v1/cwe/objects/"
    alias = ROUTER.find("/api/v1/cwe/x").routes["GET"].route
    assert alias.filled({"id": "a b:c/"}) == "/api/v1/cwe/objects/a%20b:c%2F/"


def test_a_route_cannot_be_declared_twice() -> None:
    with pytest.raises(ValueError, match="declared twice"):
        _router([*ROUTES, _route("POST", "cwe/")], {})
    with pytest.raises(ValueError, match="is a path already"):
        _router(ROUTES, {"/api/v1/cwe/objects": "/api/v1/cwe"})
