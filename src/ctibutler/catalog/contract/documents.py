"""One document for ArangoDB: an object as published, with properties of the store behind it.

The properties of the store begin with an underscore.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import md5
from typing import Any, Final

from ctibutler.catalog.contract.records import LinkRecord, Record, ReleaseRecords, Standing, release_note
from ctibutler.catalog.contract.seeds import SEED_RECORDED, Seed
from ctibutler.catalog.link_sets import TECHNIQUE_TACTIC
from ctibutler.catalog.releases import Release
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import RELATIONSHIP, decode, encode, type_of_id
from ctibutler.stix.times import rfc3339

Properties = Mapping[str, Any]

# What ArangoDB allows in a key, and how long one may be.
_KEY: Final = re.compile(r"[A-Za-z0-9_\-:.@()+,=;$!*'%]{1,254}")

# As the standard library writes it: separators with a space, everything outside ASCII escaped.
_sorted_json: Final = json.JSONEncoder(sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class End:
    """Where an edge begins or ends: the `_id` of a record, or of none if the object is `missing`. `latest` says whether this
    record is the latest of its id."""

    document_id: str
    latest: bool = True
    missing: bool = False


def vertex(kb: KnowledgeBase, release: Release, record: Record, content: bytes) -> bytes:
    """The document of an object that is not a relationship."""
    note = release_note(release.label)
    return _line(
        content,
        _place(kb.vertex_collection, record.id, record.recorded)
        | {"_is_latest": record.standing.last, "_stix2arango_note": note}
        | _of_the_file(release)
        | _recorded(record.recorded, record_digest(decode(content), _stix2arango_note=note))
        | _taxii(record.standing),
    )


def seed_vertex(kb: KnowledgeBase, seed: Seed, stands: Standing) -> bytes:
    """The document of a seed."""
    digest = record_digest(
        seed.properties,
        _stix2arango_note=seed.note or "",
        _arango_cti_processor_note=seed.processor_note or "",
    )
    notes = {"_stix2arango_note": seed.note, "_arango_cti_processor_note": seed.processor_note}
    return _line(
        encode(seed.properties),
        _place(kb.vertex_collection, seed.properties["id"], seed.recorded)
        | {"_is_latest": stands.last}
        | {name: note for name, note in notes.items() if note}
        | _recorded(seed.recorded, digest)
        | _taxii(stands),
    )


@dataclass(frozen=True, slots=True)
class EdgeRecord:
    """A relationship of a release, native or embedded, with its record's moment (microseconds), standing and ends."""

    content: bytes
    properties: Properties
    recorded: int
    standing: Standing
    source: End
    target: End
    is_ref: bool


def edge(kb: KnowledgeBase, release: Release, record: EdgeRecord) -> bytes:
    """The document of a relationship of a release."""
    note = release_note(release.label)
    ends = {"_from": record.source.document_id, "_to": record.target.document_id}
    stands = record.standing._replace(last=record.standing.last and record.source.latest)
    return _line(
        record.content,
        _place(kb.edge_collection, record.properties["id"], record.recorded)
        | ends
        | {"_is_ref": record.is_ref, "_is_latest": stands.last, "_stix2arango_note": note}
        | _of_the_file(release)
        | {"_stix2arango_ref_err": record.source.missing or record.target.missing}
        | _types(record.properties)
        | _recorded(record.recorded, record_digest(record.properties, _stix2arango_note=note, **ends))
        | _taxii(stands),
    )


def link_edge(
    kb: KnowledgeBase, release: Release, link: LinkRecord, stands: Standing, source: End, target: End
) -> bytes:
    """The document of a link."""
    properties = decode(link.content)
    ends = {"_from": source.document_id, "_to": target.document_id}
    of_release = {"_stix2arango_note": release_note(release.label)}
    return _line(
        link.content,
        _place(kb.edge_collection, link.id, link.recorded)
        | ends
        | {"_is_ref": link.embedded, "_is_latest": stands.last, "_arango_cti_processor_note": link.mode}
        | (of_release if link.mode == TECHNIQUE_TACTIC else {})
        | _types(properties)
        | _recorded(link.recorded, record_digest(properties, _arango_cti_processor_note=link.mode, **ends))
        | _taxii(stands),
    )


def record_digest(properties: Properties, **of_the_store: str) -> str:
    """`_record_md5_hash`: of the object together with those properties of the store that count (where not empty)."""
    counted = {name: value for name, value in properties.items() if not name.startswith("_")}
    counted.update((name, value) for name, value in of_the_store.items() if value)
    return md5(_sorted_json(counted).encode(), usedforsecurity=False).hexdigest()


def end_in(kb: KnowledgeBase, found: ReleaseRecords, stix_id: str) -> End:
    """Where an edge begins or ends that names this id in a release."""
    record = found.by_id.get(stix_id)
    if record is not None:
        return End(document_id(kb, stix_id, record.recorded), record.standing.last)
    if stix_id in SEED_RECORDED:
        return End(document_id(kb, stix_id, SEED_RECORDED[stix_id]))
    return End(_checked(f"{kb.vertex_collection}/{stix_id}"), missing=True)


def link_id(kb: KnowledgeBase, link: LinkRecord) -> str:
    """The `_id` of a link."""
    return f"{kb.edge_collection}/{_key(link.id, link.recorded)}"


def document_id(kb: KnowledgeBase, stix_id: str, recorded: int) -> str:
    """The `_id` of a record."""
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


def _place(collection: str, stix_id: str, recorded: int) -> dict[str, Any]:
    key = _key(stix_id, recorded)
    return {"_key": key, "_id": _checked(f"{collection}/{key}")}


def _of_the_file(release: Release) -> dict[str, Any]:
    return {"_bundle_id": "", "_file_name": release.file_name}


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
