"""Lists over all knowledge bases: each id once, from the latest release that has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ctibutler.answers.across.relationship_lists import edges_across, list_relationships_across
from ctibutler.answers.knowledge_base_names import with_knowledge_base
from ctibutler.answers.library import Library
from ctibutler.answers.naming import comparable_id
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import WHOLE, Page, PageRequest, Sort, cut
from ctibutler.answers.relationships import RelationshipQuery
from ctibutler.catalog import objects as catalog
from ctibutler.catalog import releases
from ctibutler.catalog.duplicates import repeated
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded
from ctibutler.catalog.relationship_contents import EdgeContent
from ctibutler.catalog.releases import Release
from ctibutler.catalog.rows import LABEL
from ctibutler.catalog.selections import Selection
from ctibutler.knowledge_bases.declaration import KnowledgeBase, TypeWord
from ctibutler.knowledge_bases.properties import strings
from ctibutler.stix.objects import RELATIONSHIP, decode
from ctibutler.stix.types import SCO_TYPES, SDO_TYPES, SMO_TYPES

Kind = Literal["smos", "scos", "sdos", "knowledgebases", "sros"]

KNOWLEDGE_BASE_TYPES = (
    "location",
    "weakness",
    "attack-pattern",
    "campaign",
    "course-of-action",
    "intrusion-set",
    "malware",
    "tool",
    "software",
    "vulnerability",
    "identity",
    "x-mitre-asset",
    "x-mitre-data-component",
    "x-mitre-data-source",
    "x-mitre-tactic",
    "x-mitre-detection-strategy",
    "x-mitre-analytic",
    "x-mitre-collection",
    "x-mitre-matrix",
)
TYPES: dict[Kind, tuple[str, ...]] = {
    "smos": SMO_TYPES,
    "scos": SCO_TYPES,
    "sdos": SDO_TYPES,
    "knowledgebases": KNOWLEDGE_BASE_TYPES,
    "sros": ("relationship",),
}
_KNOWN_TYPES = frozenset(name for names in TYPES.values() for name in names)
VALUE_PROPERTIES = (
    "value",
    "name",
    "number",
    "path",
    "body",
    "subject",
    "key",
    "display_name",
    "string",
    "payload_bin",
    "protocols",
    "command_line",
    "cpe",
    "iban",
    "account_number",
    "bic",
)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Filters of the lists over all knowledge bases; each kind of list has some of them. None: the filter is not in use.

    `knowledge_bases` are names, `type_words` kinds of objects in the words of the knowledge bases (`Sub-technique`).
    """

    sort: Sort
    page: PageRequest = PageRequest()
    types: Sequence[str] | None = None
    name: str | None = None
    labels: str | None = None
    value: str | None = None
    value_exact: bool = False
    visible_to: str | None = None
    knowledge_bases: Sequence[str] | None = None
    type_words: Sequence[str] | None = None
    external_id: str | None = None
    source_refs: Sequence[str] | None = None
    target_refs: Sequence[str] | None = None
    source_types: Sequence[str] | None = None
    target_types: Sequence[str] | None = None
    relationship_type: str | None = None
    include_embedded_refs: bool = True
    show_knowledge_base: bool = False


def list_across(library: Library, kind: Kind, query: ListQuery) -> Page[ObjectView]:
    """Return the objects of one kind in the latest releases, each id once."""
    with library.database.read() as connection:
        where = latest_releases(library, connection, query.knowledge_bases)
        if kind == "sros":
            return _list_relationships(library, connection, where, query)
        selection = _selection(library, connection, kind, where, query)
        if kind == "scos" and query.value is not None:
            shown = cut(_keys_with_value(connection, selection, query), query.page)
        else:
            keys, total = catalog.select(
                connection,
                selection,
                sort=query.sort.key,
                descending=query.sort.descending,
                start=query.page.start,
                size=query.page.size,
            )
            shown = Page(query.page, keys, total)
        return shown.with_items(views(_shown(connection, shown.items, where, query.show_knowledge_base)))


def object_keys(
    library: Library, connection: Connection, kind: Kind, where: Sequence[Release], query: ListQuery
) -> list[int]:
    """Return the keys of all objects of one kind that match, in the order of the list. `kind` is not `sros`."""
    selection = _selection(library, connection, kind, where, query)
    if kind == "scos" and query.value is not None:
        return _keys_with_value(connection, selection, query)
    return catalog.select_all(connection, selection, sort=query.sort.key, descending=query.sort.descending)


def _selection(
    library: Library, connection: Connection, kind: Kind, where: Sequence[Release], query: ListQuery
) -> Selection:
    return Selection(
        releases=[release.key for release in where],
        types=_types(kind, where, query.types),
        listed_only=False,
        name=query.name,
        fields={LABEL: query.labels} if query.labels is not None else {},
        external_ids=None if query.external_id is None else _forms(library, query.external_id),
        type_words=_type_words(library.knowledge_bases.all, query.type_words),
        visible_to=query.visible_to,
        without=repeated(connection, [(release.key, release.knowledge_base) for release in where]),
    )


def _types(kind: Kind, where: Sequence[Release], asked: Sequence[str] | None) -> list[str]:
    """The STIX types of a kind, filtered by `asked`.

    A type that only these releases have is one of domain objects: those are what publishers invent.
    """
    names = list(TYPES[kind])
    if kind in ("sdos", "knowledgebases"):
        names += sorted({name for release in where for name in release.types} - _KNOWN_TYPES)
    return [name for name in names if asked is None or name in asked]


def latest_releases(library: Library, connection: Connection, names: Sequence[str] | None) -> list[Release]:
    """Return the latest release of each knowledge base, or of those that are named."""
    wanted = None if names is None else {name.strip().lower() for name in names}
    slugs = [
        kb.slug
        for kb in library.knowledge_bases.all
        if wanted is None or {kb.object_filter_word or kb.slug, *kb.names} & wanted
    ]
    return releases.latest(connection, slugs)


def _forms(library: Library, external_id: str) -> list[str]:
    """A primary id in the form of each knowledge base, with or without its optional prefix."""
    return sorted({comparable_id(kb, external_id) for kb in library.knowledge_bases.all})


def _type_words(knowledge_bases: Sequence[KnowledgeBase], words: Sequence[str] | None) -> list[TypeWord] | None:
    """The kinds of object that these words name in any knowledge base."""
    if words is None:
        return None
    asked = {word.strip().casefold() for word in words}
    named = {
        form.word: form for kb in reversed(knowledge_bases) for form in kb.type_words if form.word.casefold() in asked
    }
    return list(named.values())


def _shown(
    connection: Connection, keys: Sequence[int], where: Sequence[Release], show_knowledge_base: bool
) -> Sequence[bytes]:
    contents = catalog.contents(connection, keys)
    return with_knowledge_base(connection, keys, contents, where) if show_knowledge_base else contents


def _keys_with_value(connection: Connection, selection: Selection, query: ListQuery) -> list[int]:
    keys = catalog.select_all(connection, selection, sort=query.sort.key, descending=query.sort.descending)
    wanted = folded(query.value or "")
    passes: Callable[[str], bool] = (
        (lambda item: item == wanted) if query.value_exact else (lambda item: wanted in item)
    )
    return [
        key
        for key, content in zip(keys, catalog.contents(connection, keys), strict=True)
        if any(passes(folded(item)) for item in _values(decode(content)))
    ]


def _values(properties: dict[str, Any]) -> Iterable[str]:
    for name in VALUE_PROPERTIES:
        value = properties.get(name)
        yield from [str(value)] if isinstance(value, int) else strings(value)


def _list_relationships(
    library: Library, connection: Connection, where: Sequence[Release], query: ListQuery
) -> Page[ObjectView]:
    if not _wants_relationships(query):
        return Page(query.page, [], 0)
    return list_relationships_across(library, connection, where, _relationship_query(query), query.visible_to)


def relationship_edges(
    library: Library, connection: Connection, where: Sequence[Release], query: ListQuery
) -> Sequence[EdgeContent]:
    """Return what all relationships that match are read or made from, in the order of the list. Its page does not count."""
    if not _wants_relationships(query):
        return []
    whole = replace(_relationship_query(query), page=WHOLE)
    return edges_across(library, connection, where, whole, query.visible_to).items


def _wants_relationships(query: ListQuery) -> bool:
    return query.types is None or RELATIONSHIP in query.types


def _relationship_query(query: ListQuery) -> RelationshipQuery:
    return RelationshipQuery(
        page=query.page,
        sort=query.sort,
        include_embedded=query.include_embedded_refs,
        relationship_type=query.relationship_type,
        source_refs=query.source_refs,
        target_refs=query.target_refs,
        source_types=query.source_types,
        target_types=query.target_types,
    )
