"""Objects of one release of a knowledge base, as a list or one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest, comparable_id, resolve, resolve_quickly
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import Page, PageRequest, Sort, cut
from ctibutler.catalog import details, releases
from ctibutler.catalog import objects as catalog
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded
from ctibutler.catalog.link_sets import TECHNIQUE_TACTIC
from ctibutler.catalog.releases import Release
from ctibutler.catalog.selections import Selection
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import decode, text

# A number, and its place in a list.
_BYTES_OF_KEY = 40


@dataclass(frozen=True, slots=True)
class ObjectQuery:
    """Filters of a list. A filter that is None is not in use; nothing matches an empty list. `tactics` are ids, short names or
    names, `created_min` and `modified_min` microseconds.

    `filters` holds those that the knowledge base declares: a list of values to match exactly, or a text to match a part.
    """

    release: str | None = None
    page: PageRequest = PageRequest()
    sort: Sort | None = None
    include_revoked: bool = True
    include_deprecated: bool = True
    ids: Sequence[str] | None = None
    external_ids: Sequence[str] | None = None
    name: str | None = None
    text: str | None = None
    description: str | None = None
    types: Sequence[str] | None = None
    type_words: Sequence[str] | None = None
    filters: Mapping[str, Sequence[str] | str] = field(default_factory=dict)
    tactics: Sequence[str] | None = None
    created_min: int | None = None
    modified_min: int | None = None


def list_objects(library: Library, kb: KnowledgeBase, query: ObjectQuery) -> Page[ObjectView]:
    """Return the objects of a release that match, none if the release is not installed."""
    with library.database.read() as connection:
        release = releases.find(connection, kb.slug, query.release)
        if release is None:
            return Page(query.page, [], 0)
        page = _select_page(library, connection, selection_of(connection, kb, query, release), _sort(kb, query), query)
        return page.with_items(views(page.items, kb, release.label))


def find_object(library: Library, kb: KnowledgeBase, request: ObjectRequest) -> ObjectView:
    """Return the object from its release.

    Raises NotFound if there is none, Hidden if it is revoked or deprecated and the request leaves such objects out.
    """
    with library.database.read() as connection:
        label, found = resolve_quickly(connection, kb, request)
        return ObjectView(catalog.content(connection, found.object_key), kb, label)


def find_object_with_details(
    library: Library, kb: KnowledgeBase, request: ObjectRequest
) -> tuple[ObjectView, bytes | None]:
    """Return the object from its release, with its details as JSON, or None if the release was installed without details.

    Raises NotFound and Hidden, as `find_object` does.
    """
    with library.database.read() as connection:
        release, found = resolve(connection, kb, request)
        content = catalog.contents(connection, [found.object_key])[0]
        return ObjectView(content, kb, release.label), details.of_object(connection, release.key, found.stix_id)


def _select_page(
    library: Library, connection: Connection, selection: Selection, sort: Sort, query: ObjectQuery
) -> Page[bytes]:
    """A page of selected objects. No column holds descriptions, so they are searched in the objects' bytes."""

    def all_keys() -> list[int]:
        return catalog.select_all(connection, selection, sort=sort.key, descending=sort.descending)

    keys = library.list_cache.get(connection, ("objects", repr(selection), sort), all_keys, _BYTES_OF_KEY)
    if query.description is None:
        page = cut(keys, query.page)
        return page.with_items(catalog.contents(connection, page.items))
    passing = [content for content in catalog.contents(connection, keys) if _describes(content, query.description)]
    return cut(passing, query.page)


def list_keys(connection: Connection, kb: KnowledgeBase, query: ObjectQuery, release: Release) -> list[int]:
    """Return the keys of all objects of a release that match, in the order of the list."""
    sort = _sort(kb, query)
    selection = selection_of(connection, kb, query, release)
    keys = catalog.select_all(connection, selection, sort=sort.key, descending=sort.descending)
    if query.description is None:
        return keys
    bodies = catalog.contents(connection, keys)
    return [key for key, content in zip(keys, bodies, strict=True) if _describes(content, query.description)]


def _describes(content: bytes, part: str) -> bool:
    return folded(part) in folded(text(decode(content), "description") or "")


def shown_types(kb: KnowledgeBase, release: Release, wanted: Iterable[str] | None = None) -> list[str]:
    """Return the types of a release that its list shows, filtered by `wanted`."""
    asked = None if wanted is None else {word.strip() for word in wanted}
    return [name for name in release.types if kb.lists(name) and (asked is None or name in asked)]


def matching_keys(connection: Connection, kb: KnowledgeBase, query: ObjectQuery, release: Release) -> list[int]:
    """Return the keys of all objects of a release that match a query. Its `description` is ignored."""
    return catalog.select_all(connection, selection_of(connection, kb, query, release))


def selection_of(connection: Connection, kb: KnowledgeBase, query: ObjectQuery, release: Release) -> Selection:
    """Return the filters of a query, for a release. Its `description` is ignored."""
    declared = {declared.parameter: declared.field for declared in kb.filters}
    words = None if query.type_words is None else {word.strip().casefold() for word in query.type_words}
    return Selection(
        releases=[release.key],
        types=shown_types(kb, release, query.types),
        include_revoked=query.include_revoked,
        include_deprecated=query.include_deprecated,
        ids=query.ids,
        external_ids=None if query.external_ids is None else [comparable_id(kb, item) for item in query.external_ids],
        name=query.name,
        text=query.text,
        type_words=None if words is None else [word for word in kb.type_words if word.word.casefold() in words],
        fields={declared[name]: wanted for name, wanted in query.filters.items()},
        linked_to=None if query.tactics is None else (TECHNIQUE_TACTIC, _tactics(connection, release, query.tactics)),
        created_min=query.created_min,
        modified_min=query.modified_min,
    )


def _tactics(connection: Connection, release: Release, wanted: Sequence[str]) -> list[int]:
    """The identifiers of the tactics with these ids, short names or names."""
    keys = catalog.select_all(
        connection, Selection(releases=[release.key], types=["x-mitre-tactic"], listed_only=False)
    )
    asked = {folded(item) for item in wanted}
    primary_ids = catalog.primary_ids(connection, keys)
    named = []
    for key, content in zip(keys, catalog.contents(connection, keys), strict=True):
        properties = decode(content)
        words = (primary_ids.get(key), text(properties, "x_mitre_shortname"), text(properties, "name"))
        if asked & {folded(word) for word in words if word}:
            named.append(key)
    return catalog.identifiers_of(connection, named)


def _sort(kb: KnowledgeBase, query: ObjectQuery) -> Sort:
    sort = query.sort or Sort.parse(kb.default_sort)
    return Sort("id", sort.descending) if sort.key == kb.id_parameter else sort
