"""Objects of one release of a knowledge base: lists, one object, its versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import Page, PageRequest, Sort, cut
from ctibutler.catalog import details, releases
from ctibutler.catalog import objects as catalog
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded
from ctibutler.catalog.objects import Found
from ctibutler.catalog.releases import Release
from ctibutler.catalog.selections import Selection
from ctibutler.errors import Hidden, NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import RELATIONSHIP, decode, text


@dataclass(frozen=True, slots=True)
class ObjectQuery:
    """A list's filters. A list that is None is no filter; an empty one lets nothing pass.

    `filters` holds those that the knowledge base declares: a list of values for an exact one, a text for a substring.
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


class ObjectState(msgspec.Struct, frozen=True, kw_only=True):
    """One state of an object, and the releases that hold it in this state, newest first.

    `digest` (hexadecimal) is set where states are told apart by their content.
    """

    modified: str | None
    digest: str | msgspec.UnsetType = msgspec.UNSET
    releases: tuple[str, ...] = msgspec.field(name="versions")


@dataclass(frozen=True, slots=True)
class ObjectRequest:
    """One object by primary id or STIX id, in one release (the latest for None)."""

    id: str
    release: str | None = None
    include_revoked: bool = True
    include_deprecated: bool = True


def list_objects(library: Library, kb: KnowledgeBase, query: ObjectQuery) -> Page[ObjectView]:
    """The objects of a release that pass the filters. A release that is not installed has none."""
    with library.database.read() as connection:
        release = releases.find(connection, kb.slug, query.release)
        if release is None:
            return Page(query.page, [], 0)
        page = _select_page(connection, _selection(kb, query, release), _sort(kb, query), query)
        return page.with_items(views(page.items, kb, release.label))


def find_object(library: Library, kb: KnowledgeBase, request: ObjectRequest) -> ObjectView:
    """The object in its release.

    Raises NotFound; if the object is there, but revoked or deprecated and the request leaves those out, Hidden.
    """
    with library.database.read() as connection:
        release, found = resolve(connection, kb, request)
        return ObjectView(catalog.contents(connection, [found.object_key])[0], kb, release.label)


def find_object_with_details(
    library: Library, kb: KnowledgeBase, request: ObjectRequest
) -> tuple[ObjectView, bytes | None]:
    """The object in its release, and what its publisher says of it beyond STIX; None where the release came without.

    Raises NotFound, as `find_object` does.
    """
    with library.database.read() as connection:
        release, found = resolve(connection, kb, request)
        content = catalog.contents(connection, [found.object_key])[0]
        return ObjectView(content, kb, release.label), details.of_object(connection, release.key, found.stix_id)


def object_versions(
    library: Library,
    kb: KnowledgeBase,
    object_id: str,
    include_revoked: bool = True,
    include_deprecated: bool = True,
    by: Literal["modified", "content"] = "modified",
) -> list[ObjectState]:
    """The states of an object in the installed releases, told apart by `modified` or by content, newest first.

    Raises NotFound when it is in none, Hidden when it is revoked or deprecated in all that have it.
    """
    with library.database.read() as connection:
        installed = releases.installed(connection, kb.slug)
        candidates = _candidates(connection, kb, object_id, installed)
        chosen: list[tuple[str, Found]] = []
        hidden: list[Hidden] = []
        for release in installed:
            mine = [found for found in candidates if found.release_key == release.key]
            best = preferred(kb, object_id, _allowed(mine, include_revoked, include_deprecated))
            if best is not None:
                chosen.append((release.label, best))
            elif mine:
                hidden.append(_hidden(kb, object_id, release, mine, include_revoked))
        if not chosen:
            if hidden:
                raise hidden[0]
            raise NotFound(f"no object `{brief(object_id)}` in any installed release of {kb.slug}")
        return _grouped(connection, chosen, by)


def resolve(connection: Connection, kb: KnowledgeBase, request: ObjectRequest) -> tuple[Release, Found]:
    """The release and the object that a request names.

    Raises NotFound; if the object is there, but revoked or deprecated and the request leaves those out, Hidden.
    """
    release = installed_release(connection, kb, request.release)
    candidates = _candidates(connection, kb, request.id, [release])
    found = preferred(kb, request.id, _allowed(candidates, request.include_revoked, request.include_deprecated))
    if found is not None:
        return release, found
    if not candidates:
        raise NotFound(f"no object `{brief(request.id)}` in {kb.slug} {release.label}")
    raise _hidden(kb, request.id, release, candidates, request.include_revoked)


def _hidden(
    kb: KnowledgeBase, object_id: str, release: Release, candidates: Sequence[Found], include_revoked: bool
) -> Hidden:
    """That a release has an object, but in none of the states that were asked for."""
    found = preferred(kb, object_id, candidates)
    state: Literal["revoked", "deprecated"] = (
        "revoked" if found is not None and found.revoked and not include_revoked else "deprecated"
    )
    return Hidden(brief(object_id), release.label, state)


def installed_release(connection: Connection, kb: KnowledgeBase, label: str | None) -> Release:
    """The release of this label, or the latest.

    Raises NotFound when it is not installed.
    """
    release = releases.find(connection, kb.slug, label)
    if release is None:
        which = "no release" if label is None else f"no release `{brief(label)}`"
        raise NotFound(f"{which} of {kb.slug} is installed")
    return release


def is_stix_id(text: str) -> bool:
    """Whether an id has the form of a STIX id: a type, two hyphens, the rest without two."""
    return text.count("--") == 1


def _select_page(connection: Connection, selection: Selection, sort: Sort, query: ObjectQuery) -> Page[bytes]:
    """A page of selected objects; a part of the description, which no column holds, is looked for in their bytes."""
    request = query.page
    if query.description is None:
        keys, total = catalog.select(
            connection,
            selection,
            sort=sort.key,
            descending=sort.descending,
            start=request.start,
            size=request.size,
        )
        return Page(request, catalog.contents(connection, keys), total)
    keys = catalog.select_all(connection, selection, sort=sort.key, descending=sort.descending)
    part = folded(query.description)
    bodies = catalog.contents(connection, keys)
    passing = [content for content in bodies if part in folded(text(decode(content), "description") or "")]
    return cut(passing, request)


def shown_types(kb: KnowledgeBase, release: Release, wanted: Iterable[str] | None = None) -> list[str]:
    """The types of a release that its list shows and a `types` filter lets pass."""
    asked = None if wanted is None else {word.strip() for word in wanted}
    return [name for name in release.types if kb.lists(name) and (asked is None or name in asked)]


def matching_keys(connection: Connection, kb: KnowledgeBase, query: ObjectQuery, release: Release) -> list[int]:
    """The keys of all objects of a release that a query's filters let pass (its description aside)."""
    return catalog.select_all(connection, _selection(kb, query, release))


def _selection(kb: KnowledgeBase, query: ObjectQuery, release: Release) -> Selection:
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
    )


def comparable_id(kb: KnowledgeBase, external_id: str) -> str:
    """An id as the catalogue compares it: a STIX id in lower case, a primary id folded and without optional prefix."""
    return external_id.strip().lower() if is_stix_id(external_id) else folded(kb.without_prefix(external_id))


def _sort(kb: KnowledgeBase, query: ObjectQuery) -> Sort:
    sort = query.sort or Sort.parse(kb.default_sort)
    return Sort("id", sort.descending) if sort.key == kb.id_parameter else sort


def _candidates(connection: Connection, kb: KnowledgeBase, object_id: str, among: Sequence[Release]) -> list[Found]:
    keys = [release.key for release in among]
    if not keys or "\x00" in object_id:
        return []
    if is_stix_id(object_id):
        named = catalog.with_stix_id(connection, keys, object_id.strip().lower())
        return [found for found in named if found.type != RELATIONSHIP]
    return catalog.with_primary_id(connection, keys, folded(kb.without_prefix(object_id)) or " ")


def _allowed(candidates: Iterable[Found], include_revoked: bool, include_deprecated: bool) -> list[Found]:
    return [
        found
        for found in candidates
        if (include_revoked or not found.revoked) and (include_deprecated or not found.deprecated)
    ]


def preferred(kb: KnowledgeBase, object_id: str, candidates: Sequence[Found]) -> Found | None:
    """Of objects that share an id: live before dead, then the type that the id's form names, then not revoked, then the
    newest, then the smallest STIX id. In Enterprise 16.0 more than 220 techniques share theirs with an old mitigation."""
    types = kb.types_named_by(object_id)
    return min(
        candidates,
        key=lambda found: (
            found.revoked or found.deprecated,
            found.type not in types,
            found.revoked,
            -(found.modified or 0),
            found.stix_id,
        ),
        default=None,
    )


def _grouped(connection: Connection, chosen: Sequence[tuple[str, Found]], by: str) -> list[ObjectState]:
    bodies = catalog.contents(connection, [found.object_key for _, found in chosen])
    states: dict[object, ObjectState] = {}
    newest: dict[object, int] = {}
    for (label, found), content in zip(chosen, bodies, strict=True):
        modified = text(decode(content), "modified")
        key: object = found.digest if by == "content" else modified
        if key in states:
            states[key] = msgspec.structs.replace(states[key], releases=(*states[key].releases, label))
            continue
        digest = found.digest.hex() if by == "content" else msgspec.UNSET
        states[key] = ObjectState(modified=modified, digest=digest, releases=(label,))
        newest[key] = -1 if found.modified is None else found.modified
    return [states[key] for key in sorted(states, key=lambda key: newest[key], reverse=True)]


def brief(object_id: str) -> str:
    """An id for a message: printable, and not too long."""
    printable = "".join(char if char.isprintable() else "�" for char in object_id)
    return printable if len(printable) <= 100 else printable[:97] + "..."
