"""The request context: who asks, for what and in which form. It is made once and passed through all layers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ctibutler.answers.library import Library
from ctibutler.catalog.access import Key
from ctibutler.catalog.state import CatalogState
from ctibutler.errors import NotFound, Problem
from ctibutler.http.access import AccessRule, Right
from ctibutler.http.bodies import BodyValues
from ctibutler.http.kept_streams import KeptStreams
from ctibutler.http.parameters import Values
from ctibutler.http.threads import Threads
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.settings import Settings

NO_VALUES = Values({}, {})
NO_BODY = BodyValues({}, frozenset())

CacheResult = Literal["hit", "miss", "validated"]
"""A cached route was answered from memory, anew, or with 304 because the client has the answer."""

HEAD = "ctibutler.head"
"""The ASGI extension that holds the bytes of the head, if the same bytes are the same request."""

IGNORED_PARAMETERS = b"ctibutler-ignored-parameters"
"""The header that names query parameters which the route does not know."""

Resolve = Callable[[str, str, str], "Target"]
"""Returns what a method, a percent-encoded path and a query lead to."""

RawHeaders = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Policy:
    """How the layers treat requests to one route.

    `route` names it in the metrics. `write_error` and `access` are those of its edge; `cors` lets pages of other origins read
    its answers. Answers of a `cached` route depend only on the catalogue and the URL. A route that `streams` produces its
    answer while sending it. `Accept` can choose one of `variants` instead of `media_type`; where it is `even`, also by naming
    both alike. `parameters` returns the names of the query parameters that it knows.
    """

    route: str
    write_error: ErrorWriter
    access: AccessRule
    right: Right = "open"
    cors: bool = True
    cached: bool = False
    streams: bool = False
    media_type: str = "application/json"
    variants: tuple[str, ...] = ()
    even: bool = False
    parameters: Callable[[], Container[str]] = frozenset

    @property
    def vary(self) -> str:
        """The request headers that answers depend on, for the header `Vary`."""
        return "Accept, Accept-Encoding" if self.variants else "Accept-Encoding"


@dataclass(frozen=True, slots=True)
class Target:
    """What a method and a URL lead to: `app` answers, `policy` says how the layers treat the request.

    `path` holds the values in the path, `url` is the canonical path without its query, `canonical` with it: the same for
    every way to write the URL. `headers` go onto every answer. `handler` is what `app` runs in a thread, if that is how it
    answers.
    """

    app: App
    policy: Policy
    kb: KnowledgeBase | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    canonical: str = ""
    values: Values = NO_VALUES
    headers: tuple[tuple[bytes, bytes], ...] = ()
    handler: Callable[[Request], Response] | None = None


@dataclass(slots=True)
class Request:
    """One request, with its URL and headers read.

    `headers` have names in lower case. `media_type` is the variant that the client prefers over the usual media type, if
    any; `encoding` the content encoding that it prefers. `body` is filled in before the handler runs, or `content` for one
    that reads it itself, `catalog_state` by the first layer that needs it. `is_private`: the answer is only for whoever has
    a key. `key` is that of the client, if access depends on it; `is_signed_in`: a sign-in stands for it, which ends.
    `resolve` returns what another method and URL lead to. `answer_headers` go onto the answer, whichever layer sends it.
    For the log and the metrics: `request_id`, the kind of problem that was answered (`refusal`), and what the answer cache
    had to do with it.
    """

    target: Target
    policy: Policy
    library: Library
    settings: Settings
    threads: Threads
    resolve: Resolve
    kept_streams: KeptStreams
    scope: Scope
    headers: Mapping[str, str]
    is_head: bool
    media_type: str | None
    encoding: str
    answer_headers: RawHeaders
    body: BodyValues = NO_BODY
    content: bytes = b""
    catalog_state: CatalogState | None = None
    is_private: bool = False
    request_id: str = ""
    refusal: str = ""
    cache_result: CacheResult | None = None
    key: Key | None = None
    is_signed_in: bool = False

    @property
    def kb(self) -> KnowledgeBase:
        """The knowledge base that the route belongs to.

        Raises NotFound where it belongs to none.
        """
        if self.target.kb is None:
            raise NotFound("this route does not belong to a knowledge base")
        return self.target.kb

    @property
    def path(self) -> Mapping[str, str]:
        """The values in the path."""
        return self.target.path

    @property
    def values(self) -> Values:
        """The query parameters."""
        return self.target.values

    @property
    def url(self) -> str:
        """The canonical path, without the query."""
        return self.target.url


App = Callable[[Request, Receive, Send], Awaitable[None]]
"""A layer, or what finally answers: an ASGI application that takes a request in place of the scope."""

ErrorWriter = Callable[[Request, Problem], Response]
"""Writes a problem in the error format of an edge."""


def headers_of(scope: Scope) -> dict[str, str]:
    """Return header name in lower case → value. The values of a repeated header are joined with commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
