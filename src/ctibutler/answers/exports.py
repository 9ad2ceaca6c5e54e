"""All objects of a release, portion by portion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.answers.portions import PORTION, Unchanged
from ctibutler.catalog import objects as catalog
from ctibutler.catalog import relationship_contents, relationships
from ctibutler.catalog.edges import Edge
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.members import member_keys
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import RELATIONSHIP


@dataclass(frozen=True, slots=True)
class ReleaseObjects:
    """The objects of a release. `portions` reads their JSON while it is iterated over, some hundred objects at a time.

    `bundle_id` is that of the bundle that the release came in. `digest` (hexadecimal) is the same as long as the objects are,
    and known before the first of them is read; `installed_at` is in microseconds.
    """

    name: str
    bundle_id: str
    digest: str
    installed_at: int
    portions: Iterator[Sequence[bytes]]


def release_objects(
    library: Library,
    kb: KnowledgeBase,
    label: str | None,
    types: Sequence[str] | None = None,
    include_derived: bool = False,
) -> ReleaseObjects:
    """Return the objects of a release as they were in its file and in its order, exact copies once.

    `types` keeps objects of these STIX types. `include_derived` appends the relationships that we made: embedded ones,
    techniques to tactics, links.

    Raises NotFound if the release is not installed.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        edges: list[Edge] = []
        if include_derived and (types is None or RELATIONSHIP in types):
            edges = relationships.found(connection, relationships.derived(connection, release))
            # Owner by owner: the references of a collection would else read its 3 MB again and again. By ids and times, not
            # by our keys: a release is the same file whatever was installed before it.
            edges.sort(
                key=lambda edge: (edge.family, edge.source, edge.id, edge.target, edge.modified or 0, edge.created or 0)
            )
        source = Unchanged.since(connection, library.database, [release])
        portions = _portions(source, release, types, edges)
        if sum(release.facts["counts_by_type"].values()) + len(edges) <= PORTION:
            portions = iter(
                [[*_members(connection, release, types), *relationship_contents.contents(connection, edges)]]
            )
    return ReleaseObjects(
        name=f"{kb.slug}-{release.label}",
        bundle_id=release.bundle_id,
        digest=_digest(release, types, edges if include_derived else None),
        installed_at=release.installed_at,
        portions=portions,
    )


def _members(connection: Connection, release: Release, types: Sequence[str] | None) -> list[bytes]:
    return catalog.contents(connection, member_keys(connection, release, types))


def _portions(
    source: Unchanged, release: Release, types: Sequence[str] | None, edges: Sequence[Edge]
) -> Iterator[Sequence[bytes]]:
    with source.same() as connection:  # only now: of a release that is kept elsewhere, no portion is asked for
        keys = member_keys(connection, release, types)
    yield from source.portions(keys, catalog.contents)
    yield from source.portions(edges, relationship_contents.contents)


def _digest(release: Release, types: Sequence[str] | None, edges: Sequence[Edge] | None) -> str:
    if types is None and edges is None:
        return release.digest
    whole = blake2b(release.digest.encode(), digest_size=16)
    whole.update(repr(None if types is None else sorted(set(types))).encode())
    for edge in edges or ():
        whole.update(f"{edge.id}{edge.source}{edge.target}{edge.modified}".encode())
    return whole.hexdigest()
