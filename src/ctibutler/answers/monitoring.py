"""What monitoring asks: whether the catalogue answers, and how much it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ctibutler.answers.library import Library
from ctibutler.catalog import jobs, releases
from ctibutler.catalog.engine.dialect import Engine
from ctibutler.catalog.engine.standby import StandbyState
from ctibutler.catalog.sizes import size
from ctibutler.errors import StoreUnavailable
from ctibutler.stix.times import now

# A worker that was not seen for this long is gone.
_WORKER_SEEN_MICROSECONDS = 120 * 1_000_000


@dataclass(frozen=True)
class Holdings:
    """How much the catalogue holds: objects by (knowledge base, release), and the time of the last import by knowledge base.

    Times are microseconds.
    """

    revision: int
    objects: Mapping[tuple[str, str], int]
    last_import: Mapping[str, int]


@dataclass(frozen=True)
class Store:
    """What holds the catalogue: the engine, the size in bytes, the revision, and how many workers were seen lately."""

    engine: Engine
    size: int
    revision: int
    workers: int


def store(library: Library) -> Store:
    """What holds the catalogue.

    Raises StoreUnavailable.
    """
    with library.database.read_newest() as connection:
        seen = jobs.workers_seen_since(connection, now() - _WORKER_SEEN_MICROSECONDS)
        return Store(library.database.engine, size(connection), releases.revision(connection), seen)


def worker_is_there(library: Library) -> bool:
    """Whether a worker was seen lately.

    Raises StoreUnavailable where the catalogue does not answer, or where something is wrong with its files.
    """
    trouble = library.database.trouble
    if trouble is not None:
        raise StoreUnavailable(f"{library.database}: {trouble}", trouble)
    with library.database.read_newest() as connection:
        releases.revision(connection)
        return bool(jobs.workers_seen_since(connection, now() - _WORKER_SEEN_MICROSECONDS))


@dataclass(frozen=True)
class StandbyReport:
    """Whether reads go to the standby, why not, and how far it is behind."""

    state: StandbyState
    lag_seconds: float


def standby(library: Library) -> StandbyReport | None:
    """How the standby is, or None if there is none."""
    watched = library.database.standby
    return None if watched is None else StandbyReport(watched.state, watched.lag_seconds)


def holdings(library: Library) -> Holdings:
    """What the catalogue holds at this moment.

    Raises StoreUnavailable.
    """
    with library.database.read() as connection:
        installed = releases.installed(connection)
        revision = releases.revision(connection)
    last: dict[str, int] = {}
    for release in installed:
        last[release.knowledge_base] = max(last.get(release.knowledge_base, 0), release.installed_at)
    objects = {
        (release.knowledge_base, release.label): sum(release.facts["counts_by_type"].values()) for release in installed
    }
    return Holdings(revision, objects, last)


def queue(library: Library) -> tuple[list[jobs.Tally], int]:
    """The jobs by type and state, and how many workers were seen lately.

    Raises StoreUnavailable.
    """
    with library.database.read_newest() as connection:
        seen = jobs.workers_seen_since(connection, now() - _WORKER_SEEN_MICROSECONDS)
        return jobs.tallies(connection), seen
