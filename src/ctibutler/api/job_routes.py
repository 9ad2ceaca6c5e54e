"""The routes of jobs, and of the links that jobs create."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from ctibutler.answers import jobs
from ctibutler.answers.jobs import STATES, JobQuery, type_names
from ctibutler.answers.tables.job_tables import JOB_COLUMNS, job_table
from ctibutler.answers.tables.table import names_of
from ctibutler.api import responses
from ctibutler.api.forms import in_form, with_forms
from ctibutler.errors import InvalidRequest
from ctibutler.forms.jobs import job_form
from ctibutler.http.bodies import Field
from ctibutler.http.parameters import Parameter, brief, page_parameters, sort_parameter
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases import KnowledgeBases, release_labels
from ctibutler.knowledge_bases.links import LINK_MODES, mode_named
from ctibutler.requesting import request_links
from ctibutler.settings import Settings

# Further names of the routes that make links: with an underscore as in older versions, and a plain word.
LINK_PATHS = ("arango-cti-processor", "arango_cti_processor", "links")


def endpoints(knowledge_bases: KnowledgeBases, settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints of jobs and links."""
    listing = (
        *page_parameters(settings.default_page_size, settings.max_page_size),
        sort_parameter(
            ("run_datetime", "state", "type", "id"), "run_datetime_descending", {"datetime_start": "run_datetime"}
        ),
        _types(knowledge_bases),
        Parameter(
            "state", "csv", f"States: {', '.join(f'`{state}`' for state in STATES)}.", example="pending,processing"
        ),
    )
    # Older clients list jobs with POST. It creates nothing, so the right to read is enough.
    for listed in (
        Endpoint("GET", "jobs/", _list, "List jobs", "JobPage", listing, tag="jobs", description=_ABOUT_JOBS),
        Endpoint("POST", "jobs/", _list, "List jobs", "JobPage", listing, tag="jobs", alias_of="jobs/"),
    ):
        yield with_forms(listed, names_of(JOB_COLUMNS))
    yield Endpoint(
        "GET",
        "jobs/{job_id}/",
        _one,
        "Get a job",
        "Job",
        tag="jobs",
        fails=(404,),
        description="Returns the state of a job, its progress while it runs, and what went wrong if it failed.",
    )
    older = f"{LINK_PATHS[0]}/jobs/{{job_id}}/"
    yield Endpoint("GET", older, _one, "Get a job", "Job", tag="jobs", alias_of="jobs/{job_id}/")
    yield Endpoint("POST", older, _one, "Get a job", "Job", tag="jobs", alias_of="jobs/{job_id}/")
    modes = "; ".join(f"`{mode.name}`: {mode.description}" for mode in LINK_MODES)
    yield Endpoint(
        "POST",
        f"{LINK_PATHS[0]}/{{mode}}/",
        _link,
        "Create links between knowledge bases",
        "Job",
        fields=LINKS,
        choices={"mode": tuple(mode.name for mode in LINK_MODES)},
        right="write",
        status=201,
        tag="links",
        description=f"""
        Creates a job that links the objects of one knowledge base to those of others, and returns it without waiting. Links are
        created after each import anyway, unless `CTIBUTLER_AUTO_LINK` says otherwise. {modes}.
        """,
    )


def _list(request: Request) -> Response:
    values = request.values
    query = JobQuery(values.page(), values.sort(), values.csv("types"), values.csv("state"))

    def page() -> Response:
        found = jobs.list_jobs(request.library, query)
        return responses.page(request, found.with_items([job_form(job) for job in found.items]), "jobs")

    return in_form(request, page, lambda columns: job_table(request.library, query, job_form, columns))


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
        to_version=request.body.text("to_version"),
    )
    return responses.json(job_form(job), 201, {"Location": f"/api/v1/jobs/{job.id}/"})


def _types(knowledge_bases: KnowledgeBases) -> Parameter:
    names = ", ".join(f"`{name}`" for name in type_names(knowledge_bases))
    return Parameter(
        "types",
        "csv",
        f"Types, with or without the part after `--`: {names}.",
        aliases=("type",),
        example="attack-update--enterprise",
    )


_ABOUT_JOBS = """
Returns the jobs that installed releases and created links, newest first, those that wait or run included.
"""
LINKS = (
    Field(
        "version",
        "version",
        "Release of the knowledge base that the links start from. Default: the latest installed one.",
        example=release_labels.LATEST,
    ),
    Field(
        "to_version",
        "version",
        "Release of the knowledge base that the links lead to. Default: the latest installed one. If several are linked,"
        " those without such a release are linked in their latest one.",
        example=release_labels.LATEST,
    ),
    Field(
        "ignore_embedded_relationships",
        "flag",
        "Generate no relationships from the embedded references of links.",
        default=False,
        example=False,
    ),
    Field(
        "modified_min",
        "time",
        "Link only objects modified at this time or later.",
        example="2023-01-24T00:00:00.000Z",
    ),
    Field(
        "created_min", "time", "Link only objects created at this time or later.", example="2014-06-23T00:00:00.000Z"
    ),
)
