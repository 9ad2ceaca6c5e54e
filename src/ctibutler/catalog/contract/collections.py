"""The collections of a release for ArangoDB: the documents that upstream's database would hold of it.

There are two, and each document is a line, as ArangoDB's own import tool takes them: the vertices, and the edges with all
relationships that we made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ctibutler.catalog import objects, releases
from ctibutler.catalog.contract import documents, records
from ctibutler.catalog.contract.documents import EdgeRecord, End, Properties
from ctibutler.catalog.contract.records import EmbeddedRecord, LinkRecord, Record, ReleaseRecords
from ctibutler.catalog.contract.seeds import SEEDS, seed_standing
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import decode, encode
from ctibutler.stix.references import embedded_relationship

# Bytes of this many objects are in memory at once.
_PORTION: Final = 500


def release_collections(
    connection: Connection, knowledge_bases: KnowledgeBases, kb: KnowledgeBase, release: Release
) -> ReleaseCollections:
    """The collections of an installed release, to be read in this or in later transactions."""
    return ReleaseCollections(knowledge_bases, kb, release, records.release_records(connection, release))


@dataclass(frozen=True)
class ReleaseCollections:
    """The documents of one release, as lines. While they are read, InvalidRequest is raised if ArangoDB cannot hold an id."""

    knowledge_bases: KnowledgeBases
    kb: KnowledgeBase
    release: Release
    records: ReleaseRecords
    _ends: dict[str, End] = field(default_factory=dict)

    def vertices(self, connection: Connection) -> Iterator[bytes]:
        """The lines of all objects but relationships, then of the seeds."""
        keys = records.member_keys(connection, self.release, relationships=False)
        for key, content in _contents(connection, keys):
            yield documents.vertex(self.kb, self.release, self.records.by_object[key], content)
        seed_ids = [seed.properties["id"] for seed in SEEDS]
        carried = records.ids_in_any_release(connection, self.kb.slug, seed_ids)
        for seed in SEEDS:
            yield documents.seed_vertex(self.kb, seed, seed_standing(seed, carried))

    def edges(self, connection: Connection) -> Iterator[bytes]:
        """The lines of all relationships: native ones, embedded ones, links."""
        relationships = records.member_keys(connection, self.release, relationships=True)
        for key, content in _contents(connection, relationships):
            yield self._native(self.records.by_object[key], content)
        vertices = records.member_keys(connection, self.release, relationships=False)
        yield from self._all_embedded(connection, vertices, {})
        yield from self._all_embedded(
            connection, relationships, records.sources_of_relationships(connection, self.release)
        )
        yield from self._all_links(connection)

    def _native(self, record: Record, content: bytes) -> bytes:
        properties = decode(content)
        source, target = self._end(str(properties["source_ref"])), self._end(str(properties["target_ref"]))
        return documents.edge(
            self.kb,
            self.release,
            EdgeRecord(content, properties, record.recorded, record.standing, source, target, is_ref=False),
        )

    def _all_embedded(
        self, connection: Connection, owners: Sequence[int], sources: Mapping[int, str]
    ) -> Iterator[bytes]:
        """The embedded relationships of these owners; `sources` says where those that are edges begin."""
        for start in range(0, len(owners), _PORTION):
            portion = owners[start : start + _PORTION]
            held = list(records.embedded_records(connection, self.release, portion))
            contents = dict(_contents(connection, sorted({edge.owner for edge in held})))
            owner_key, owner = 0, {}
            for edge in held:
                if edge.owner != owner_key:
                    owner_key, owner = edge.owner, decode(contents[edge.owner])
                # What the file itself carries under this id is this relationship already.
                if edge.id not in self.records.by_id:
                    yield self._embedded(edge, owner, sources.get(edge.owner))

    def _embedded(self, embedded: EmbeddedRecord, owner: Properties, begins_at: str | None) -> bytes:
        record = self.records.by_object[embedded.owner]
        falls = begins_at is not None and not self._end(begins_at).latest
        source = End(
            documents.document_id(self.kb, record.id, record.recorded), latest=record.standing.last and not falls
        )
        made = embedded_relationship(owner, embedded.relationship_type, embedded.target)
        stands = embedded.standing._replace(last=True)  # as its owner: nothing later can hold the same reference
        target = self._end(embedded.target)
        return documents.edge(
            self.kb,
            self.release,
            EdgeRecord(encode(made), made, record.recorded, stands, source, target, is_ref=True),
        )

    def _all_links(self, connection: Connection) -> Iterator[bytes]:
        links = [link for link in records.link_records(connection, self.release) if link.id not in self.records.by_id]
        elsewhere = _OtherReleases(connection, self, links)
        made: dict[tuple[str, int], End] = {}
        for link in links:  # a link comes before the relationships embedded in it
            own = (link.source, link.recorded)
            source = made[own] if link.embedded else elsewhere.end(link.source, link.source_release)
            last = link.standing.last and source.latest
            made[link.id, link.recorded] = End(documents.link_id(self.kb, link), last)
            stands = link.standing._replace(last=last)
            target = elsewhere.end(link.target, link.target_release)
            yield documents.link_edge(self.kb, self.release, link, stands, source, target)

    def _end(self, stix_id: str) -> End:
        """Where an edge of this release ends that names this id."""
        found = self._ends.get(stix_id)
        if found is None:
            found = self._ends[stix_id] = documents.end_in(self.kb, self.records, stix_id)
        return found


class _OtherReleases:
    """The ends of links, which may lie in releases of other knowledge bases."""

    def __init__(self, connection: Connection, collections: ReleaseCollections, links: Sequence[LinkRecord]) -> None:
        self._found: dict[int, tuple[KnowledgeBase, ReleaseRecords]] = {
            collections.release.key: (collections.kb, collections.records)
        }
        named: dict[int, set[str]] = {}
        for link in links:
            named.setdefault(link.source_release, set()).add(link.source)
            named.setdefault(link.target_release, set()).add(link.target)
        for release_key, ids in named.items():
            if release_key not in self._found:
                release = releases.by_key(connection, release_key)
                kb = collections.knowledge_bases.named(release.knowledge_base)
                self._found[release_key] = (kb, records.release_records(connection, release, sorted(ids)))

    def end(self, stix_id: str, release_key: int) -> End:
        """Where an edge ends that names this id in this release."""
        kb, found = self._found[release_key]
        return documents.end_in(kb, found, stix_id)


def _contents(connection: Connection, keys: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Object key and bytes of these objects, in this order."""
    for start in range(0, len(keys), _PORTION):
        portion = keys[start : start + _PORTION]
        yield from zip(portion, objects.contents(connection, portion), strict=True)
