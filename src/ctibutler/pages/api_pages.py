"""The page of the API: every route with a request that works, made from the OpenAPI document of this server; and the requests
that its forms send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.responses import Response

from ctibutler.errors import NotFound
from ctibutler.http.forwarding import answer_at, forwards_to
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import IGNORED_PARAMETERS, Request, Target
from ctibutler.http.routing import Endpoint
from ctibutler.pages import addresses
from ctibutler.pages.api_operations import GROUPS, Document, Operation, address_of, groups_of, operation, operations_in
from ctibutler.pages.code_samples import samples_of
from ctibutler.pages.templating import Frame, page, redirect

_HTML: Final = "text/html"
# Fields of the forms that are none of the API's.
_ROUTE: Final = "route"
_SHOW: Final = "show"


def endpoints() -> Iterator[Endpoint]:
    """Yield the endpoints. As the OpenAPI document is open to anybody, so is what is made of it alone."""
    shown = (
        Parameter("group", "text", "Routes of a knowledge base, by its name."),
        Parameter("request", "text", "A request to show filled in."),
    )
    of_page = (Parameter("page", "text", "Another form of a page, whose request to show."),)
    yield Endpoint("GET", "help/api/", _api, "", "", shown, right="open", variants=(_HTML,), even=True)
    yield Endpoint("GET", "help/api/request/", _request_of_page, "", "", of_page)
    yield Endpoint("GET", "help/api/answer/", _answer, "", "")


def _api(request: Request) -> Response:
    document = _document(request)
    about = groups_of(document)
    group, asked, chosen = request.values.text("group"), request.values.text("request"), None
    if asked is not None:
        target = _target_of(request, asked)
        chosen = _filled(document, target)
        group = target.kb.slug if target.kb is not None else None
    if group is not None and group not in about:
        raise NotFound(f"no routes are called `{group[:100]}`")
    names = [group] if group is not None else [name for name in GROUPS if name in about]
    operations = {name: list(operations_in(document, name)) for name in names}
    if chosen is not None:
        operations = {name: [it for it in found if it.anchor != chosen.anchor] for name, found in operations.items()}
    query = urlencode({"request": asked} if asked else {"group": group} if group else {})
    return page(
        "api.html",
        Frame(
            "API" if group is None else f"API: {group}", f"/help/api?{query}" if query else "/help/api", active="api"
        ),
        operations=operations,
        chosen=chosen,
        about=about,
        bases=[name for name in about if name not in GROUPS],
        group=group,
        samples=lambda it: samples_of(it.method, _host(request) + it.address, it.body, is_json=it.answers_json),
    )


def _request_of_page(request: Request) -> Response:
    """Lead to the request that another form of a page is the answer of; without one, to the routes of its knowledge base."""
    path, _, query = (request.values.text("page") or "").partition("?")
    target = forwards_to(request, path, query)
    if target is not None:
        return redirect(f"{addresses.API}?{urlencode({'request': target.canonical})}")
    slug = path.strip("/").partition("/")[0]
    is_hosted = any(kb.slug == slug for kb in request.library.knowledge_bases.all)
    return redirect(f"{addresses.API}?{urlencode({'group': slug})}" if is_hosted else addresses.API)


def _answer(request: Request) -> Response:
    """Lead to what a form of the page asks the API. The API does not know of sign-ins: who has one gets the answer here."""
    given = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
    route, wants_code = given.pop(_ROUTE, ""), given.pop(_SHOW, "") == "code"
    # The fields are those of the API, so none was ignored here.
    request.answer_headers[:] = [header for header in request.answer_headers if header[0] != IGNORED_PARAMETERS]
    if "get" not in _document(request)["paths"].get(route, {}):
        raise NotFound(f"no route is called `{route[:100]}`")
    address = address_of(route, given)
    if wants_code:
        return redirect(f"{addresses.API}?{urlencode({'request': address})}", 303)
    if request.is_signed_in:
        path, _, query = address.partition("?")
        return answer_at(request, path, query)
    return redirect(address, 303)


def _target_of(request: Request, asked: str) -> Target:
    path, _, query = asked.partition("?")
    return request.resolve("GET", path, query)


def _filled(document: Document, target: Target) -> Operation:
    """The route that a URL leads to, with its values filled in."""
    given = {f"{{{name}}}": value for name, value in target.path.items()}
    given |= dict(parse_qsl(target.canonical.partition("?")[2]))
    try:
        return operation(document, target.policy.route, given=given)
    except KeyError:
        raise NotFound("the API has no such route") from None


def _document(request: Request) -> Document:
    return _decoded(bytes(answer_at(request, "/api/schema/", "format=json").body))


@lru_cache(maxsize=1)
def _decoded(document: bytes) -> Mapping[str, Any]:
    return dict(msgspec.json.decode(document))


def _host(request: Request) -> str:
    scheme = request.headers.get("x-forwarded-proto", str(request.scope.get("scheme", "http")))
    host = request.headers.get("host", "127.0.0.1:8006")
    is_plain = host.replace(".", "").replace("-", "").replace(":", "").replace("[", "").replace("]", "").isalnum()
    return f"{scheme if scheme in ('http', 'https') else 'http'}://{host if is_plain else '127.0.0.1:8006'}"
