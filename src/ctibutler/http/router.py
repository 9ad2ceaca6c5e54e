"""The router of all edges: it alone decides which route a method and a URL lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from urllib.parse import quote, unquote

from starlette.responses import Response

from ctibutler.errors import InvalidRequest, NotFound, Problem
from ctibutler.http.endpoints import answer_options, answer_with, pass_to, refuse
from ctibutler.http.exceptions import MethodNotAllowed, kind_of
from ctibutler.http.parameters import brief
from ctibutler.http.requests import IGNORED_PARAMETERS, ErrorWriter, Policy, Request, Target
from ctibutler.http.routing import Edge, Mount, Route

UNKNOWN_ROUTE = "unknown"
_SLASH = "\uffff"
# URLs up to this length are remembered once they have been read.
_MEMORABLE = 512
_REMEMBERED = 8192
# How many ignored parameters the header names, and how many characters of each.
_MOST_NAMED, _LONGEST_NAME = 20, 50


@dataclass(frozen=True)
class _Bound:
    """A route with the policy of its edge."""

    route: Route
    policy: Policy


@dataclass
class _Node:
    """A place in the tree of paths: what is below it, and what is here."""

    literal: dict[str, _Node] = field(default_factory=dict)
    value: tuple[str, _Node] | None = None
    routes: dict[str, _Bound] = field(default_factory=dict)
    mount: tuple[Mount, Policy] | None = None
    edge: Edge | None = None


@dataclass(slots=True)
class Match:
    """What a path leads to: the routes there by method, the values in the path, and the edge whose path it is.

    Where no route is, `mount` is the application that the path is below, if any, and `rest` the path within it.
    """

    edge: Edge
    routes: Mapping[str, _Bound] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    mount: tuple[Mount, Policy] | None = None
    rest: str = ""

    @property
    def allowed(self) -> tuple[str, ...]:
        """The methods of this path."""
        reading = ("GET", "HEAD") if "GET" in self.routes else ()
        return (*reading, *sorted(method for method in self.routes if method != "GET"), "OPTIONS")


class Router:
    """Finds the route of a path in as many steps as the path has segments. A literal segment takes precedence over a value.

    Starlette's router tries the patterns of its routes one after the other, and we have some 300 of them.
    """

    def __init__(self, edges: Sequence[Edge]) -> None:
        """The first edge answers paths that are below no prefix.

        Raises ValueError where two routes, mounts or aliases take the same path.
        """
        self._root = _Node()
        self._first = edges[0]
        for edge in edges:
            self._add(edge)
        for edge in edges:
            for alias, canonical in edge.aliases.items():
                self._add_alias(alias, canonical)
        self._resolve_cached = lru_cache(maxsize=_REMEMBERED)(self._resolve)

    def resolve(self, method: str, path: str, query: str) -> Target:
        """Return what a method and a percent-encoded URL lead to.

        `HEAD` leads where `GET` does. A method or URL that is wrong leads to a target that answers with the problem.
        """
        resolve = self._resolve_cached if len(path) + len(query) <= _MEMORABLE else self._resolve
        return resolve("GET" if method == "HEAD" else method, path, query)

    def find(self, raw_path: str) -> Match:
        """Return what a path leads to. A slash at its end makes no difference; repeated slashes are one."""
        node, match = self._root, Match(self._root.edge or self._first)
        segments = [segment for segment in raw_path.split("/") if segment]
        for depth, raw in enumerate(segments):
            # An encoded slash is part of a value; no id has one.
            segment = unquote(raw).replace("\x00", _SLASH)
            below = node.literal.get(segment)
            if below is None and node.value is not None:
                match.path[node.value[0]] = segment.replace("/", _SLASH)
                below = node.value[1]
            if below is None:
                return match
            node = below
            match.edge = node.edge or match.edge
            if node.mount is not None:
                match.mount = node.mount
                match.rest = _joined(segments[depth + 1 :], raw_path.endswith("/"))
        match.routes = node.routes
        return match

    def _resolve(self, method: str, path: str, query: str) -> Target:
        match = self.find(path)
        bound = match.routes.get(method)
        if bound is not None:
            cors = match.edge.cors
            target = _read(bound, match.path, query)
            return target if isinstance(cors, bool) else replace(target, policy=replace(target.policy, cors=cors(path)))
        if not match.routes and match.mount is not None:
            mount, policy = match.mount
            return Target(pass_to(mount), policy, path={"path": match.rest})
        policy = _unknown(match.edge)
        if not match.routes:
            return Target(refuse(NotFound(f"there is nothing at `{brief(unquote(path))}`")), policy)
        if method == "OPTIONS":
            return Target(answer_options(match.allowed), policy)
        return Target(refuse(MethodNotAllowed(method, match.allowed)), policy)

    def _add(self, edge: Edge) -> None:
        for prefix in edge.prefixes:
            self._node_at(prefix).edge = edge
        for route in edge.routes:
            node = self._node_at(route.template)
            method = route.endpoint.method
            if method in node.routes:
                raise ValueError(f"{method} {route.template} is declared twice")
            node.routes[method] = _Bound(route, _policy(edge, route))
        for mount in edge.mounts:
            node = self._node_at(mount.path)
            if node.mount is not None:
                raise ValueError(f"{mount.path} is declared twice")
            node.mount = mount, replace(_unknown(edge), route=mount.path, right=mount.right)

    def _add_alias(self, alias: str, canonical: str) -> None:
        above, _, last = alias.rpartition("/")
        siblings = self._node_at(above).literal
        if last in siblings:
            raise ValueError(f"{alias} is a path already")
        siblings[last] = self._node_at(canonical)

    def _node_at(self, template: str) -> _Node:
        """The node of a template, created if it is missing."""
        node = self._root
        for part in template.split("/"):
            if part.startswith("{"):
                if node.value is None:
                    node.value = (part.strip("{}"), _Node())
                node = node.value[1]
            elif part:
                node = node.literal.setdefault(part, _Node())
        return node


def _read(bound: _Bound, path: Mapping[str, str], query: str) -> Target:
    route, policy = bound.route, bound.policy
    try:
        values = route.table.read(query)
    except InvalidRequest as problem:
        return Target(refuse(problem), replace(policy, cached=False), route.kb, path)
    url, shown = route.filled(path), values.query()
    canonical = f"{url}?{shown}" if shown else url
    answer, handler = answer_with(route), route.endpoint.handler
    return Target(answer, policy, route.kb, path, url, canonical, values, _ignored(values.ignored), handler)


def _policy(edge: Edge, route: Route) -> Policy:
    endpoint = route.endpoint
    return Policy(
        route=route.template,
        write_error=_noted(edge.write_error),
        access=edge.access,
        right=endpoint.right,
        cors=edge.cors is True,
        cached=endpoint.cached,
        streams=endpoint.streams,
        media_type=endpoint.media_type,
        variants=endpoint.variants,
        even=endpoint.even,
        parameters=lambda: route.table.names,  # read when it is asked for: there are hundreds of routes
    )


def _unknown(edge: Edge) -> Policy:
    """The policy for unknown paths of an edge: anybody may learn that a path is unknown."""
    return Policy(UNKNOWN_ROUTE, _noted(edge.write_error), edge.access, cors=edge.cors is not False)


def _noted(write_error: ErrorWriter) -> ErrorWriter:
    """What writes an error, and notes for the log and the metrics what kind of problem it was."""

    def write(request: Request, problem: Problem) -> Response:
        request.refusal = kind_of(problem)
        return write_error(request, problem)

    return write


def _ignored(names: Sequence[str]) -> tuple[tuple[bytes, bytes], ...]:
    """The header that names ignored parameters, percent-encoded: no name can break the header or look like two.

    A parameter without a name (`?=1`) is left out: a header must not end in a comma.
    """
    shown = list(dict.fromkeys(quote(name[:_LONGEST_NAME], safe="[]") for name in names if name))
    if not shown:
        return ()
    if len(shown) > _MOST_NAMED:
        shown[_MOST_NAMED:] = ["..."]
    return ((IGNORED_PARAMETERS, ", ".join(shown).encode("ascii")),)


def _joined(segments: Sequence[str], ends_with_slash: bool) -> str:
    return "/" + "/".join(segments) + ("/" if segments and ends_with_slash else "")
