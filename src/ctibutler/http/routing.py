"""What an endpoint is: a path, what may be asked, and the function that answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal
from urllib.parse import quote, unquote

from starlette.responses import Response

from ctibutler.answers.library import Library
from ctibutler.errors import NotFound
from ctibutler.http.bodies import BodyValues, Field
from ctibutler.http.parameters import Parameter, Table, Values
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.settings import Settings

Method = Literal["GET", "POST", "DELETE"]
# Who may ask: everybody, whoever may read, whoever may change something.
Right = Literal["open", "read", "write"]
_SLASH = "\uffff"


@dataclass(frozen=True)
class Ask:
    """One request, read: what a handler gets.

    `media_type` is the one of `Endpoint.variants` that the client prefers; `is_head` says that the body is not wanted.
    `encoding` is the content encoding that the answer will have if it is a stream.
    """

    route: Route
    library: Library
    settings: Settings
    path: Mapping[str, str]
    values: Values
    body: BodyValues
    headers: Mapping[str, str]
    media_type: str | None = None
    encoding: str = "identity"
    is_head: bool = False

    @property
    def kb(self) -> KnowledgeBase:
        """The knowledge base whose route this is."""
        if self.route.kb is None:
            raise NotFound("this is no route of a knowledge base")
        return self.route.kb

    @property
    def url(self) -> str:
        """The canonical path of this request."""
        return self.route.filled(self.path)


Handler = Callable[[Ask], Response]


@dataclass(frozen=True)
class Endpoint:
    """One thing that can be asked, below a knowledge base or below the root.

    `choices` are the values that a place in the path can have, where they are known; `shows` names the schema of the
    successful answer; `variants` the media types that `Accept` can choose instead;
    `fails` the statuses that the answer can have besides. Answers of `cached` endpoints depend on nothing but the catalogue
    and the URL. An endpoint that `streams` makes its answer while it is sent. One with `alias_of` is an older form of the
    path that is named there, and not in the schema.
    """

    method: Method
    path: str
    handler: Handler
    summary: str
    shows: str
    parameters: tuple[Parameter, ...] = ()
    fields: tuple[Field, ...] | None = None
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    right: Right = "read"
    status: int = 200
    media_type: str = "application/json"
    variants: tuple[str, ...] = ()
    fails: tuple[int, ...] = ()
    cached: bool = False
    streams: bool = False
    alias_of: str | None = None
    tag: str = ""


@dataclass(frozen=True)
class Route:
    """An endpoint at its full path, `/api/v1/cwe/objects/{id}/`."""

    endpoint: Endpoint
    template: str
    kb: KnowledgeBase | None = None

    @cached_property
    def table(self) -> Table:
        """Reads its query strings."""
        return Table(self.endpoint.parameters)

    @cached_property
    def canonical(self) -> str:
        """The path of which this is an alias; its own, if it is none."""
        if self.endpoint.alias_of is None:
            return self.template
        return self.template.removesuffix(self.endpoint.path) + self.endpoint.alias_of

    @property
    def name(self) -> str:
        """A name that no other route has: `get_cwe_objects_by_id`."""
        words = [part.strip("{}") if part[:1] != "{" else f"by_{part.strip('{}')}" for part in self.template.split("/")]
        stem = "_".join(word for word in words if word and word not in ("api", "v1")) or "index"
        return f"{self.endpoint.method.lower()}_{stem}".replace("-", "_")

    def filled(self, path: Mapping[str, str]) -> str:
        """The canonical path with its values in their places."""
        text = self.canonical
        for name, value in path.items():
            text = text.replace(f"{{{name}}}", quote(value, safe=":+"))
        return text


@dataclass
class _Node:
    literal: dict[str, _Node] = field(default_factory=dict)
    value: tuple[str, _Node] | None = None
    routes: dict[str, Route] = field(default_factory=dict)


@dataclass(frozen=True)
class Match:
    """What a path leads to: the routes there by method, none where it is unknown, and the values in the path."""

    routes: Mapping[str, Route]
    path: Mapping[str, str]

    @property
    def allowed(self) -> tuple[str, ...]:
        """The methods of this path."""
        reading = ("GET", "HEAD") if "GET" in self.routes else ()
        return (*reading, *sorted(method for method in self.routes if method != "GET"), "OPTIONS")


class RouteTree:
    """Finds the route of a path in as many steps as it has segments. A word of a path goes before a value."""

    def __init__(self, routes: Iterable[Route], aliases: Mapping[str, str]) -> None:
        """`aliases` are further paths of a subtree: `/api/v1/cwes` of `/api/v1/cwe`."""
        self._root = _Node()
        for route in routes:
            node = self._made(route.template)
            if route.endpoint.method in node.routes:
                raise ValueError(f"{route.endpoint.method} {route.template} is declared twice")
            node.routes[route.endpoint.method] = route
        for alias, canonical in aliases.items():
            above, _, last = alias.rpartition("/")
            if last in self._made(above).literal:
                raise ValueError(f"{alias} is a path already")
            self._made(above).literal[last] = self._made(canonical)

    def find(self, raw_path: str) -> Match:
        """What a path, still percent-encoded, leads to. It may end with a slash or not."""
        node: _Node | None = self._root
        path: dict[str, str] = {}
        for raw in _segments(raw_path):
            assert node is not None
            # An encoded slash is part of a value; no id has one.
            segment = unquote(raw).replace("\x00", _SLASH)
            below = node.literal.get(segment)
            if below is None and node.value is not None and segment:
                path[node.value[0]] = segment.replace("/", _SLASH)
                below = node.value[1]
            if below is None:
                return Match({}, {})
            node = below
        assert node is not None
        return Match(node.routes, path)

    def _made(self, template: str) -> _Node:
        node = self._root
        for part in _segments(template):
            if part.startswith("{"):
                if node.value is None:
                    node.value = (part.strip("{}"), _Node())
                node = node.value[1]
            else:
                node = node.literal.setdefault(part, _Node())
        return node


def _segments(path: str) -> list[str]:
    segments = path.removeprefix("/").removesuffix("/").split("/")
    return [] if segments == [""] else segments
