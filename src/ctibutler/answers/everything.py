"""The view over all knowledge bases: each id once, from the latest release that has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ctibutler.answers.bundles import BundleQuery, Entry, around, entry_contents
from ctibutler.answers.library import Library
from ctibutler.answers.objects import brief, comparable_id, is_stix_id, preferred
from ctibutler.answers.pages import Page, PageRequest, Sort, cut
from ctibutler.answers.relationships import RelationshipQuery, filtered, in_order
from ctibutler.catalog import objects as catalog
from ctibutler.catalog import relationships, releases
from ctibutler.catalog.connection import Connection
from ctibutler.catalog.folding import folded
from ctibutler.catalog.objects import Found, Selection
from ctibutler.catalog.relationships import Edge, Shown
from ctibutler.catalog.releases import Release
from ctibutler.catalog.rows import ATTACK_DOMAINS, LABEL
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import ALL
from ctibutler.knowledge_bases.declaration import KnowledgeBase, TypeWord, strings
from ctibutler.stix.markings import OPEN_MARKINGS
from ctibutler.stix.objects import META_TYPES, decode, encode, instant, text
from ctibutler.stix.well_known import WELL_KNOWN

Kind = Literal["smos", "scos", "sdos", "knowledgebases", "sros"]

SMO_TYPES = tuple(sorted(META_TYPES))
SDO_TYPES = (
    "attack-pattern",
    "campaign",
    "course-of-action",
    "exploit",
    "grouping",
    "identity",
    "incident",
    "indicator",
    "infrastructure",
    "intrusion-set",
    "location",
    "malware",
    "malware-analysis",
    "note",
    "observed-data",
    "opinion",
    "procedure",
    "report",
    "sighting",
    "threat-actor",
    "tool",
    "vulnerability",
    "weakness",
    "x-mitre-asset",
    "x-mitre-data-component",
    "x-mitre-data-source",
    "x-mitre-tactic",
    "x-mitre-detection-strategy",
    "x-mitre-analytic",
    "attack-flow",
    "attack-action",
)
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
SCO_TYPES = (
    "artifact",
    "autonomous-system",
    "bank-account",
    "bank-card",
    "cryptocurrency-transaction",
    "cryptocurrency-wallet",
    "data-source",
    "directory",
    "domain-name",
    "email-addr",
    "email-message",
    "file",
    "ipv4-addr",
    "ipv6-addr",
    "mac-addr",
    "mutex",
    "network-traffic",
    "payment-card",
    "phone-number",
    "process",
    "software",
    "url",
    "user-account",
    "user-agent",
    "windows-registry-key",
    "x509-certificate",
)
TYPES: dict[Kind, tuple[str, ...]] = {
    "smos": SMO_TYPES,
    "scos": SCO_TYPES,
    "sdos": SDO_TYPES,
    "knowledgebases": KNOWLEDGE_BASE_TYPES,
    "sros": ("relationship",),
}
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
class EverythingQuery:
    """Filters of the lists over all knowledge bases; which of them a list takes, the contract says."""

    sort: Sort
    page: PageRequest = PageRequest()
    types: Sequence[str] | None = None
    name: str | None = None
    labels: str | None = None
    value: str | None = None
    value_exact: bool = False
    visible_to: str | None = None
    ttp_type: Sequence[str] | None = None
    ttp_object_type: Sequence[str] | None = None
    ttp_id: str | None = None
    source_refs: Sequence[str] | None = None
    target_refs: Sequence[str] | None = None
    source_types: Sequence[str] | None = None
    target_types: Sequence[str] | None = None
    relationship_type: str | None = None
    include_embedded_refs: bool = True
    show_knowledgebase: bool = False


@dataclass(frozen=True, slots=True)
class _Located:
    """An id, the release that answers for it, and what it is there: an object, a relationship that we made, or nothing
    but well known."""

    id: str
    release: Release | None
    found: Found | None = None
    edge: Edge | None = None


def list_everything(library: Library, kind: Kind, query: EverythingQuery) -> Page:
    """The objects of one kind in the latest releases."""
    with library.database.read() as connection:
        where = _latest(library, connection, query.ttp_type)
        if kind == "sros":
            return _list_relationships(library, connection, where, query)
        wanted = TYPES[kind] if query.types is None else [name for name in TYPES[kind] if name in query.types]
        selection = Selection(
            releases=[release.key for release in where],
            types=wanted,
            listed_only=False,
            name=query.name,
            fields={LABEL: query.labels} if query.labels is not None else {},
            external_ids=None if query.ttp_id is None else _forms(library, query.ttp_id),
            type_words=_type_words(query.ttp_object_type),
            visible_to=query.visible_to,
            without=catalog.repeated(connection, [(release.key, release.knowledge_base) for release in where]),
        )
        if kind == "scos" and query.value is not None:
            page = _with_value(connection, selection, query)
        else:
            keys, total = catalog.select(
                connection,
                selection,
                sort=query.sort.key,
                descending=query.sort.descending,
                start=query.page.start,
                size=query.page.size,
            )
            page = Page(query.page, _shown(connection, keys, where, query.show_knowledgebase), total)
        return page


def find_anywhere(library: Library, object_id: str, visible_to: str | None = None) -> bytes:
    """The object or relationship with this id, wherever it is: no id that we hand out is a dead end.

    Raises NotFound; where several knowledge bases have a primary id, its details name them.
    """
    with library.database.read() as connection:
        located = _locate(library, connection, object_id)
        content = _content(connection, located)
    if visible_to is not None and not _visible(decode(content), visible_to):
        raise NotFound(f"No object with id `{brief(object_id)}`")
    return content


def bundle_anywhere(
    library: Library,
    object_id: str,
    query: BundleQuery,
    sort: Sort,
    visible_to: str | None = None,
    created_by_refs: Sequence[str] | None = None,
) -> Page:
    """A page of the object with its relationships and neighbours, in the order asked.

    `created_by_refs` keeps objects created by these, and the named one.

    Raises NotFound.
    """
    with library.database.read() as connection:
        located = _locate(library, connection, object_id)
        if located.release is None or located.found is None:
            named = _content(connection, located)
            return cut([named], query.page, lambda shown: shown)
        entries = around(connection, located.release, located.found, query)
        pairs = list(zip(entries, map(decode, entry_contents(connection, entries)), strict=True))
        if visible_to is not None:
            pairs = [pair for pair in pairs if _visible(pair[1], visible_to)]
        if created_by_refs is not None:
            pairs = [
                pair for pair in pairs if pair[0].id == located.id or pair[1].get("created_by_ref") in created_by_refs
            ]
        ordered = _by_time(pairs, sort)
        return cut(ordered, query.page, lambda shown: entry_contents(connection, shown))


def relationships_anywhere(library: Library, object_id: str, query: RelationshipQuery) -> Page:
    """The relationships of an object in the release that answers for its id.

    Raises NotFound.
    """
    with library.database.read() as connection:
        located = _locate(library, connection, object_id)
        edges: list[Edge] = []
        if located.release is not None:
            edges = relationships.edges_of(
                connection, located.release, located.id, include_embedded=query.include_embedded
            )
        passing = in_order(filtered(edges, query, located.id), query.sort)
        return cut(passing, query.page, lambda shown: relationships.contents(connection, shown))


def versions_anywhere(library: Library, object_id: str) -> list[dict[str, object]]:
    """In which knowledge bases and releases an id stands, grouped by `modified`, newest first.

    Raises NotFound.
    """
    with library.database.read() as connection:
        located = _locate(library, connection, object_id)
        installed = {release.key: release for release in releases.installed(connection)}
        found = catalog.named(connection, list(installed), stix_id=located.id, relationships=True)
        bodies = catalog.contents(connection, [item.object_key for item in found])
        groups: dict[tuple[str, str | None], list[Release]] = {}
        for item, content in zip(found, bodies, strict=True):
            release = installed[item.release_key]
            of_group = groups.setdefault((release.knowledge_base, text(decode(content), "modified")), [])
            if release not in of_group:
                of_group.append(release)
    newest_first = sorted(groups.items(), key=lambda group: group[0][0])
    newest_first.sort(key=lambda group: group[0][1] or "", reverse=True)
    return [
        {
            "knowledge_base": knowledge_base,
            "modified": modified,
            "versions": [one.label for one in sorted(of_group, key=lambda one: one.sort_key, reverse=True)],
        }
        for (knowledge_base, modified), of_group in newest_first
    ]


def _latest(library: Library, connection: Connection, ttp_type: Sequence[str] | None) -> list[Release]:
    wanted = None if ttp_type is None else {word.strip().lower() for word in ttp_type}
    slugs = [
        kb.slug
        for kb in library.knowledge_bases.all
        if wanted is None or {kb.object_filter_word or kb.slug, *kb.names} & wanted
    ]
    return releases.latest(connection, slugs)


def _forms(library: Library, external_id: str) -> list[str]:
    """A primary id as each knowledge base compares it: with or without the prefix that may be left out."""
    return sorted({comparable_id(kb, external_id) for kb in library.knowledge_bases.all})


def _type_words(words: Sequence[str] | None) -> list[TypeWord] | None:
    """The forms that these words name in any knowledge base."""
    if words is None:
        return None
    asked = {word.strip().casefold() for word in words}
    named = {form.word: form for kb in reversed(ALL) for form in kb.type_words if form.word.casefold() in asked}
    return list(named.values())


def _shown(
    connection: Connection, keys: Sequence[int], where: Sequence[Release], show_knowledgebase: bool
) -> Sequence[bytes]:
    contents = catalog.contents(connection, keys)
    if not show_knowledgebase:
        return contents
    names = {release.key: release.knowledge_base for release in where}
    homes = catalog.releases_of(connection, keys, list(names))
    return [
        encode({**decode(content), "knowledgebase_name": names[homes[key]]})
        for key, content in zip(keys, contents, strict=True)
    ]


def _with_value(connection: Connection, selection: Selection, query: EverythingQuery) -> Page:
    keys, _ = catalog.select(connection, selection, sort=query.sort.key, descending=query.sort.descending)
    wanted = folded(query.value or "")
    passes: Callable[[str], bool] = (
        (lambda item: item == wanted) if query.value_exact else (lambda item: wanted in item)
    )
    passing = [
        content
        for content in catalog.contents(connection, keys)
        if any(passes(folded(item)) for item in _values(decode(content)))
    ]
    return cut(passing, query.page, lambda shown: shown)


def _values(properties: dict[str, Any]) -> Iterable[str]:
    for name in VALUE_PROPERTIES:
        value = properties.get(name)
        yield from [str(value)] if isinstance(value, int) else strings(value)


def _list_relationships(
    library: Library, connection: Connection, where: Sequence[Release], query: EverythingQuery
) -> Page:
    if query.types is not None and "relationship" not in query.types:
        return Page(query.page, [], 0)
    wanted = RelationshipQuery(
        include_embedded=query.include_embedded_refs,
        relationship_type=query.relationship_type,
        source_refs=query.source_refs,
        target_refs=query.target_refs,
        source_types=query.source_types,
        target_types=query.target_types,
    )

    def answering() -> list[Shown]:
        ends = query.source_refs if query.source_refs is not None else query.target_refs
        edges = [
            (edge, release.knowledge_base) for release in where for edge in _edges(connection, release, ends, wanted)
        ]
        passing = filtered(_each_id_once(edges), wanted)
        if query.visible_to is not None:
            passing = _visible_edges(connection, passing, query.visible_to)
        return [relationships.shown(edge) for edge in in_order(passing, query.sort)]

    question = ("sros", tuple(release.key for release in where), query.sort, query.visible_to, wanted.question)
    listed = library.long_lists.get(connection, question, answering)
    return cut(listed, query.page, lambda shown: relationships.contents(connection, shown))


def _edges(
    connection: Connection, release: Release, ends: Sequence[str] | None, wanted: RelationshipQuery
) -> Iterable[Edge]:
    if ends is None:
        return relationships.edges_in(connection, release, include_embedded=wanted.include_embedded)
    found = [
        edge
        for end in dict.fromkeys(end.lower() for end in ends)
        for edge in relationships.edges_of(connection, release, end, include_embedded=wanted.include_embedded)
    ]
    # Links belong to the release of their source: the target's release must not answer them once more.
    return [edge for edge in found if edge.family != "link" or relationships.owns_link(connection, release, edge)]


def _each_id_once(edges: Iterable[tuple[Edge, str]]) -> list[Edge]:
    ordered = sorted(edges, key=lambda pair: pair[1])
    ordered.sort(key=lambda pair: -(2**63) if pair[0].modified is None else pair[0].modified, reverse=True)
    return list({edge.id: edge for edge, _ in reversed(ordered)}.values())


def _visible_edges(connection: Connection, edges: Sequence[Edge], visible_to: str) -> list[Edge]:
    contents = relationships.contents(connection, edges)
    return [edge for edge, content in zip(edges, contents, strict=True) if _visible(decode(content), visible_to)]


def _visible(properties: dict[str, Any], visible_to: str) -> bool:
    """Whether this identity may see the object: it is its creator's, it has none, or it is open to all."""
    if properties.get("created_by_ref") in (None, visible_to) or "object_marking_refs" not in properties:
        return True
    marks = strings(properties.get("object_marking_refs"))
    domains = strings(properties.get("x_mitre_domains"))
    return any(mark in OPEN_MARKINGS for mark in marks) or any(domain in ATTACK_DOMAINS for domain in domains)


def _locate(library: Library, connection: Connection, object_id: str) -> _Located:
    if "\x00" in object_id:
        raise NotFound(f"No object with id `{brief(object_id)}`")
    if not is_stix_id(object_id):
        return _locate_by_primary_id(library, connection, object_id)
    stix_id = object_id.strip().lower()
    installed = releases.installed(connection)
    for among in ([one for one in installed if one.latest], [one for one in installed if not one.latest]):
        found = _answering(connection, among, stix_id)
        if found is not None:
            return found
    for among in ([one for one in installed if one.latest], [one for one in installed if not one.latest]):
        edges = (
            relationships.edges_with_id(connection, stix_id, among) if relationships.is_relationship(stix_id) else []
        )
        if edges:
            return _Located(stix_id, None, edge=max(edges, key=lambda edge: edge.modified or 0))
    if stix_id in WELL_KNOWN:
        return _Located(stix_id, None)
    raise NotFound(f"No object with id `{brief(object_id)}`")


def _answering(connection: Connection, among: Sequence[Release], stix_id: str) -> _Located | None:
    by_key = {release.key: release for release in among}
    found = catalog.named(connection, list(by_key), stix_id=stix_id, relationships=True) if by_key else []
    if not found:
        return None
    first: dict[int, Found] = {}
    for item in found:
        first.setdefault(item.release_key, item)
    best = min(
        first.values(),
        key=lambda item: (-(item.modified or 0), by_key[item.release_key].knowledge_base),
    )
    return _Located(stix_id, by_key[best.release_key], found=best)


def _locate_by_primary_id(library: Library, connection: Connection, object_id: str) -> _Located:
    hits: list[tuple[KnowledgeBase, Release, Found]] = []
    for kb in library.knowledge_bases.all:
        release = releases.find(connection, kb.slug, None)
        if release is None:
            continue
        candidates = catalog.named(connection, [release.key], found_by=comparable_id(kb, object_id) or " ")
        best = preferred(kb, object_id, candidates)
        if best is not None:
            hits.append((kb, release, best))
    if len(hits) == 1:
        _, release, best = hits[0]
        return _Located(best.stix_id, release, found=best)
    if not hits:
        raise NotFound(f"No object with id `{brief(object_id)}`")
    raise NotFound(
        f"`{brief(object_id)}` names objects of several knowledge bases; ask one of them, or by STIX id",
        {"candidates": [{"knowledge_base": kb.slug, "id": best.stix_id} for kb, _, best in hits]},
    )


def _content(connection: Connection, located: _Located) -> bytes:
    if located.found is not None:
        return catalog.contents(connection, [located.found.object_key])[0]
    if located.edge is not None:
        return relationships.contents(connection, [located.edge])[0]
    return encode(WELL_KNOWN[located.id])


def _by_time(pairs: Sequence[tuple[Entry, dict[str, Any]]], sort: Sort) -> list[Entry]:
    def moment(pair: tuple[Entry, dict[str, Any]]) -> int:
        found = instant(pair[1], sort.key)
        return -(2**63) if found is None else found

    by_id = sorted(pairs, key=lambda pair: pair[0].id)
    return [entry for entry, _ in sorted(by_id, key=moment, reverse=sort.descending)]
