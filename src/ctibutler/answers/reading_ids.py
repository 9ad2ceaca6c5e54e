"""The ids under which people read objects: the primary id where it means the object, else the STIX id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.catalog import objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded
from ctibutler.catalog.namesakes import meant
from ctibutler.catalog.objects import Found
from ctibutler.knowledge_bases.declaration import KnowledgeBase

Place = tuple[str, str, str]
"""An object in a release: the knowledge base, the label of the release, the STIX id."""


def place_of(view: ObjectView) -> Place:
    """Return where an object is. A built-in object is in no release."""
    return (view.knowledge_base.slug if view.knowledge_base else "", view.release or "", view.id)


def reading_ids(library: Library, shown: Iterable[ObjectView]) -> Mapping[Place, str]:
    """Return the id of each of these objects that is in a release: `T1059`, or the STIX id of one that this id does not
    mean."""
    by_release: dict[tuple[str, str], list[ObjectView]] = {}
    for view in shown:
        if view.knowledge_base is not None and view.release is not None:
            by_release.setdefault((view.knowledge_base.slug, view.release), []).append(view)
    ids: dict[Place, str] = {}
    with library.database.read() as connection:
        for (slug, label), views in by_release.items():
            kb = library.knowledge_bases.named(slug)
            means = ids_in(connection, kb, label, (view.external_id for view in views if view.external_id))
            for view in views:
                found = means.get(view.external_id or "")
                is_meant = found is not None and found.stix_id == view.id
                ids[slug, label, view.id] = view.external_id if is_meant and view.external_id else view.id
    return ids


def reading_ids_of(
    library: Library, kb: KnowledgeBase, label: str, shown: Mapping[str, str | None]
) -> Mapping[str, str]:
    """Return STIX id → the id under which people read the object of a release, from STIX ids and primary ids."""
    with library.database.read() as connection:
        means = ids_in(connection, kb, label, (external_id for external_id in shown.values() if external_id))
    ids = {}
    for stix_id, external_id in shown.items():
        found = means.get(external_id or "")
        ids[stix_id] = external_id if external_id and found is not None and found.stix_id == stix_id else stix_id
    return ids


def ids_in(connection: Connection, kb: KnowledgeBase, label: str, ids: Iterable[str]) -> Mapping[str, Found]:
    """Return id → the object of a release that it means, of those that it has."""
    release = releases.find(connection, kb.slug, label)
    asked = {external_id: folded(kb.without_prefix(external_id)) for external_id in ids}
    if release is None or not asked:
        return {}
    named: dict[str, list[Found]] = {}
    for found_by, found in objects.with_primary_ids(connection, [release.key], asked.values()):
        named.setdefault(found_by, []).append(found)
    chosen = {external_id: meant(kb, external_id, named.get(by, ())) for external_id, by in asked.items()}
    return {external_id: found for external_id, found in chosen.items() if found is not None}
