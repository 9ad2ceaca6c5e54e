"""Metrics for Prometheus: the requests of this process, and gauges that an edge adds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ctibutler.http.requests import Request

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset(("GET", "HEAD", "POST", "DELETE", "OPTIONS"))
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Gauge:
    """A current number for each combination of labels; with `counts`, one that only grows."""

    name: str
    description: str
    labels: tuple[str, ...]
    values: Iterable[tuple[Sequence[str], float]]
    counts: bool = False


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
            ("route", "kb"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._refusals = Counter(
            "ctibutler_refusals", "Requests answered with an error.", ("status", "reason"), registry=self._registry
        )
        self._cache = Counter(
            "ctibutler_cache_requests",
            "Requests whose answer may be cached: answered from memory, anew, or with 304.",
            ("result",),
            registry=self._registry,
        )
        self._own: list[Callable[[], Gauge]] = []
        # Finding a metric by its labels costs as much as the rest of a ready answer.
        self._labelled: dict[tuple[object, ...], tuple[Counter | Histogram, ...]] = {}

    def add(self, gauge: Callable[[], Gauge]) -> None:
        """Add a gauge of this process, which is asked for with every scrape."""
        self._own.append(gauge)

    def observe(self, request: Request, method: str, status: int, seconds: float) -> None:
        """Count one request."""
        route, kb = request.policy.route, request.target.kb
        key = (method, route, kb and kb.slug, status, request.cache_result, request.refusal)
        known = self._labelled.get(key)
        if known is None:
            known = self._metrics_of(request, method, status)
            if method in _METHODS:
                self._labelled[key] = known
        seconds_of_route, *counters = known
        seconds_of_route.observe(seconds)  # type: ignore[union-attr]
        for counter in counters:
            counter.inc()  # type: ignore[union-attr]

    def _metrics_of(self, request: Request, method: str, status: int) -> tuple[Counter | Histogram, ...]:
        """The histogram, and the counters that a request of this kind raises."""
        route, kb = request.policy.route, request.target.kb
        found: list[Counter | Histogram] = [
            self._seconds.labels(route, "" if kb is None else kb.slug),
            self._requests.labels(method if method in _METHODS else "other", route, str(status)),
        ]
        if request.cache_result is not None:
            found.append(self._cache.labels(request.cache_result))
        if status >= 400:
            found.append(self._refusals.labels(str(status), request.refusal or "other"))
        return tuple(found)

    def text(self, gauges: Iterable[Gauge]) -> bytes:
        """Return the counts, the gauges of this process and these in Prometheus' text format 0.0.4."""
        registry = self._registry
        if SHARED_FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        added = CollectorRegistry()
        added.register(_Gauges((*(own() for own in self._own), *gauges)))
        ProcessCollector(registry=added)
        return generate_latest(registry) + generate_latest(added)


class _Gauges(Collector):
    """Gauges in the form that prometheus_client writes."""

    def __init__(self, gauges: tuple[Gauge, ...]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """Yield each gauge with its values."""
        for gauge in self._gauges:
            form = CounterMetricFamily if gauge.counts else GaugeMetricFamily
            family = form(gauge.name, gauge.description, labels=gauge.labels)
            for labels, value in gauge.values:
                family.add_metric(labels, value)
            yield family
