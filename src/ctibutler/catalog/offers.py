"""Offers: the releases that sources can give, as they said when last asked."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.releases import raise_revision
from ctibutler.knowledge_bases import release_labels
from ctibutler.stix.times import now


@dataclass(frozen=True, slots=True)
class StoredOffer:
    """A release that a source can give; `size` in bytes, where the source says it."""

    knowledge_base: str
    label: str
    source: str
    location: str
    size: int | None


def replace(database: Database, offered: Sequence[StoredOffer], silent: Set[tuple[str, str]] = frozenset()) -> None:
    """Keep what the sources offer now, in place of what they offered before.

    What a source offered of a knowledge base stays where it was `silent` about it, or about a part of it: pairs of source
    and knowledge base. The catalogue's revision is raised only when something changed.
    """
    with database.write() as connection:
        before = _all(connection)
        stay = [offer for offer in before if (offer.source, offer.knowledge_base) in silent]
        after = list({_mark(offer)[:3]: offer for offer in (*stay, *offered)}.values())
        moment = now()
        if {_mark(offer) for offer in before} == {_mark(offer) for offer in after}:
            connection.run("UPDATE offer SET seen_at = :moment", moment=moment)
            return
        connection.run("DELETE FROM offer")
        connection.insert(
            "offer",
            ("knowledge_base", "label", "sort_key", "source", "location", "size", "seen_at"),
            [_row(offer, moment) for offer in after],
        )
        raise_revision(connection)


def of_knowledge_base(connection: Connection, knowledge_base: str) -> list[StoredOffer]:
    """The available releases of a knowledge base, highest label first."""
    rows = connection.rows(
        """
        SELECT knowledge_base, label, source, location, size FROM offer
         WHERE knowledge_base = :knowledge_base ORDER BY sort_key DESC, source
        """,
        knowledge_base=knowledge_base,
    )
    return [StoredOffer(*tuple(row)) for row in rows]


def _all(connection: Connection) -> list[StoredOffer]:
    return [
        StoredOffer(*tuple(row))
        for row in connection.rows("SELECT knowledge_base, label, source, location, size FROM offer")
    ]


def _mark(offer: StoredOffer) -> tuple[str, str, str, str, int | None]:
    return offer.knowledge_base, release_labels.sort_key(offer.label), offer.source, offer.location, offer.size


def _row(offer: StoredOffer, moment: int) -> tuple[object, ...]:
    sort_key = release_labels.sort_key(offer.label)
    return offer.knowledge_base, offer.label, sort_key, offer.source, offer.location, offer.size, moment
