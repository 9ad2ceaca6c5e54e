"""Whether releases have all of their members and details, in their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgspec
import zstandard

from ctibutler.catalog import details, link_sets, qualifiers
from ctibutler.catalog.checking.findings import Finding, Progress
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release, by_key, details_digest
from ctibutler.catalog.tables import BY_NAME
from ctibutler.errors import MalformedFile
from ctibutler.knowledge_bases import KnowledgeBases, release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import DIGEST_SIZE, RELATIONSHIP, digest_of


def check_releases(connection: Connection, knowledge_bases: KnowledgeBases, progress: Progress) -> Iterator[Finding]:
    """Find releases whose members, counts or details are not those that were imported."""
    releases: list[Release] = []
    for row in connection.rows("SELECT release_key, knowledge_base, label FROM release ORDER BY release_key"):
        try:
            releases.append(by_key(connection, row.release_key))
        except (msgspec.DecodeError, MalformedFile) as failure:
            yield Finding("release", f"{row.knowledge_base}@{row.label}", f"facts or origin cannot be read: {failure}")
    known = {kb.slug: kb for kb in knowledge_bases.all}
    highest: dict[str, str] = {}
    for release in releases:
        highest[release.knowledge_base] = max(release.sort_key, highest.get(release.knowledge_base, ""))
    for number, release in enumerate(releases):
        progress("releases", number, len(releases))
        if release.knowledge_base not in known:
            yield Finding("release", _name(release), f"there is no knowledge base {release.knowledge_base}")
        if release.sort_key != release_labels.sort_key(release.label):
            yield Finding(
                "release", _name(release), f"sort_key is {release.sort_key!r}, which is not that of its label"
            )
        if release.latest != (release.sort_key == highest[release.knowledge_base]):
            yield Finding("release", _name(release), f"latest is {int(release.latest)}")
        yield from _members(connection, release)
        yield from _details(connection, release)
        if release.knowledge_base in known:
            yield from _qualifiers(connection, release, known[release.knowledge_base])
    progress("releases", len(releases), len(releases))


def _name(release: Release) -> str:
    return f"{release.knowledge_base}@{release.label}"


def _members(connection: Connection, release: Release) -> Iterator[Finding]:
    rows = connection.rows(
        """
        SELECT member.object_key, member.type_key, member.position, member.repeat,
               object.digest, object.identifier_key, object.type_key AS own_type, object.base_key,
               object.revoked, object.deprecated
          FROM member
          JOIN object ON object.object_key = member.object_key
         WHERE member.release_key = :release
         ORDER BY member.position
        """,
        release=release.key,
    )
    base = connection.key(release.knowledge_base)
    relationship = connection.key(RELATIONSHIP)
    repeats: Counter[int] = Counter()
    types: Counter[int] = Counter()
    positions: set[int] = set()
    revoked = deprecated = 0
    for row in rows:
        where = f"{_name(release)}, object_key {row.object_key}"
        if row.type_key != row.own_type:
            yield Finding("member", where, f"type_key is {row.type_key}, but that of the object is {row.own_type}")
        if row.base_key != base:
            yield Finding("member", where, "the object belongs to another knowledge base")
        if row.repeat != repeats[row.identifier_key]:
            yield Finding("member", where, f"repeat is {row.repeat}, expected {repeats[row.identifier_key]}")
        if row.position in positions:
            yield Finding("member", where, f"another member has its position, {row.position}")
        positions.add(row.position)
        repeats[row.identifier_key] += 1
        types[row.own_type] += 1
        if row.own_type != relationship:
            revoked += row.revoked
            deprecated += row.deprecated
    if _digest(release.bundle_id, rows) != release.digest != _digest("", rows):
        yield Finding("member", _name(release), "members are missing, out of place or other than those imported")
    words = {row.word_key: row.word for row in connection.rows("SELECT word_key, word FROM word")}
    counted = {
        "counts_by_type": {str(words.get(key, key)): count for key, count in types.items()},
        "revoked": revoked,
        "deprecated": deprecated,
    }
    for name, found in counted.items():
        if release.facts.get(name) != found:
            yield Finding(
                "release", _name(release), f"facts.{name} is {release.facts.get(name)}, but its members give {found}"
            )


def _digest(bundle_id: str, rows: list[Any]) -> str:
    """The digest of a release as importing computes it. A bundle without an id of its own counts as the empty text."""
    whole = blake2b(bundle_id.encode(), digest_size=DIGEST_SIZE)
    for row in rows:
        whole.update(row.digest)
    return whole.hexdigest()


def _details(connection: Connection, release: Release) -> Iterator[Finding]:
    expected = details_digest(connection, release.key)
    if expected is not None and details.digest_of_all(details.digests_of(connection, release.key)) != expected:
        yield Finding("release_detail", _name(release), "details are missing, or other than those imported")


def check_kinds(connection: Connection, knowledge_bases: KnowledgeBases) -> Iterator[Finding]:
    """Find dictionaries and details of no knowledge base, and bytes compressed with a dictionary of another kind."""
    own = {kb.slug for kb in knowledge_bases.all}
    of_details = {details.word_of(slug) for slug in own}
    for table, words in (("dictionary", own | of_details | {link_sets.DICTIONARY}), ("detail", of_details)):
        (key,) = BY_NAME[table].key
        for row in connection.rows(
            f"""
            SELECT {key} AS key, word
              FROM {table}
              JOIN word ON word_key = base_key
             WHERE word NOT IN {connection.in_list("words", "text")}
            """,
            words=sorted(words),
        ):
            yield Finding(table, f"{key} {row.key}", f"is of `{row.word}`, which is not a knowledge base")
    for table, key, base in _USES:
        for row in connection.rows(
            f"""
            SELECT {table}.{key} AS key, dictionary.dictionary_key
              FROM {table}
              JOIN dictionary ON dictionary.dictionary_key = {table}.dictionary_key
             WHERE dictionary.base_key <> ({base})
            """
        ):
            yield Finding(table, f"{key} {row.key}", f"dictionary {row.dictionary_key} is one for something else")


# What is compressed, its key, and the word for its kind.
_USES = (
    ("body", "object_key", "SELECT base_key FROM object WHERE object.object_key = body.object_key"),
    ("detail", "detail_key", "detail.base_key"),
    ("link", "link_key", f"SELECT word_key FROM word WHERE word = '{link_sets.DICTIONARY}'"),
)


def _qualifiers(connection: Connection, release: Release, kb: KnowledgeBase) -> Iterator[Finding]:
    try:
        expected = qualifiers.expected(connection, kb, release.key)
    except (zstandard.ZstdError, msgspec.DecodeError, TypeError):
        return  # details that cannot be read are a finding of their own
    columns = ", ".join(qualifiers.COLUMNS)
    rows = connection.rows(f"SELECT {columns} FROM qualifier WHERE release_key = :release", release=release.key)
    stored = {tuple(row) for row in rows}
    for what, differing in (("is missing", expected - stored), ("does not belong there", stored - expected)):
        for row in sorted(differing):
            yield Finding("qualifier", f"{_name(release)}, object_key {row[2]}", f"a row {what}: {row[3]!r}")


def check_details(connection: Connection) -> Iterator[Finding]:
    """Find details whose bytes are damaged, and details of ids that are not in their release."""
    dictionaries = {0} | {row.dictionary_key for row in connection.rows("SELECT dictionary_key FROM dictionary")}
    for row in connection.rows("SELECT detail_key, digest, dictionary_key, content FROM detail"):
        where = f"detail_key {row.detail_key}"
        if row.dictionary_key not in dictionaries:
            yield Finding("detail", where, f"cannot be read: there is no dictionary {row.dictionary_key}")
            continue
        try:
            content = connection.content(row.dictionary_key, bytes(row.content))
        except (zstandard.ZstdError, MemoryError) as failure:
            yield Finding("detail", where, f"cannot be decompressed: {failure}")
            continue
        if digest_of(content) != bytes(row.digest):
            yield Finding("detail", where, "its bytes do not match its digest")
    for row in connection.rows(
        """
        SELECT release_detail.release_key, release_detail.identifier_key
          FROM release_detail
         WHERE NOT EXISTS (SELECT 1
                             FROM object
                             JOIN member ON member.object_key = object.object_key
                            WHERE object.identifier_key = release_detail.identifier_key
                              AND member.release_key = release_detail.release_key)
        """
    ):
        yield Finding(
            "release_detail",
            f"release_key {row.release_key}, identifier_key {row.identifier_key}",
            "the release has no object with this id",
        )
