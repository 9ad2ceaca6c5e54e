"""What the layers in front of a handler know about one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from starlette.types import Scope

from ctibutler.catalog.state import Sight
from ctibutler.errors import InvalidRequest
from ctibutler.http.parameters import Values
from ctibutler.http.routing import Route

_KEY = "ctibutler.visit"


@dataclass(slots=True)
class Visit:
    """One request on its way to its handler.

    `url` is the canonical path and query, the same for every way to write it; `values` are its parameters, unless `problem`
    says what is wrong with them. `media_type` is the variant that the client prefers to the usual one, `encoding` the
    content encoding it prefers. `sight` is the catalogue when somebody looked. `is_private`: the answer is for whoever
    has a key.
    """

    route: Route
    path: Mapping[str, str]
    url: str
    values: Values | None
    problem: InvalidRequest | None
    headers: Mapping[str, str]
    is_head: bool
    media_type: str | None
    encoding: str
    sight: Sight | None = None
    is_private: bool = False

    @property
    def vary(self) -> str:
        """The request headers that the answer depends on."""
        return "Accept, Accept-Encoding" if self.route.endpoint.variants else "Accept-Encoding"


def visit_of(scope: Scope) -> Visit:
    """The visit that this scope belongs to."""
    return cast("Visit", scope[_KEY])


def begin(scope: Scope, visit: Visit) -> None:
    """Put a visit into its scope."""
    scope[_KEY] = visit


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers by their names in lower case; of a repeated one the values joined with commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def find_visit(scope: Scope) -> Visit | None:
    """The visit that this scope belongs to, if it came so far."""
    return cast("Visit | None", scope.get(_KEY))
