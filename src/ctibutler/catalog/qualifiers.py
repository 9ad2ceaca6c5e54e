"""What publishers say about relationships in the details of their sources: the views in which those of CWE hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.words import ensure_words
from ctibutler.catalog.folding import folded
from ctibutler.catalog.releases import Release, installed
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.questions import Qualifier
from ctibutler.stix.objects import RELATIONSHIP, decode, dicts

COLUMNS = ("release_key", "name_key", "object_key", "value")
_End = tuple[int, int, str]
"""The source of a relationship, the key of its type, and the primary id of its target, folded."""


def add(connection: Connection, kb: KnowledgeBase, release_key: int) -> int:
    """Store what the details of a release say about its relationships, and return how much that is. Needs a transaction that
    writes."""
    ensure_words(connection, [qualifier.name for qualifier in kb.qualifiers])
    rows = sorted(expected(connection, kb, release_key))
    connection.insert("qualifier", COLUMNS, rows)
    return len(rows)


def expected(connection: Connection, kb: KnowledgeBase, release_key: int) -> set[tuple[int, int, int, str]]:
    """Return the rows of a release, as its details and relationships say."""
    if not kb.qualifiers:
        return set()
    relationships = _relationships(connection, release_key)
    return {
        (release_key, connection.key(qualifier.name), object_key, folded(value))
        for source, detail in _details(connection, release_key)
        for qualifier in kb.qualifiers
        for relation, target, value in _said(qualifier, detail)
        for object_key in relationships.get((source, connection.key(relation), folded(target)), ())
    }


def without(connection: Connection, kbs: Iterable[KnowledgeBase]) -> list[tuple[KnowledgeBase, Release]]:
    """Return the releases with details whose qualifiers are not stored: an earlier version imported them."""
    return [
        (kb, release)
        for kb in kbs
        if kb.qualifiers
        for release in installed(connection, kb.slug)
        if connection.value("SELECT 1 FROM release_detail WHERE release_key = :key LIMIT 1", key=release.key)
        and not connection.value("SELECT 1 FROM qualifier WHERE release_key = :key LIMIT 1", key=release.key)
    ]


def _said(qualifier: Qualifier, detail: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    for record in dicts(detail.get(qualifier.records)):
        values = [record.get(field) for field in (qualifier.relation, qualifier.target, qualifier.value)]
        if all(isinstance(value, str) for value in values):
            relation, target, value = map(str, values)
            yield relation, target, value


def _relationships(connection: Connection, release_key: int) -> dict[_End, list[int]]:
    rows = connection.rows(
        """
        SELECT DISTINCT relationship.object_key, relationship.source_key, relationship.kind_key, target.found_by
          FROM member
          JOIN relationship         ON relationship.object_key = member.object_key
          JOIN object target        ON target.identifier_key = relationship.target_key
          JOIN member target_member ON target_member.object_key = target.object_key
                                   AND target_member.release_key = :release
         WHERE member.release_key = :release
           AND member.type_key = :relationship
        """,
        release=release_key,
        relationship=connection.key(RELATIONSHIP),
    )
    found: dict[_End, list[int]] = {}
    for row in rows:
        found.setdefault((row.source_key, row.kind_key, row.found_by or ""), []).append(row.object_key)
    return found


def _details(connection: Connection, release_key: int) -> Iterator[tuple[int, Mapping[str, object]]]:
    rows = connection.rows(
        """
        SELECT release_detail.identifier_key, detail.dictionary_key, detail.content
          FROM release_detail
          JOIN detail ON detail.detail_key = release_detail.detail_key
         WHERE release_detail.release_key = :release
        """,
        release=release_key,
    )
    for row in rows:
        yield row.identifier_key, decode(connection.content(row.dictionary_key, row.content))
