"""Removes releases, with everything that only they needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ctibutler.catalog import jobs, releases
from ctibutler.catalog import removal as catalog
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.errors import Busy, NotFound, StoreUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase


@dataclass(frozen=True, slots=True)
class RemovalReport:
    """How many objects were removed, and how many were kept because other releases contain them."""

    removed: int
    kept: int


def remove_release(database: Database, kb: KnowledgeBase, label: str) -> RemovalReport:
    """Remove one release, the relationships that we generated from it, and all links from or to it.

    Raises NotFound if it is not installed, and Busy while a job is writing it.
    """

    def remove() -> RemovalReport:
        with database.write() as connection:
            release = releases.find(connection, kb.slug, label)
            if release is None:
                raise NotFound(f"{kb.slug} {release_labels.shown(label)} is not installed")
            _refuse_while_written(connection, kb, release.sort_key)
            return _remove(connection, kb, [release])

    return _with_room(database, remove)


def truncate(database: Database, kb: KnowledgeBase) -> RemovalReport:
    """Remove all releases of a knowledge base, and all links from or to them.

    Raises Busy while a job is writing one.
    """

    def remove() -> RemovalReport:
        with database.write() as connection:
            _refuse_while_written(connection, kb, None)
            return _remove(connection, kb, releases.installed(connection, kb.slug))

    return _with_room(database, remove)


def _with_room(database: Database, remove: Callable[[], RemovalReport]) -> RemovalReport:
    """Remove; where the disk is full, in the room that is held in reserve for that."""
    try:
        return remove()
    except StoreUnavailable as problem:
        if problem.trouble != "full" or not database.make_room():
            raise
    return remove()


def _remove(connection: Connection, kb: KnowledgeBase, gone: list[releases.Release]) -> RemovalReport:
    if not gone:
        return RemovalReport(0, 0)
    members: set[int] = set()
    for release in gone:
        members.update(catalog.remove_release(connection, release))
    removed = catalog.remove_orphans(connection, sorted(members))
    catalog.remove_unused(connection, kb.slug)
    releases.raise_revision(connection)
    return RemovalReport(removed, len(members) - removed)


def _refuse_while_written(connection: Connection, kb: KnowledgeBase, sort_key: str | None) -> None:
    job = jobs.running_on(connection, kb.slug, sort_key)
    if job is not None:
        raise Busy(f"job {job.id} is writing {kb.slug}; try again when it has finished")
