"""What an edge declares: its endpoints and their routes, the applications mounted in it, its errors and its access."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import ASGIApp

from ctibutler.http.access import DEFAULT_ACCESS, AccessRule, Right
from ctibutler.http.bodies import Field
from ctibutler.http.parameters import Parameter, Table
from ctibutler.http.requests import ErrorWriter, Request
from ctibutler.http.threads import Kind
from ctibutler.knowledge_bases.declaration import KnowledgeBase

Method = Literal["GET", "POST", "DELETE"]
EnterLifespan = Callable[[], AbstractAsyncContextManager[None]]
Handler = Callable[[Request], Response]


@dataclass(frozen=True)
class Endpoint:
    """A method and a path, below a knowledge base or below the root, with its handler.

    `summary` and `description` are for the schema. `choices` are the values that a place in the path can have, where they are
    known. `shows` names the schema of the successful answer, `also_shows` those that it has with some parameters, `fails`
    lists the statuses of its errors. One with the right `write`, or that `changes` something whoever asks, waits for no
    question. `variants` are media types that `Accept` can choose instead of `media_type`; where it is `even`, also by naming
    both alike. `files` are media types that parameters choose. Answers of a `cached` endpoint depend only on the catalogue
    and the URL. An endpoint that `streams` produces its answer while sending it. One that is `for_monitoring` waits for no
    other request. One with `largest_file` also takes a body that is a file, or form data with files, of at most so many
    bytes, and reads it itself. One with `alias_of` is another form of the path named there, and not in the schema.
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
    changes: bool = False
    status: int = 200
    media_type: str = "application/json"
    also_shows: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    even: bool = False
    fails: tuple[int, ...] = ()
    cached: bool = False
    streams: bool = False
    for_monitoring: bool = False
    alias_of: str | None = None
    largest_file: int | None = None
    tag: str = ""
    description: str = ""

    @property
    def kind(self) -> Kind:
        """What a thread is for that runs the handler."""
        if self.for_monitoring:
            return "monitoring"
        return "change" if self.changes or self.right == "write" else "read"


@dataclass(frozen=True)
class Route:
    """An endpoint at its full path, `/api/v1/cwe/objects/{id}/`."""

    endpoint: Endpoint
    template: str
    kb: KnowledgeBase | None = None

    @cached_property
    def table(self) -> Table:
        """The reader of its query strings."""
        return Table(self.endpoint.parameters)

    @cached_property
    def canonical(self) -> str:
        """The path that this is an alias of, or its own path."""
        if self.endpoint.alias_of is None:
            return self.template
        return self.template.removesuffix(self.endpoint.path) + self.endpoint.alias_of

    @property
    def name(self) -> str:
        """A unique name: `get_cwe_objects_by_id`."""
        words = [part.strip("{}") if part[:1] != "{" else f"by_{part.strip('{}')}" for part in self.template.split("/")]
        stem = "_".join(word for word in words if word and word not in ("api", "v1")) or "index"
        return f"{self.endpoint.method.lower()}_{stem}".replace("-", "_")

    def filled(self, path: Mapping[str, str]) -> str:
        """Return the canonical path with these values."""
        text = self.canonical
        for name, value in path.items():
            text = text.replace(f"{{{name}}}", quote(value, safe=":+"))
        return text


@dataclass(frozen=True)
class Mount:
    """A foreign ASGI application at a path. It answers every method, at this path and below.

    Requests need `right`. Its answers are never cached, and compressed unless it has compressed them.
    """

    path: str
    app: ASGIApp
    right: Right = "read"


@dataclass(frozen=True)
class Edge:
    """One HTTP interface: routes and mounted applications that share an error format and a rule for access.

    The edge answers unknown paths below its `prefixes`. `aliases` are further paths of whole subtrees: `/api/v1/cwes` of
    `/api/v1/cwe`. `cors` lets pages of other origins read the answers, or those at some paths. `depends_on` is
    whatever cached answers depend on besides the catalogue and the URL, such as settings. `lifespan` is entered before the
    first request and left after the last.
    """

    prefixes: tuple[str, ...]
    routes: Sequence[Route]
    write_error: ErrorWriter
    mounts: Sequence[Mount] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    access: AccessRule = DEFAULT_ACCESS
    cors: bool | Callable[[str], bool] = True
    depends_on: tuple[object, ...] = ()
    lifespan: EnterLifespan | None = None
