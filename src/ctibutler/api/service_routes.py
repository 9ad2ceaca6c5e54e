"""The routes about the server itself: health, readiness, metrics, index, schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from starlette.responses import Response

import ctibutler
from ctibutler.answers import monitoring
from ctibutler.api import responses
from ctibutler.api.measurements import gauges
from ctibutler.api.service_answers import Checks, Index, Readiness
from ctibutler.errors import StoreUnavailable
from ctibutler.http.exceptions import RETRY_AFTER_SECONDS, sentence_of
from ctibutler.http.forwarding import answer_at
from ctibutler.http.metrics import MEDIA_TYPE, Metrics
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.http.responses import no_content
from ctibutler.http.routing import Endpoint

OPENAPI = "application/vnd.oai.openapi"
TAG = "service"
_SCHEMA = "/api/schema/"
_DOCUMENTATION = "api/schema/swagger-ui/"

Schema = Callable[[], dict[str, object]]


def endpoints(metrics: Metrics | None, schema: Schema, *, with_pages: bool = False) -> Iterator[Endpoint]:
    """Yield the endpoints about the server. Their paths are below the root, which belongs to the pages where there are any."""
    if not with_pages:
        yield Endpoint("GET", "", _index, "List the main routes", "Index", tag=TAG, alias_of="api/v1/")
    yield Endpoint(
        "GET",
        "api/v1/",
        _index,
        "List the main routes",
        "Index",
        tag=TAG,
        description="Returns the version of the server and the paths of its main routes.",
    )
    yield Endpoint(
        "GET",
        "api/healthcheck/",
        _health,
        "Check that the server is alive",
        "",
        right="open",
        status=204,
        for_monitoring=True,
        tag=TAG,
        description="Returns an empty response as long as the process answers, whatever the state of the database.",
    )
    yield Endpoint(
        "GET",
        "api/readiness/",
        _readiness,
        "Check that the server is ready",
        "Readiness",
        right="open",
        for_monitoring=True,
        tag=TAG,
        fails=(503,),
        description="Returns whether a worker is running, and whether the database answers: 503 with a `reason` if it does"
        " not, if its file was deleted, or if its disk is full.",
    )
    if metrics is not None:
        yield Endpoint(
            "GET",
            "api/metrics/",
            lambda request: Response(metrics.text(gauges(request.library)), media_type=MEDIA_TYPE),
            "Get metrics",
            "Text",
            media_type="text/plain",
            for_monitoring=True,
            tag=TAG,
            description="Returns requests, response times, refusals, the cache, jobs, releases and connections to the database"
            " in the text format of Prometheus.",
        )
    yield Endpoint(
        "GET",
        "api/schema/",
        _Schema(schema).answer,
        "Get the OpenAPI document",
        "Text",
        (
            Parameter(
                "format", "choice", "Format of the document. Default: what `Accept` asks for.", allowed=("yaml", "json")
            ),
        ),
        media_type=OPENAPI,
        variants=("application/json",),
        right="open",
        tag=TAG,
        description="Returns this description of the API, as OpenAPI 3.0 in YAML or JSON.",
    )
    if with_pages:
        yield Endpoint(
            "GET",
            _DOCUMENTATION,
            lambda request: answer_at(request, "/help/api/"),
            "Read and try this documentation",
            "Text",
            media_type="text/html",
            right="open",
            tag=TAG,
            description="Returns the documentation as a web page, the one at `/help/api`. It is not there if the server has no"
            " pages (`CTIBUTLER_PAGES=false`).",
        )


def _index(request: Request) -> Response:
    return responses.json(
        Index(
            name="ctibutler",
            version=ctibutler.__version__,
            documentation=f"/{_DOCUMENTATION}" if request.settings.pages else _SCHEMA,
            schema=_SCHEMA,
            knowledge_bases="/api/v1/knowledge-bases/",
            search="/api/v1/search/",
            objects_sdos="/api/v1/objects/sdos/",
            objects_sros="/api/v1/objects/sros/",
            objects_smos="/api/v1/objects/smos/",
            objects_scos="/api/v1/objects/scos/",
            jobs="/api/v1/jobs/",
            objects_by_knowledge_base={
                kb.slug: f"/api/v1/{kb.slug}/objects/" for kb in request.library.knowledge_bases.all
            },
        )
    )


def _health(_: Request) -> Response:
    return no_content()


def _readiness(request: Request) -> Response:
    watched = monitoring.standby(request.library)
    standby = msgspec.UNSET if watched is None else watched.state
    try:
        is_there = monitoring.worker_is_there(request.library)
    except StoreUnavailable as problem:
        checks = Checks(store="unavailable", worker="none", standby=standby)
        if standby == "used":  # reads are answered
            return responses.json(Readiness(status="ready", checks=checks))
        unavailable = Readiness(status="unavailable", checks=checks, reason=sentence_of(problem))
        return responses.json(unavailable, 503, {"Retry-After": str(RETRY_AFTER_SECONDS)})
    checks = Checks(store="ok", worker="ok" if is_there else "none", standby=standby)
    return responses.json(Readiness(status="ready", checks=checks))


class _Schema:
    """The OpenAPI document as YAML and as JSON, each encoded at the first request for it."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._written: dict[str, bytes] = {}

    def answer(self, request: Request) -> Response:
        """Return YAML, or JSON for clients that prefer it."""
        given = request.values.text("format")
        wanted = given or ("json" if request.media_type == "application/json" else "yaml")
        if wanted not in self._written:
            document = self._schema()
            self._written[wanted] = msgspec.json.encode(document) if wanted == "json" else msgspec.yaml.encode(document)
        headers = {"Cache-Control": "no-cache"}
        return Response(
            self._written[wanted], headers=headers, media_type=responses.JSON if wanted == "json" else OPENAPI
        )
