"""Read whole lists from paged answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.objects import ObjectQuery, list_objects
from ctibutler.answers.pages import Page, PageRequest, Sort
from ctibutler.answers.relationships import RelationshipQuery, list_relationships
from ctibutler.forms.json_form import record_as_json
from ctibutler.knowledge_bases import HOSTED

ALL = PageRequest(1, 1_000_000)


def decoded(page: Page[Any]) -> list[dict[str, Any]]:
    """The items of a page."""
    return [as_json(item) for item in page.items]


def as_json(record: object) -> Any:
    """A record as a client receives it."""
    return json.loads(record_as_json(record))


def walk(ask: Callable[[PageRequest], Page[Any]], size: int) -> list[dict[str, Any]]:
    """Every item of a list, read page by page as a client does, until it has as many as the answer's total."""
    found: list[dict[str, Any]] = []
    number = 1
    while True:
        page = ask(PageRequest(number, size))
        found += decoded(page)
        if len(found) >= page.total or not page.items:
            assert len(found) == page.total
            return found
        assert len(page.items) == size
        number += 1


def ids(objects: list[dict[str, Any]]) -> list[str]:
    """The STIX ids of these objects, in order."""
    return [stix["id"] for stix in objects]


def listed(
    library: Library, slug: str, release: str | None = None, sort: str = "", **filters: Any
) -> list[dict[str, Any]]:
    """All objects of a list with these filters."""
    query = ObjectQuery(release=release, page=ALL, sort=Sort.parse(sort) if sort else None, **filters)
    page = list_objects(library, HOSTED.named(slug), query)
    assert page.total == len(page.items)
    return decoded(page)


def related(
    library: Library, slug: str, object_id: str, release: str | None = None, **filters: Any
) -> list[dict[str, Any]]:
    """All relationships of an object with these filters."""
    page = list_relationships(
        library, HOSTED.named(slug), ObjectRequest(object_id, release), RelationshipQuery(page=ALL, **filters)
    )
    assert page.total == len(page.items)
    return decoded(page)
