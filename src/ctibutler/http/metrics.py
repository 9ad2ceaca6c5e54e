"""What Prometheus can ask: requests of this process, and what the catalogue holds."""

from __future__ import annotations

import os
from collections import Counter as Tally
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ctibutler.catalog import jobs, releases
from ctibutler.catalog.engine.database import Database

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
UNKNOWN_ROUTE = "unknown"
_METHODS = frozenset(("GET", "HEAD", "POST", "DELETE", "OPTIONS"))
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counts requests, and tells them with the numbers of the catalogue.

    Several processes share their counts where prometheus_client's `PROMETHEUS_MULTIPROC_DIR` names a folder for them.
    """

    def __init__(self, database: Database) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._catalogue = CollectorRegistry()
        self._catalogue.register(_Catalogue(database))
        self._requests = Counter(
            "http_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Seconds from a request to the end of its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )

        # Finding a metric by its labels costs as much as the rest of a ready answer.
        self._labelled: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        known = self._labelled.get((method, route, status))
        if known is None:
            counted = self._requests.labels(method if method in _METHODS else "other", route, str(status))
            known = counted, self._seconds.labels(route)
            if method in _METHODS:
                self._labelled[(method, route, status)] = known
        known[0].inc()
        known[1].observe(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format 0.0.4."""
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry) + generate_latest(self._catalogue)


class _Catalogue(Collector):
    """Releases and jobs, counted when somebody asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> list[Metric]:
        """Nothing before it is asked for: registering reads no database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The numbers of this moment."""
        with self._database.read() as connection:
            installed = releases.installed(connection)
            states = Tally((job.type, job.state) for job in jobs.all_jobs(connection))
        objects = GaugeMetricFamily("ctibutler_objects", "Objects of a release.", labels=("kb", "version"))
        for release in installed:
            objects.add_metric((release.knowledge_base, release.label), sum(release.facts["counts_by_type"].values()))
        yield objects
        in_state = GaugeMetricFamily("ctibutler_jobs", "Jobs that are kept.", labels=("type", "state"))
        for (job_type, state), count in sorted(states.items()):
            in_state.add_metric((job_type, state), count)
        yield in_state
