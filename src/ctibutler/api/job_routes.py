"""The routes of jobs, and of the links that one asks for as a job."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from ctibutler.answers import jobs
from ctibutler.answers.jobs import STATES, JobQuery, type_names
from ctibutler.api import responses
from ctibutler.errors import InvalidRequest
from ctibutler.forms.jobs import job_form
from ctibutler.http.bodies import Field
from ctibutler.http.parameters import Parameter, brief, page_parameters, sort_parameter
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.links import LINK_MODES, mode_named
from ctibutler.requesting import request_links
from ctibutler.settings import Settings

# Further names of the routes that make links: with an underscore as in older versions, and a plain word.
LINK_PATHS = ("arango-cti-processor", "arango_cti_processor", "links")


def endpoints(knowledge_bases: KnowledgeBases, settings: Settings) -> Iterator[Endpoint]:
    """The endpoints of jobs and links."""
    listing = (
        *page_parameters(settings.default_page_size, settings.max_page_size),
        sort_parameter(
            ("run_datetime", "state", "type", "id"), "run_datetime_descending", {"datetime_start": "run_datetime"}
        ),
        _types(knowledge_bases),
        Parameter("state", "csv", f"States, with commas: {', '.join(STATES)}."),
    )
    # Older clients ask for jobs with POST: that creates nothing, and is reading.
    yield Endpoint("GET", "jobs/", _list, "Jobs, newest first", "JobPage", listing, tag="jobs")
    yield Endpoint("POST", "jobs/", _list, "Jobs, newest first", "JobPage", listing, tag="jobs", alias_of="jobs/")
    yield Endpoint("GET", "jobs/{job_id}/", _one, "One job", "Job", tag="jobs", fails=(404,))
    older = f"{LINK_PATHS[0]}/jobs/{{job_id}}/"
    yield Endpoint("GET", older, _one, "One job", "Job", tag="jobs", alias_of="jobs/{job_id}/")
    yield Endpoint("POST", older, _one, "One job", "Job", tag="jobs", alias_of="jobs/{job_id}/")
    modes = "; ".join(f"`{mode.name}`: {mode.description}" for mode in LINK_MODES)
    yield Endpoint(
        "POST",
        f"{LINK_PATHS[0]}/{{mode}}/",
        _link,
        f"Make the links between knowledge bases. {modes}",
        "Job",
        fields=LINKS,
        choices={"mode": tuple(mode.name for mode in LINK_MODES)},
        right="write",
        status=201,
        tag="links",
    )


def _list(request: Request) -> Response:
    values = request.values
    query = JobQuery(values.page(), values.sort(), values.csv("types"), values.csv("state"))
    found = jobs.list_jobs(request.library, query)
    return responses.page(request, found.with_items([job_form(job) for job in found.items]), "jobs")


def _one(request: Request) -> Response:
    return responses.json(job_form(jobs.find_job(request.library, request.path["job_id"])))


def _link(request: Request) -> Response:
    wanted = request.path["mode"]
    mode = mode_named(wanted)
    if mode is None:
        allowed = ", ".join(mode.name for mode in LINK_MODES)
        raise InvalidRequest.of("mode", f"`{brief(wanted)}` is none of {allowed}.")
    job = request_links(
        request.library.database,
        mode,
        request.body.text("version"),
        ignore_embedded=request.body.flag("ignore_embedded_relationships"),
        modified_min=request.body.text("modified_min"),
        created_min=request.body.text("created_min"),
    )
    return responses.json(job_form(job), 201, {"Location": f"/api/v1/jobs/{job.id}/"})


def _types(knowledge_bases: KnowledgeBases) -> Parameter:
    names = ", ".join(type_names(knowledge_bases))
    return Parameter(
        "types", "csv", f"Types, with commas, with or without what follows `--`: {names}.", aliases=("type",)
    )


LINKS = (
    Field("version", "version", "Release of the knowledge base whose links are made; default: the latest."),
    Field("ignore_embedded_relationships", "flag", "No embedded relationships for the links.", default=False),
    Field("modified_min", "time", "Only objects that were modified at this time or after it."),
    Field("created_min", "time", "Only objects that were created at this time or after it."),
)
