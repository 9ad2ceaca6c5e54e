"""Whether links are what their bytes say, complete, and shown where they should be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import zstandard

from ctibutler.catalog import link_sets
from ctibutler.catalog.checking.findings import Finding, Progress
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.link_sets import Link
from ctibutler.knowledge_bases.links import LINK_MODES
from ctibutler.stix.objects import decode


def check_links(connection: Connection, progress: Progress) -> Iterator[Finding]:
    """Find links whose row differs from their bytes, sets that lack links, and sets shown in the wrong releases."""
    dictionaries = {0} | {row.dictionary_key for row in connection.rows("SELECT dictionary_key FROM dictionary")}
    total = int(connection.value("SELECT count(*) FROM link"))
    contents: dict[int, list[bytes]] = defaultdict(list)
    for number, row in enumerate(connection.stream(_LINKS)):
        if number % 1000 == 0:
            progress("links", number, total)
        where = f"{row.id} (link_key {row.link_key})"
        if row.dictionary_key not in dictionaries:
            yield Finding("link", where, f"cannot be read: there is no dictionary {row.dictionary_key}")
            continue
        try:
            content = connection.content(row.dictionary_key, bytes(row.content))
            made = Link.of(decode(content), row.source_release, row.target_release, embedded=bool(row.embedded))
        except (zstandard.ZstdError, MemoryError, ValueError, KeyError, AssertionError) as failure:
            yield Finding("link", where, f"cannot be read: {failure}")
            continue
        contents[row.set_key].append(content)
        wrong = _differing(row, made)
        if wrong:
            yield Finding("link", where, f"its bytes say otherwise: {', '.join(wrong)}")
    progress("links", total, total)
    for row in connection.rows("SELECT set_key, mode, digest FROM link_set"):
        if row.digest is not None and link_sets.digest_of_set(contents[row.set_key]) != bytes(row.digest):
            yield Finding(
                "link",
                f"{row.mode} (set_key {row.set_key})",
                "links are missing, or other than those that were created",
            )
    for row in connection.rows(
        """
        SELECT link_set.set_key, link_set.mode, owner.knowledge_base
          FROM link_set
          JOIN release owner ON owner.release_key = link_set.owner_release
        """
    ):
        if row.mode != link_sets.TECHNIQUE_TACTIC and _OWNERS.get(row.mode) != row.knowledge_base:
            yield Finding("link_set", f"{row.mode} (set_key {row.set_key})", f"{row.knowledge_base} has no such links")
    for row in connection.rows(_STRAY):
        yield Finding("link", f"link_key {row.link_key}", "one of its ends is not in the release that it should be in")
    for row in link_sets.shown_wrongly(connection):
        yield Finding("link_set", f"{row.mode} (set_key {row.set_key})", "is shown in the wrong releases")


_OWNERS = {mode.name: mode.owner for mode in LINK_MODES}
_LINKS = """
SELECT link.link_key, link.set_key, link.embedded, link.created, link.modified, link.source_release, link.target_release,
       link.dictionary_key, link.content, made.stix_id AS id, source.stix_id AS source, target.stix_id AS target,
       word.word AS kind
  FROM link
  LEFT JOIN identifier made   ON made.identifier_key = link.identifier_key
  LEFT JOIN identifier source ON source.identifier_key = link.source_key
  LEFT JOIN identifier target ON target.identifier_key = link.target_key
  LEFT JOIN word              ON word.word_key = link.kind_key
"""
_STRAY = """
SELECT link_key
  FROM link
 WHERE embedded = 0
   AND (NOT EXISTS (SELECT 1
                      FROM object
                      JOIN member ON member.object_key = object.object_key AND member.release_key = link.source_release
                     WHERE object.identifier_key = link.source_key)
        OR NOT EXISTS (SELECT 1
                         FROM object
                         JOIN member ON member.object_key = object.object_key AND member.release_key = link.target_release
                        WHERE object.identifier_key = link.target_key))
"""


def _differing(row: Any, made: Link) -> list[str]:
    pairs = {
        "id": (row.id, made.id),
        "source": (row.source, made.source),
        "target": (row.target, made.target),
        "embedded": (bool(row.embedded), made.source.startswith("relationship--")),  # a property of another link
        "type": (row.kind, made.relationship_type),
        "created": (row.created, made.created),
        "modified": (row.modified, made.modified),
    }
    return [f"{name} {said}, stored {stored}" for name, (stored, said) in pairs.items() if stored != said]
