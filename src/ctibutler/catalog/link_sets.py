"""Links: relationships that we made. A set holds those of one mode between two releases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.identifiers import ensure_identifiers, remove_unused_identifiers
from ctibutler.catalog.engine.keys import next_key
from ctibutler.catalog.engine.packing import pack
from ctibutler.catalog.engine.words import ensure_words
from ctibutler.stix.objects import digest_of, encode, instant

TECHNIQUE_TACTIC = "technique-tactic"
DICTIONARY = "link"


@dataclass(frozen=True, slots=True)
class Link:
    """A relationship that we made between objects of two releases, or of one. Times are in microseconds.

    `content` is its JSON. `embedded` holds for relationships that are properties of another link.
    """

    id: str
    source: str
    target: str
    relationship_type: str
    source_release: int
    target_release: int
    created: int | None
    modified: int | None
    content: bytes
    embedded: bool = False

    @classmethod
    def of(cls, sro: Mapping[str, object], source_release: int, target_release: int, *, embedded: bool = False) -> Link:
        """The row of a relationship that we made, whose ends are in these releases."""
        return cls(
            id=str(sro["id"]),
            source=str(sro["source_ref"]),
            target=str(sro["target_ref"]),
            relationship_type=str(sro["relationship_type"]),
            source_release=source_release,
            target_release=target_release,
            created=instant(sro, "created"),
            modified=instant(sro, "modified"),
            content=encode(sro),
            embedded=embedded,
        )


def replace(
    connection: Connection, mode: str, owner_release: int, other_release: int, links: Sequence[Link], made_at: int
) -> None:
    """Replace the links of one mode between two releases."""
    for row in connection.rows(
        "SELECT set_key FROM link_set WHERE mode = :mode AND owner_release = :owner AND other_release = :other",
        mode=mode,
        owner=owner_release,
        other=other_release,
    ):
        _remove_set(connection, row.set_key)
    set_key = next_key(connection, "link_set", "set_key")
    connection.insert(
        "link_set",
        ("set_key", "mode", "owner_release", "other_release", "made_at", "digest"),
        [(set_key, mode, owner_release, other_release, made_at, digest_of_set(link.content for link in links))],
    )
    identifiers = ensure_identifiers(connection, {name for link in links for name in _ids(link)})
    words = ensure_words(connection, {link.relationship_type for link in links})
    packed = pack(connection, DICTIONARY, [link.content for link in links])
    dictionary_key = packed.stored(connection, DICTIONARY)
    first = next_key(connection, "link", "link_key")
    connection.insert(
        "link",
        (
            "link_key", "set_key", "embedded", "identifier_key", "source_key", "target_key", "kind_key",
            "source_release", "target_release", "created", "modified", "dictionary_key", "content",
        ),
        [
            (
                first + place, set_key, int(link.embedded), identifiers[link.id], identifiers[link.source],
                identifiers[link.target], words[link.relationship_type], link.source_release, link.target_release,
                link.created, link.modified, dictionary_key, content,
            )
            for place, (link, content) in enumerate(zip(links, packed.contents, strict=True))
        ],
    )  # fmt: skip
    _update_shown(connection)


def made_at(connection: Connection, mode: str, owner_release: int, other_release: int) -> int | None:
    """Return when the links of a mode between two releases were made, in microseconds; None if there are none."""
    row = connection.row(
        "SELECT made_at FROM link_set WHERE mode = :mode AND owner_release = :owner AND other_release = :other",
        mode=mode,
        owner=owner_release,
        other=other_release,
    )
    return None if row is None else int(row.made_at)


def digest_of_set(contents: Iterable[bytes]) -> bytes:
    """Return the digest of the contents of all links of a set, in whatever order they come."""
    return digest_of(b"\n".join(sorted(contents)))


def remove_of_release(connection: Connection, release_key: int) -> None:
    """Delete every link from, to or within a release."""
    rows = connection.rows(
        """
        SELECT set_key FROM link_set WHERE owner_release = :key OR other_release = :key
         UNION SELECT set_key FROM link WHERE source_release = :key OR target_release = :key
        """,
        key=release_key,
    )
    for row in rows:
        _remove_set(connection, row.set_key)
    _update_shown(connection)


def _remove_set(connection: Connection, set_key: int) -> None:
    named = connection.rows(
        """
        SELECT identifier_key FROM link WHERE set_key = :set_key
         UNION SELECT source_key FROM link WHERE set_key = :set_key
         UNION SELECT target_key FROM link WHERE set_key = :set_key
        """,
        set_key=set_key,
    )
    connection.run("DELETE FROM link WHERE set_key = :set_key", set_key=set_key)
    connection.run("DELETE FROM link_set WHERE set_key = :set_key", set_key=set_key)
    remove_unused_identifiers(connection, [row.identifier_key for row in named])


def _update_shown(connection: Connection) -> None:
    """Show links to the highest release only, if a release has links to several of another knowledge base."""
    connection.run(f"UPDATE link_set SET owner_shows = {_OWNER_SHOWS}, other_shows = {_OTHER_SHOWS}")


def shown_wrongly(connection: Connection) -> list[Any]:
    """Return key and mode of the sets that are shown, or not, against this rule. For checks."""
    return connection.rows(
        f"SELECT set_key, mode FROM link_set WHERE owner_shows <> {_OWNER_SHOWS} OR other_shows <> {_OTHER_SHOWS}"
    )


_SHOWS = """
       CASE WHEN EXISTS (
           SELECT 1
             FROM link_set rival
             JOIN release theirs ON theirs.release_key = link_set.{theirs}
             JOIN release higher ON higher.release_key = rival.{theirs}
                                AND higher.knowledge_base = theirs.knowledge_base
                                AND higher.sort_key > theirs.sort_key
            WHERE rival.mode = link_set.mode
              AND rival.{mine} = link_set.{mine}) THEN 0 ELSE 1 END
"""
_OWNER_SHOWS = _SHOWS.format(mine="owner_release", theirs="other_release")
_OTHER_SHOWS = _SHOWS.format(mine="other_release", theirs="owner_release")


def _ids(link: Link) -> tuple[str, str, str]:
    return link.id, link.source, link.target
