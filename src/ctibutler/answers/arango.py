"""A release for ArangoDB: the documents that upstream's database would hold of it.

Two files, one JSON document a line, as ArangoDB's own import tool takes them: the vertices, and the edges with all
relationships that we made. Every document is the object as published with properties of the store behind it, which
begin with an underscore. What they mean is told in catalog/records.py; the public views show the same (catalog/contract.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import md5
from typing import Any, Final

from ctibutler.answers.library import Library
from ctibutler.answers.objects import installed_release
from ctibutler.catalog import objects, releases
from ctibutler.catalog.contract import records
from ctibutler.catalog.contract.records import (
    SEED_RECORDED,
    SEEDS,
    EmbeddedRecord,
    LinkRecord,
    Record,
    ReleaseRecords,
    Seed,
    Standing,
    standing,
)
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.link_sets import TECHNIQUE_TACTIC
from ctibutler.catalog.releases import Release
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import RELATIONSHIP, decode, encode, instant, type_of_id
from ctibutler.stix.references import embedded_relationship
from ctibutler.stix.times import rfc3339

Properties = Mapping[str, Any]

# Bytes of this many objects are in memory at once.
_PORTION: Final = 500
# What ArangoDB allows in a key, and how long one may be.
_KEY: Final = re.compile(r"[A-Za-z0-9_\-:.@()+,=;$!*'%]{1,254}")

# As the standard library writes it: separators with a space, everything outside ASCII escaped.
_sorted_json: Final = json.JSONEncoder(sort_keys=True).encode


def arango_files(library: Library, kb: KnowledgeBase, label: str | None) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The files of a release by name, the vertices first; each gives its lines.

    Raises NotFound when the release is not installed, and, while lines are read, InvalidRequest when ArangoDB cannot
    hold an id.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        export = _Export(library, kb, release, records.release_records(connection, release))
    return iter(
        (
            (f"{kb.vertex_collection}.jsonl", export.vertices()),
            (f"{kb.edge_collection}.jsonl", export.edges()),
        )
    )


def record_digest(properties: Properties, **of_the_store: str) -> str:
    """`_record_md5_hash`: of the object together with those properties of the store that count (where not empty)."""
    counted = {name: value for name, value in properties.items() if not name.startswith("_")}
    counted.update((name, value) for name, value in of_the_store.items() if value)
    return md5(_sorted_json(counted).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class _End:
    """Where an edge begins or ends: `_id` of a record, or of none where the object is `missing`. `latest` says whether no
    other record has taken the place of this one."""

    document_id: str
    latest: bool = True
    missing: bool = False


@dataclass(frozen=True)
class _Export:
    """One release on its way out. Each file is read in one transaction: it shows one state of the catalogue."""

    library: Library
    kb: KnowledgeBase
    release: Release
    records: ReleaseRecords
    _ends: dict[str, _End] = field(default_factory=dict)

    def vertices(self) -> Iterator[bytes]:
        """The lines of all objects but relationships, then of the seeds."""
        with self.library.database.read() as connection:
            keys = records.member_keys(connection, self.release, relationships=False)
            for key, content in _contents(connection, keys):
                yield self._vertex(self.records.by_object[key], content)
            seed_ids = [seed.properties["id"] for seed in SEEDS]
            carried = records.ids_in_any_release(connection, self.kb.slug, seed_ids)
        for seed in SEEDS:
            yield self._seed(seed, carried)

    def edges(self) -> Iterator[bytes]:
        """The lines of all relationships: native ones, embedded ones, links."""
        with self.library.database.read() as connection:
            relationships = records.member_keys(connection, self.release, relationships=True)
            for key, content in _contents(connection, relationships):
                yield self._native(self.records.by_object[key], content)
            vertices = records.member_keys(connection, self.release, relationships=False)
            yield from self._all_embedded(connection, vertices, {})
            yield from self._all_embedded(
                connection, relationships, records.sources_of_relationships(connection, self.release)
            )
            yield from self._all_links(connection)

    def _vertex(self, record: Record, content: bytes) -> bytes:
        note = records.release_note(self.release.label)
        return _line(
            content,
            self._place(self.kb.vertex_collection, record.id, record.recorded)
            | {"_is_latest": record.standing.last, "_stix2arango_note": note}
            | self._of_the_file()
            | _recorded(record.recorded, record_digest(decode(content), _stix2arango_note=note))
            | _taxii(record.standing),
        )

    def _seed(self, seed: Seed, carried: set[str]) -> bytes:
        digest = record_digest(
            seed.properties,
            _stix2arango_note=seed.note or "",
            _arango_cti_processor_note=seed.processor_note or "",
        )
        stands = _seed_standing(seed, carried)
        notes = {"_stix2arango_note": seed.note, "_arango_cti_processor_note": seed.processor_note}
        return _line(
            encode(seed.properties),
            self._place(self.kb.vertex_collection, seed.properties["id"], seed.recorded)
            | {"_is_latest": stands.last}
            | {name: note for name, note in notes.items() if note}
            | _recorded(seed.recorded, digest)
            | _taxii(stands),
        )

    def _native(self, record: Record, content: bytes) -> bytes:
        properties = decode(content)
        source, target = self._end(str(properties["source_ref"])), self._end(str(properties["target_ref"]))
        return self._stored_edge(content, properties, record.recorded, record.standing, source, target, is_ref=False)

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

    def _embedded(self, edge: EmbeddedRecord, owner: Properties, begins_at: str | None) -> bytes:
        record = self.records.by_object[edge.owner]
        falls = begins_at is not None and not self._end(begins_at).latest
        source = _End(_document_id(self.kb, record.id, record.recorded), record.standing.last and not falls)
        made = embedded_relationship(owner, edge.relationship_type, edge.target)
        stands = edge.standing._replace(last=True)  # as its owner: nothing later can hold the same reference
        return self._stored_edge(
            encode(made), made, record.recorded, stands, source, self._end(edge.target), is_ref=True
        )

    def _stored_edge(
        self,
        content: bytes,
        properties: Properties,
        recorded: int,
        stands: Standing,
        source: _End,
        target: _End,
        *,
        is_ref: bool,
    ) -> bytes:
        note = records.release_note(self.release.label)
        ends = {"_from": source.document_id, "_to": target.document_id}
        stands = stands._replace(last=stands.last and source.latest)
        return _line(
            content,
            self._place(self.kb.edge_collection, properties["id"], recorded)
            | ends
            | {"_is_ref": is_ref, "_is_latest": stands.last, "_stix2arango_note": note}
            | self._of_the_file()
            | {"_stix2arango_ref_err": source.missing or target.missing}
            | _types(properties)
            | _recorded(recorded, record_digest(properties, _stix2arango_note=note, **ends))
            | _taxii(stands),
        )

    def _all_links(self, connection: Connection) -> Iterator[bytes]:
        links = [link for link in records.link_records(connection, self.release) if link.id not in self.records.by_id]
        elsewhere = _OtherReleases(connection, self, links)
        made: dict[tuple[str, int], _End] = {}
        for link in links:  # those that others hang on come first
            own = (link.source, link.recorded)
            source = made[own] if link.embedded else elsewhere.end(link.source, link.source_release)
            last = link.standing.last and source.latest
            document_id = f"{self.kb.edge_collection}/{_key(link.id, link.recorded)}"
            made[link.id, link.recorded] = _End(document_id, last)
            yield self._link(
                link, link.standing._replace(last=last), source, elsewhere.end(link.target, link.target_release)
            )

    def _link(self, link: LinkRecord, stands: Standing, source: _End, target: _End) -> bytes:
        properties = decode(link.content)
        ends = {"_from": source.document_id, "_to": target.document_id}
        of_release = {"_stix2arango_note": records.release_note(self.release.label)}
        return _line(
            link.content,
            self._place(self.kb.edge_collection, link.id, link.recorded)
            | ends
            | {"_is_ref": link.embedded, "_is_latest": stands.last, "_arango_cti_processor_note": link.mode}
            | (of_release if link.mode == TECHNIQUE_TACTIC else {})
            | _types(properties)
            | _recorded(link.recorded, record_digest(properties, _arango_cti_processor_note=link.mode, **ends))
            | _taxii(stands),
        )

    def _end(self, stix_id: str) -> _End:
        """Where an edge of this release ends that names this id."""
        found = self._ends.get(stix_id)
        if found is None:
            found = self._ends[stix_id] = _end_in(self.kb, self.records, stix_id)
        return found

    def _place(self, collection: str, stix_id: str, recorded: int) -> dict[str, Any]:
        key = _key(stix_id, recorded)
        return {"_key": key, "_id": _checked(f"{collection}/{key}")}

    def _of_the_file(self) -> dict[str, Any]:
        return {"_bundle_id": "", "_file_name": self.release.file_name}


class _OtherReleases:
    """The ends of links, which may lie in releases of other knowledge bases."""

    def __init__(self, connection: Connection, export: _Export, links: Sequence[LinkRecord]) -> None:
        self._found: dict[int, tuple[KnowledgeBase, ReleaseRecords]] = {export.release.key: (export.kb, export.records)}
        named: dict[int, set[str]] = {}
        for link in links:
            named.setdefault(link.source_release, set()).add(link.source)
            named.setdefault(link.target_release, set()).add(link.target)
        for release_key, ids in named.items():
            if release_key not in self._found:
                release = releases.by_key(connection, release_key)
                kb = export.library.knowledge_bases.named(release.knowledge_base)
                self._found[release_key] = (kb, records.release_records(connection, release, sorted(ids)))

    def end(self, stix_id: str, release_key: int) -> _End:
        """Where an edge ends that names this id in this release."""
        kb, found = self._found[release_key]
        return _end_in(kb, found, stix_id)


def _end_in(kb: KnowledgeBase, found: ReleaseRecords, stix_id: str) -> _End:
    record = found.by_id.get(stix_id)
    if record is not None:
        return _End(_document_id(kb, stix_id, record.recorded), record.standing.last)
    if stix_id in SEED_RECORDED:
        return _End(_document_id(kb, stix_id, SEED_RECORDED[stix_id]))
    return _End(_checked(f"{kb.vertex_collection}/{stix_id}"), missing=True)


def _document_id(kb: KnowledgeBase, stix_id: str, recorded: int) -> str:
    collection = kb.edge_collection if type_of_id(stix_id) == RELATIONSHIP else kb.vertex_collection
    return _checked(f"{collection}/{_key(stix_id, recorded)}")


def _key(stix_id: str, recorded: int) -> str:
    return f"{stix_id}+{_time(recorded)}"


def _checked(document_id: str) -> str:
    """The `_id` of a document, if ArangoDB can hold it."""
    if not _KEY.fullmatch(document_id.partition("/")[2]):
        raise InvalidRequest(
            f"ArangoDB cannot hold `{document_id}`: a key is 1 to 254 letters, digits or _-:.@()+,=;$!*'%"
        )
    return document_id


def _contents(connection: Connection, keys: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Object key and bytes of these objects, in this order."""
    for start in range(0, len(keys), _PORTION):
        portion = keys[start : start + _PORTION]
        yield from zip(portion, objects.contents(connection, portion), strict=True)


def _seed_standing(seed: Seed, carried: set[str]) -> Standing:
    """A seed stands back where a release carries its id; of two seeds with one id the later one stands."""
    if seed.properties["id"] in carried:
        return Standing(last=False, first=False, visible=False)
    ranks = [_seed_rank(other) for other in SEEDS if other.properties["id"] == seed.properties["id"]]
    return standing(_seed_rank(seed), ranks)


def _seed_rank(seed: Seed) -> records.Rank:
    modified = instant(seed.properties, "modified")
    return records.Rank(records.ABSENT if modified is None else modified, "", seed.recorded)


def _types(properties: Properties) -> dict[str, Any]:
    return {
        "_source_type": type_of_id(properties["source_ref"]),
        "_target_type": type_of_id(properties["target_ref"]),
    }


def _recorded(recorded: int, digest: str) -> dict[str, Any]:
    moment = _time(recorded)
    return {"_record_created": moment, "_record_modified": moment, "_record_md5_hash": digest}


def _taxii(stands: Standing) -> dict[str, Any]:
    return {"_taxii": {"visible": stands.visible, "first": stands.first, "last": stands.last}}


def _line(content: bytes, of_the_store: Mapping[str, Any]) -> bytes:
    """One document: the object's own bytes with the store's properties behind them."""
    return content[:-1] + b"," + encode(of_the_store)[1:] + b"\n"


@lru_cache(maxsize=1024)
def _time(instant_: int) -> str:
    return rfc3339(instant_)
