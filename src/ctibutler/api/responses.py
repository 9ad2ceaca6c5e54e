"""Answers as JSON responses, with their headers."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import msgspec
from starlette.responses import Response

from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.pages import Page, PageRequest
from ctibutler.forms.json_form import facts_of, page_as_json, record_as_json
from ctibutler.http.requests import Request

JSON = "application/json"
STIX = "application/stix+json;version=2.1"


def page(request: Request, found: Page[Any], key: str, facts: Mapping[str, object] | None = None) -> Response:
    """Return a page of a list under `key`, with links to the other pages. `facts` are further members of the envelope."""
    headers = {"Link": _links(request, found.request, found.total), "X-Total-Count": str(found.total)}
    return Response(page_as_json(found, key, facts), media_type=JSON, headers=headers)


def one_object(found: ObjectView, page_size: int) -> Response:
    """Return the page that holds a single object."""
    return Response(page_as_json(_alone(found, page_size), "objects"), media_type=JSON)


def object_with_details(found: ObjectView, details: bytes | None, page_size: int) -> Response:
    """Return the page that holds a single object, and a list with its details, or with null if there are none."""
    listed = [None if details is None else msgspec.Raw(details)]
    page = {**facts_of(_alone(found, page_size)), "objects": [found], "details": listed}
    return Response(record_as_json(page), media_type=JSON)


def _alone(found: ObjectView, page_size: int) -> Page[ObjectView]:
    return Page(PageRequest(1, page_size), [found], 1)


def json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a record as JSON."""
    return Response(record_as_json(value), status, media_type=JSON, headers=dict(headers or {}))


def _links(request: Request, shown: PageRequest, total: int) -> str:
    last = max(1, ceil(total / shown.size))
    pages = {"first": 1, "last": last}
    if shown.number > 1:
        pages["prev"] = min(shown.number - 1, last)
    if shown.number < last:
        pages["next"] = shown.number + 1
    links = []
    for relation, number in pages.items():
        query = request.values.query(page=number)
        links.append(f'<{request.url}{"?" + query if query else ""}>; rel="{relation}"')
    return ", ".join(links)
