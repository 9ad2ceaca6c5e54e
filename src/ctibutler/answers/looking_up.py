"""What somebody finds who looks an object up in one release, and where else it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ctibutler.answers.library import Library
from ctibutler.answers.naming import candidates_of, installed_release, is_stix_id
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.relationships import RelationshipQuery, relationships_of
from ctibutler.answers.spellings import Near, near, readings
from ctibutler.catalog import details, members, objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.namesakes import meant
from ctibutler.catalog.objects import Found
from ctibutler.catalog.releases import Release
from ctibutler.comparing.notices import named_in, notice_of
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import text

REVOKED_BY = "revoked-by"

Change = Literal["absent", "first", "same", "different"]


@dataclass(frozen=True, slots=True)
class Moment:
    """An object in one installed release: whether it is there, and whether its bytes are those of the release before.

    `id` is the one to read it by there: the primary id, or the STIX id, which publishers change too. It is None where it is
    absent. `is_namesake`: it is another object there with the same primary id, where STIX ids tell objects apart.
    """

    release: str
    change: Change
    id: str | None = None
    digest: str | None = None
    is_namesake: bool = False


@dataclass(frozen=True, slots=True)
class LookedUp:
    """An object of a release. `contents` are all that the release has under its STIX id, the shown one first; `others` are
    different objects with the same primary id; `moments` the installed releases, oldest first. `details` is what its publisher
    says beyond STIX, as JSON."""

    kb: KnowledgeBase
    release: str
    is_latest: bool
    view: ObjectView
    contents: Sequence[ObjectView]
    others: Sequence[ObjectView]
    moments: Sequence[Moment]
    digest: str
    details: bytes | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """An id that a release has no object of: where the knowledge base has one, oldest first, and what is nearly the same."""

    kb: KnowledgeBase
    release: str
    is_latest: bool
    id: str
    moments: Sequence[Moment]
    near: Sequence[Near]

    @property
    def holders(self) -> list[Moment]:
        """The releases that have it."""
        return [moment for moment in self.moments if moment.id is not None]


@dataclass(frozen=True, slots=True)
class Notice:
    """What a publisher says about an object that it gave up: the paragraph, as it is written, and the live objects of the
    release that it names."""

    text: str
    named: Sequence[ObjectView]


@dataclass(frozen=True, slots=True)
class Place:
    """An object that a text names, in the latest release of its knowledge base. `by_id`: the text spells its id."""

    view: ObjectView
    by_id: bool


def look_up(library: Library, kb: KnowledgeBase, object_id: str, label: str) -> LookedUp | Absent:
    """Return what an id means in a release.

    Raises NotFound if the release is not installed.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        installed = releases.installed(connection, kb.slug)
        everywhere = candidates_of(connection, kb, object_id, installed)
        here = [found for found in everywhere if found.release_key == release.key]
        chosen = meant(kb, object_id, here)
        if chosen is None:
            moments = _moments(connection, kb, object_id, None, installed)
            return Absent(
                kb, release.label, release.latest, object_id, moments, near(connection, [(kb, release)], object_id)
            )
        content = objects.content(connection, chosen.object_key)
        view = ObjectView(content, kb, release.label)
        named = here if view.external_id is None else candidates_of(connection, kb, view.external_id, [release])
        others = {found.stix_id: found.object_key for found in reversed(named) if found.stix_id != chosen.stix_id}
        same = [key for _, key in members.with_ids(connection, release.key, [chosen.stix_id])]
        rest = [key for key in dict.fromkeys(same) if key != chosen.object_key]
        return LookedUp(
            kb,
            release.label,
            release.latest,
            view,
            [view, *views(objects.contents(connection, rest), kb, release.label)],
            views(objects.contents(connection, [others[key] for key in sorted(others)]), kb, release.label),
            _moments(connection, kb, view.external_id, chosen.stix_id, installed),
            chosen.digest.hex(),
            details.of_object(connection, release.key, chosen.stix_id) if kb.details else None,
        )


def successors(library: Library, found: ObjectView) -> list[ObjectView]:
    """Return what a revoked object was revoked for, over all hops: the nearest first, and each once. Objects that the release
    does not have are left out."""
    kb, chain = found.knowledge_base, list[ObjectView]()
    if kb is None or not found.is_revoked:
        return chain
    query = RelationshipQuery(include_embedded=False, direction="source_ref", relationship_type=REVOKED_BY)
    with library.database.read() as connection:
        release = installed_release(connection, kb, found.release)
        waiting, seen = [found.id], {found.id}
        while waiting:
            edges = relationships_of(library, connection, release, waiting.pop(0), query)
            targets = [target for edge in edges if (target := edge.target) not in seen]
            seen.update(targets)
            keys = dict(members.with_ids(connection, release.key, targets))
            for stix_id in targets:
                if stix_id in keys:
                    chain.append(ObjectView(objects.content(connection, keys[stix_id]), kb, release.label))
                    waiting.append(stix_id)
    return chain


def notice_about(library: Library, found: ObjectView) -> Notice | None:
    """Return what the description of an object says about its end; None if it says nothing."""
    kb = found.knowledge_base
    said = notice_of(text(found.properties, "description") or "")
    if kb is None or said is None:
        return None
    with library.database.read() as connection:
        release = installed_release(connection, kb, found.release)
        chosen = [meant(kb, named, candidates_of(connection, kb, named, [release])) for named in named_in(kb, said)]
        keys = {one.stix_id: one.object_key for one in chosen if one is not None and one.stix_id != found.id}
        named = views(objects.contents(connection, list(keys.values())), kb, release.label)
    return Notice(said, [view for view in named if not view.is_revoked and not view.is_deprecated])


def places_of(library: Library, written: str) -> list[Place]:
    """Return the objects that a text names in the latest releases, by an id first; of each knowledge base the one that is
    meant."""
    with library.database.read() as connection:
        latest = [(library.knowledge_bases.named(it.knowledge_base), it) for it in releases.latest(connection)]
        found = []
        for kb, release in latest:
            best = meant(kb, written, candidates_of(connection, kb, written, [release]))
            if best is not None:
                found.append(Place(ObjectView(objects.content(connection, best.object_key), kb, release.label), True))
        if found or is_stix_id(written):
            return found
        return [
            Place(ObjectView(objects.content(connection, it.found.object_key), it.kb, it.release.label), it.by_id)
            for it in readings(connection, latest, written)
        ]


def near_anywhere(library: Library, written: str) -> list[Near]:
    """Return the objects of the latest releases whose id or name is nearly this text."""
    with library.database.read() as connection:
        latest = [(library.knowledge_bases.named(it.knowledge_base), it) for it in releases.latest(connection)]
        return near(connection, latest, written)


def _moments(
    connection: Connection,
    kb: KnowledgeBase,
    external_id: str | None,
    stix_id: str | None,
    installed: Sequence[Release],
) -> list[Moment]:
    by_stix_id = candidates_of(connection, kb, stix_id, installed) if stix_id else []
    # A publisher may have given the object another id in another release.
    ids = dict.fromkeys((external_id, *(found.external_id for found in by_stix_id)))
    by_id = {one: candidates_of(connection, kb, one, installed) for one in ids if one}
    moments: list[Moment] = []
    before: bytes | None = None
    for release in reversed(installed):
        found = next(iter(_in(by_stix_id, release)), None)
        if found is None and external_id:
            found = meant(kb, external_id, _in(by_id[external_id], release))
        if found is None:
            moments.append(Moment(release.label, "absent"))
            continue
        own = found.external_id
        named = meant(kb, own, _in(by_id.get(own, ()), release)) if own else None
        change: Change = "first" if before is None else "same" if found.digest == before else "different"
        before = found.digest
        is_named = named is not None and named.stix_id == found.stix_id
        object_id = found.external_id if is_named else found.stix_id
        is_namesake = kb.identity == "stix-id" and stix_id is not None and found.stix_id != stix_id
        moments.append(Moment(release.label, change, object_id, found.digest.hex(), is_namesake))
    return moments


def _in(found: Sequence[Found], release: Release) -> list[Found]:
    return [one for one in found if one.release_key == release.key]
