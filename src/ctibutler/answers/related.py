"""What an object is related to: each relationship with the object at its other end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest, resolve
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import Page, cut
from ctibutler.answers.relationships import RelationshipQuery, relationships_of
from ctibutler.catalog import members, objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.relationship_contents import contents
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import text


@dataclass(frozen=True, slots=True)
class Related:
    """A relationship of an object. `outwards`: the object is its source. `other` is None where no release has that end."""

    view: ObjectView
    outwards: bool
    other_id: str
    other: ObjectView | None


def list_related(
    library: Library, kb: KnowledgeBase, request: ObjectRequest, query: RelationshipQuery
) -> Page[Related]:
    """Return the relationships of an object that match. The other ends are looked up in its release, then in the latest
    releases of the other knowledge bases.

    Raises NotFound and Hidden, as `list_relationships` does.
    """
    with library.database.read() as connection:
        release, found = resolve(connection, kb, request)
        shown = cut(relationships_of(library, connection, release, found.stix_id, query), query.page)
        related = views(contents(connection, shown.items), kb, release.label)
        ends = [_end(view, found.stix_id) for view in related]
        there = objects_with_ids(library, connection, kb, release, (stix_id for _, stix_id in ends))
        return shown.with_items(
            [
                Related(view, outwards, stix_id, there.get(stix_id))
                for view, (outwards, stix_id) in zip(related, ends, strict=True)
            ]
        )


def objects_with_ids(
    library: Library, connection: Connection, kb: KnowledgeBase, release: Release, stix_ids: Iterable[str]
) -> dict[str, ObjectView]:
    """Return STIX id → object, from this release, else from a latest one of another knowledge base."""
    missing = set(stix_ids)
    others = [other for other in releases.latest(connection) if other.knowledge_base != kb.slug]
    there: dict[str, ObjectView] = {}
    for place in (release, *others):
        if not missing:
            break
        keys = dict(reversed(members.with_ids(connection, place.key, missing)))
        base = library.knowledge_bases.named(place.knowledge_base)
        read = views(objects.contents(connection, list(keys.values())), base, place.label)
        there |= dict(zip(keys, read, strict=True))
        missing -= keys.keys()
    return there


def _end(view: ObjectView, stix_id: str) -> tuple[bool, str]:
    source, target = (text(view.properties, name) or "" for name in ("source_ref", "target_ref"))
    return (True, target) if source == stix_id else (False, source)
