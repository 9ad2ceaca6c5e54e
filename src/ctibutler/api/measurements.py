"""What the metrics say about the catalogue: what it holds, its jobs, and the connections to its database."""

from __future__ import annotations

from collections.abc import Iterator

from ctibutler import __version__
from ctibutler.answers import monitoring
from ctibutler.answers.library import Library
from ctibutler.http.metrics import Gauge
from ctibutler.stix.times import now

_SECOND = 1_000_000
_WAITING = ("pending", "processing")


def gauges(library: Library) -> Iterator[Gauge]:
    """Yield all numbers.

    Raises StoreUnavailable: a scrape that fails is what monitoring notices first.
    """
    yield Gauge("ctibutler_build_info", "The version of this server.", ("version",), [((__version__,), 1)])
    yield from _connections(library)
    yield from _standby(library)
    yield from _holdings(library)
    yield from _jobs(library)


def _holdings(library: Library) -> Iterator[Gauge]:
    held = monitoring.holdings(library)
    releases: dict[str, int] = {}
    for kb, _ in held.objects:
        releases[kb] = releases.get(kb, 0) + 1
    yield Gauge("ctibutler_objects", "Objects of a release.", ("kb", "version"), held.objects.items())
    yield Gauge("ctibutler_releases", "Installed releases.", ("kb",), _by_one(releases))
    yield Gauge(
        "ctibutler_last_import_timestamp_seconds",
        "When a release of the knowledge base was last installed.",
        ("kb",),
        _by_one({kb: moment / _SECOND for kb, moment in held.last_import.items()}),
    )
    yield Gauge("ctibutler_catalogue_revision", "Grows with every change.", (), [((), held.revision)])


def _jobs(library: Library) -> Iterator[Gauge]:
    tallies, workers = monitoring.queue(library)
    moment, labels = now(), ("type", "state")
    ended = [tally for tally in tallies if tally.state not in _WAITING]
    waiting = [tally for tally in tallies if tally.state in _WAITING]
    yield Gauge("ctibutler_jobs", "Jobs that are kept.", labels, [((t.type, t.state), t.count) for t in tallies])
    yield Gauge(
        "ctibutler_job_oldest_seconds",
        "Age of the oldest job that has not ended.",
        labels,
        [((t.type, t.state), max(0.0, (moment - t.oldest) / _SECOND)) for t in waiting],
    )
    yield Gauge(
        "ctibutler_job_seconds",
        "Seconds that the kept jobs took in all, from the request to the end.",
        labels,
        [((t.type, t.state), t.taken / _SECOND) for t in ended],
    )
    yield Gauge("ctibutler_workers", "Workers that were seen lately.", (), [((), workers)])


def _connections(library: Library) -> Iterator[Gauge]:
    pools = library.database.pools().items()
    labels = ("server", "purpose")
    yield Gauge(
        "ctibutler_pool_connections",
        "Connections to the database, of this process.",
        (*labels, "state"),
        [
            ((*names, state), number)
            for names, pool in pools
            for state, number in (("in use", pool.in_use), ("idle", pool.idle), ("possible", pool.most))
        ],
    )
    yield Gauge(
        "ctibutler_pool_waits",
        "How often a connection to the database had to be waited for.",
        labels,
        [(names, pool.waits) for names, pool in pools],
        counts=True,
    )
    yield Gauge(
        "ctibutler_pool_wait_seconds",
        "How long connections to the database were waited for in all.",
        labels,
        [(names, pool.waited_seconds) for names, pool in pools],
        counts=True,
    )


def _standby(library: Library) -> Iterator[Gauge]:
    standby = monitoring.standby(library)
    if standby is not None:
        used = (((), int(standby.state == "used")),)
        yield Gauge("ctibutler_standby_used", "1 if reads go to the standby.", (), used)
        lag = (((), round(standby.lag_seconds, 3)),)
        yield Gauge("ctibutler_standby_lag_seconds", "Age of the oldest change that the standby lacks.", (), lag)


def _by_one(numbers: dict[str, float] | dict[str, int]) -> list[tuple[tuple[str], float]]:
    return [((label,), number) for label, number in numbers.items()]
