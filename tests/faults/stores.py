"""The content of a store without its internal keys, so that stores with the same content compare equal."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ctibutler.catalog import text
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database

Content = dict[str, list[Any]]

# Rows that need other rows: a table, and the condition under which a row of it is an orphan.
_ORPHANS = {
    "member without release": "member WHERE release_key NOT IN (SELECT release_key FROM release)",
    "member without object": "member WHERE object_key NOT IN (SELECT object_key FROM object)",
    "object without member": "object WHERE object_key NOT IN (SELECT object_key FROM member)",
    "object without body": "object WHERE object_key NOT IN (SELECT object_key FROM body)",
    "object without id": "object WHERE identifier_key NOT IN (SELECT identifier_key FROM identifier)",
    "body without object": "body WHERE object_key NOT IN (SELECT object_key FROM object)",
    "body without dictionary": (
        "body WHERE dictionary_key <> 0 AND dictionary_key NOT IN (SELECT dictionary_key FROM dictionary)"
    ),
    "relationship without object": "relationship WHERE object_key NOT IN (SELECT object_key FROM object)",
    "field without object": "field WHERE object_key NOT IN (SELECT object_key FROM object)",
    "exact name without object": "exact_name WHERE object_key NOT IN (SELECT object_key FROM object)",
    "term without posting": "term WHERE NOT EXISTS (SELECT 1 FROM posting WHERE posting.term_key = term.term_key)",
    "posting without term": "posting WHERE NOT EXISTS (SELECT 1 FROM term WHERE term.term_key = posting.term_key)",
    "held reference without object": "object_reference WHERE object_key NOT IN (SELECT object_key FROM object)",
    "held reference without reference": (
        "object_reference WHERE last_place - first_place + 1 <> (SELECT count(*) FROM reference"
        " JOIN object ON object.identifier_key = reference.source_key"
        " WHERE object.object_key = object_reference.object_key"
        " AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place)"
    ),
    "reference that nothing holds": (
        "reference WHERE NOT EXISTS (SELECT 1 FROM object"
        " JOIN object_reference ON object_reference.object_key = object.object_key"
        " WHERE object.identifier_key = reference.source_key"
        " AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place)"
    ),
    "link set without release": (
        "link_set WHERE owner_release NOT IN (SELECT release_key FROM release)"
        " OR other_release NOT IN (SELECT release_key FROM release)"
    ),
    "link without set": "link WHERE set_key NOT IN (SELECT set_key FROM link_set)",
    "detail without release": "detail WHERE detail_key NOT IN (SELECT detail_key FROM release_detail)",
    "held detail without release": "release_detail WHERE release_key NOT IN (SELECT release_key FROM release)",
    "held detail without detail": "release_detail WHERE detail_key NOT IN (SELECT detail_key FROM detail)",
    "held detail without object": "release_detail WHERE identifier_key NOT IN (SELECT identifier_key FROM object)",
    "id that nothing names": (
        "identifier WHERE identifier_key NOT IN (SELECT identifier_key FROM object"
        " UNION SELECT creator_key FROM object WHERE creator_key IS NOT NULL"
        " UNION SELECT source_key FROM relationship UNION SELECT target_key FROM relationship"
        " UNION SELECT source_key FROM reference UNION SELECT target_key FROM reference"
        " UNION SELECT identifier_key FROM link UNION SELECT source_key FROM link UNION SELECT target_key FROM link)"
    ),
    "dictionary of nothing": (
        "dictionary WHERE base_key NOT IN (SELECT base_key FROM object)"
        " AND base_key NOT IN (SELECT base_key FROM detail)"
        " AND base_key NOT IN (SELECT word_key FROM word WHERE word = 'link')"
    ),
}


def orphans(database: Database) -> dict[str, int]:
    """Rows that should have been removed or lack a row they need, by problem; empty if the store is sound."""
    with database.read() as connection:
        counted = {wrong: connection.value(f"SELECT count(*) FROM {rows}") for wrong, rows in _ORPHANS.items()}
        objects = {row.object_key for row in connection.rows("SELECT object_key FROM object")}
        counted["text without object"] = len({key for key, *_ in text.entries(connection)} - objects)
    return {wrong: count for wrong, count in counted.items() if count}


def content(database: Database) -> Content:
    """Everything about releases in a store, except times of installation and keys of rows."""
    with database.read() as connection:
        return _content(connection)


def _content(connection: Connection) -> Content:
    words = {row.word_key: row.word for row in connection.rows("SELECT word_key, word FROM word")} | {0: None}
    ids = {
        row.identifier_key: row.stix_id for row in connection.rows("SELECT identifier_key, stix_id FROM identifier")
    } | {None: None}
    releases = {
        row.release_key: f"{row.knowledge_base} {row.label}" for row in connection.rows("SELECT * FROM release")
    }
    objects = {
        row.object_key: f"{words[row.base_key]} {bytes(row.digest).hex()}"
        for row in connection.rows("SELECT object_key, base_key, digest FROM object")
    }
    references = {
        (row.source_key, row.place): (
            ids[row.source_key],
            words[row.kind_key],
            ids[row.target_key],
            bytes(row.uuid).hex(),
        )
        for row in connection.rows("SELECT * FROM reference")
    }
    left_out = ("release_key", "installed_at", "fetched_at", "job_id")
    sets = {
        row.set_key: (
            row.mode, releases[row.owner_release], releases[row.other_release], row.owner_shows, row.other_shows
        )
        for row in connection.rows("SELECT * FROM link_set")
    }  # fmt: skip
    found: Content = {
        "releases": [
            str({name: value for name, value in row._asdict().items() if name not in left_out})
            for row in connection.rows("SELECT * FROM release")
        ],
        "members": [
            (releases[row.release_key], words[row.type_key], objects[row.object_key], row.position, row.repeat)
            for row in connection.rows("SELECT * FROM member")
        ],
        "objects": [
            (
                objects[row.object_key],
                ids[row.identifier_key],
                words[row.type_key],
                ids[row.creator_key],
                str(tuple(row)[5:11]),
                str((row.public, row.name, row.external_id, row.found_by, row.id_order)),
            )
            for row in connection.rows("SELECT * FROM object")
        ],
        "bodies": [
            (objects[row.object_key], connection.content(row.dictionary_key, bytes(row.content)))
            for row in connection.rows("SELECT * FROM body")
        ],
        "relationships": [
            (objects[row.object_key], ids[row.source_key], words[row.kind_key], ids[row.target_key])
            for row in connection.rows("SELECT * FROM relationship")
        ],
        "references": list(references.values()),
        "held references": [
            (objects[row.object_key], references[row.source_key, row.place])
            for row in connection.rows(
                "SELECT object.object_key, reference.source_key, reference.place FROM object"
                " JOIN object_reference ON object_reference.object_key = object.object_key"
                " JOIN reference ON reference.source_key = object.identifier_key"
                " AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place"
            )
        ],
        "fields": [
            (objects[row.object_key], words[row.name_key], row.value) for row in connection.rows("SELECT * FROM field")
        ],
        "exact names": [
            (objects[row.object_key], row.value, row.rank) for row in connection.rows("SELECT * FROM exact_name")
        ],
        "texts": [(objects[key], texts) for key, texts in _texts(connection).items()],
        "details": [
            (
                releases[row.release_key],
                ids[row.identifier_key],
                connection.content(row.dictionary_key, bytes(row.content)),
            )
            for row in connection.rows("SELECT * FROM release_detail JOIN detail USING (detail_key)")
        ],
        "ids": [name for name in ids.values() if name],
        "link sets": list(sets.values()),
        "links": [
            (
                sets[row.set_key],
                ids[row.identifier_key],
                ids[row.source_key],
                words[row.kind_key],
                ids[row.target_key],
                str((row.embedded, releases[row.source_release], releases[row.target_release])),
                str((row.created, row.modified)),
                connection.content(row.dictionary_key, bytes(row.content)),
            )
            for row in connection.rows("SELECT * FROM link")
        ],
    }
    return {name: sorted(rows) for name, rows in found.items()}


def _texts(connection: Connection) -> dict[int, str]:
    """The words of each object in the text index, by property, and how often it has them."""
    found: dict[int, list[str]] = defaultdict(list)
    for key, kind, word, times in text.entries(connection):
        found[key].append(f"{kind}:{word}:{times}")
    return {key: " ".join(sorted(words)) for key, words in found.items()}


def difference(found: Content, expected: Content) -> str:
    """A short description of how two stores differ; empty if they do not."""
    sentences = []
    for name, rows in expected.items():
        ours = found[name]
        if ours != rows:
            only_here, only_there = _left(ours, rows), _left(rows, ours)
            sentences.append(
                f"{name}: {len(ours)} rows for {len(rows)}; too many {only_here[:2]}; missing {only_there[:2]}"
            )
    return "\n".join(sentences)


def _left(rows: list[Any], others: list[Any]) -> list[Any]:
    known = set(map(str, others))
    return [row for row in rows if str(row) not in known]
