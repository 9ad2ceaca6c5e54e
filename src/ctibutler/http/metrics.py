"""Metrics for Prometheus: the requests of this process, and gauges that an edge adds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset(("GET", "HEAD", "POST", "DELETE", "OPTIONS"))
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Gauge:
    """A current number for each combination of labels."""

    name: str
    description: str
    labels: tuple[str, ...]
    values: Iterable[tuple[Sequence[str], float]]


class Metrics:
    """Counts requests.

    Several processes share their counts where prometheus_client's `PROMETHEUS_MULTIPROC_DIR` names a folder for them.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
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

    def text(self, gauges: Iterable[Gauge]) -> bytes:
        """Return the counts and these gauges in Prometheus' text format 0.0.4."""
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        added = CollectorRegistry()
        added.register(_Gauges(tuple(gauges)))
        return generate_latest(registry) + generate_latest(added)


class _Gauges(Collector):
    """Gauges in the form that prometheus_client writes."""

    def __init__(self, gauges: tuple[Gauge, ...]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """Yield each gauge with its values."""
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.description, labels=gauge.labels)
            for labels, value in gauge.values:
                family.add_metric(labels, value)
            yield family
