"""The routes of one knowledge base that list, describe, compare, install and remove its releases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b

from starlette.responses import Response

from ctibutler import __version__
from ctibutler.answers import changes, exports, releases
from ctibutler.answers.changes import ChangesQuery
from ctibutler.answers.outcome_changes import ROW_WORDS, OutcomesQuery, outcome_changes
from ctibutler.answers.tables.change_tables import CHANGE_COLUMNS, changes_table
from ctibutler.answers.tables.outcome_tables import OUTCOME_COLUMNS, outcome_table
from ctibutler.answers.tables.release_sheets import release_sheets
from ctibutler.answers.tables.table import names_of
from ctibutler.api import responses
from ctibutler.api.forms import LAYER, OF_OBJECTS, in_form, with_forms
from ctibutler.comparing.differences import CHANGES
from ctibutler.comparing.outcomes import HANDLINGS
from ctibutler.errors import InvalidRequest
from ctibutler.forms import stix_bundle
from ctibutler.forms.changes import facts_of, facts_of_outcomes, rows_of
from ctibutler.forms.jobs import job_form
from ctibutler.forms.table_forms import TABLE_FORMS
from ctibutler.http.bodies import Field
from ctibutler.http.parameters import Parameter, page_parameters, sort_parameter
from ctibutler.http.requests import Request
from ctibutler.http.responses import attachment, kept_stream, no_content, stream
from ctibutler.http.routing import Endpoint
from ctibutler.http.validators import matches
from ctibutler.importing import removal
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.attack import APT29
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.requesting import InstallRequest, request_install
from ctibutler.settings import Settings


def endpoints(kb: KnowledgeBase, settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints of this knowledge base that are about its releases."""
    pages = page_parameters(settings.default_page_size, settings.max_page_size)
    yield Endpoint(
        "POST",
        "",
        _install,
        f"Install a release of {kb.title}",
        "Job",
        fields=_install_fields(kb),
        right="write",
        status=201,
        description="""
        Creates a job that installs the release, and returns it without waiting. A worker runs it: follow the job to see
        whether it completes. The release appears all at once; if the job fails, nothing has changed.
        """,
    )
    for path, alias_of in (("versions/installed/", None), ("versions/", "versions/installed/")):
        yield Endpoint(
            "GET",
            path,
            _installed,
            f"List the installed releases of {kb.title}",
            "InstalledReleases",
            cached=True,
            alias_of=alias_of,
            description="Returns the installed releases, newest first, and which is the latest: the one that other routes use"
            " unless a request names another.",
        )
    yield Endpoint(
        "GET",
        "versions/available/",
        _available,
        f"List the available releases of {kb.title}",
        "AvailableReleases",
        (_DETAILS,),
        cached=True,
        description="""
        Returns the releases that can be installed, or are, newest first. They come from what the worker learned when it last
        asked the sources; the request itself contacts nobody.
        """,
    )
    yield Endpoint(
        "GET",
        "versions/{version}/",
        _about,
        f"Describe a release of {kb.title}",
        "Release",
        cached=True,
        fails=(404,),
        description="Returns when the release was installed, where it came from, its SHA-256, and how many objects of which"
        " type it has.",
    )
    yield Endpoint(
        "GET",
        "versions/{version}/bundle/",
        _export,
        f"Download a release of {kb.title} as a STIX bundle",
        "Bundle",
        (_types(kb), _DERIVED, _FORM),
        media_type=responses.STIX,
        variants=(TABLE_FORMS["xlsx"].media_type,),
        streams=True,
        fails=(404,),
        description="""
        Returns the objects as their publisher wrote them, in the order of the file. The bundle is streamed; its `ETag` lets
        clients skip what they have already. With `format=xlsx` it is an Excel workbook: a sheet for each kind of objects, the
        matrix, relationships, detections and citations.
        """,
    )
    yield with_forms(
        Endpoint(
            "GET",
            "versions/{version}/changes/",
            _changes,
            f"Compare two releases of {kb.title}",
            "ChangePage",
            (*pages, sort_parameter(("id", "type", "name", "change"), "id_ascending"), *_change_filters(kb)),
            cached=True,
            also_shows=("OutcomePage",),
            fails=(404,),
            description="""
        Returns each object that differs, with the properties that changed. Objects are compared by content, because publishers
        sometimes change one without changing its `modified`. The counts are those of the whole comparison, before filters.
        `view=outcome` returns what became of every object instead: which one stands for it now, and why. What the release
        changed for all objects of a type is told once, under `model` and `vocabulary`.
        """,
        ),
        dict.fromkeys((*names_of(CHANGE_COLUMNS), *names_of(OUTCOME_COLUMNS))),
        closures=OF_OBJECTS,
        others=("atom", *((LAYER,) if kb.navigator_domain else ())),
    )
    yield Endpoint(
        "DELETE",
        "versions/{version}/",
        _remove,
        f"Remove a release of {kb.title}",
        "",
        right="write",
        status=204,
        fails=(404, 409),
        description="""
        Removes the release and the links from and to it. Objects that other releases share stay. 409 while a job is writing the
        release.
        """,
    )
    yield Endpoint(
        "DELETE",
        "truncate/",
        _truncate,
        f"Remove all releases of {kb.title}",
        "",
        right="write",
        status=204,
        fails=(409,),
        description="Removes every release of the knowledge base and every link from or to it. 409 while a job is writing one.",
    )


def _install(request: Request) -> Response:
    wanted = InstallRequest(
        request.body.text("version") or "",
        request.body.flag("ignore_embedded_relationships"),
        request.body.flag("ignore_embedded_relationships_sro"),
        request.body.flag("ignore_embedded_relationships_smo"),
        request.body.flag("force"),
    )
    job = request_install(request.library.database, request.kb, wanted)
    return responses.json(job_form(job), 201, {"Location": f"/api/v1/jobs/{job.id}/"})


def _installed(request: Request) -> Response:
    return responses.json(releases.installed(request.library, request.kb))


def _available(request: Request) -> Response:
    order = request.settings.sources_of(request.kb.sources)
    found = releases.available(request.library, request.kb, order)
    return responses.json(found if request.values.flag("details") else [release.label for release in found])


def _about(request: Request) -> Response:
    return responses.json(releases.about(request.library, request.kb, request.path["version"]))


def _export(request: Request) -> Response:
    types, derived = request.values.csv("types"), request.values.flag("include_derived")
    book = TABLE_FORMS["xlsx"]
    asked = request.values.text("format")
    if asked == book.name or (asked is None and request.media_type == book.media_type):
        return _workbook(request, filtered=types is not None or derived)
    found = exports.release_objects(request.library, request.kb, request.path["version"], types, derived)
    key = f"{found.bundle_id} {found.digest} {request.values.query()}"
    headers = _validators(request, f"{found.digest} {request.values.query()} {request.encoding}", found.installed_at)
    if matches(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    headers |= attachment(stix_bundle.file_name(found))
    chunks = stix_bundle.release_as_bundle(found)
    return kept_stream(request, key, chunks, responses.STIX, headers)


def _workbook(request: Request, *, filtered: bool) -> Response:
    """The release as a workbook; its bytes depend on the release alone."""
    if filtered:
        raise InvalidRequest.of(
            "format", "A workbook holds the whole release: leave out `types` and `include_derived`."
        )
    # Late: XlsxWriter takes a while to import.
    from ctibutler.forms.workbook import release_as_workbook

    found = release_sheets(request.library, request.kb, request.path["version"])
    form = TABLE_FORMS["xlsx"]
    headers = _validators(request, f"{found.digest} {found.installed_at} {form.name} {__version__}", found.installed_at)
    if matches(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    headers |= attachment(f"{found.name}{form.extension}")
    return stream(request, release_as_workbook(found), form.content_type, headers)


def _validators(request: Request, state: str, installed_at: int) -> dict[str, str]:
    """The headers by which clients skip what they have already."""
    return {
        "ETag": f'"{blake2b(state.encode(), digest_size=16).hexdigest()}"',
        "Last-Modified": format_datetime(datetime.fromtimestamp(installed_at // 1_000_000, UTC), usegmt=True),
        "Cache-Control": "no-cache",
        "Vary": request.policy.vary,
    }


def _changes(request: Request) -> Response:
    values = request.values
    asked = values.csv("outcome") is not None or values.csv("handling") is not None
    view = values.text("view") or ("outcome" if asked else "object")
    if view == "object" and asked:
        raise InvalidRequest.of("view", "`outcome` and `handling` are filters of `view=outcome`.")
    return _outcomes(request) if view == "outcome" else _objects(request)


def _objects(request: Request) -> Response:
    values = request.values
    query = ChangesQuery(
        since=values.text("since"),
        change=values.csv("change"),
        types=values.csv("types"),
        page=values.page(),
        sort=values.sort(),
    )

    def page() -> Response:
        found = changes.changes(request.library, request.kb, request.path["version"], query)
        rows = rows_of(found, include_objects=values.flag("include_objects"))
        return responses.page(request, rows, "changes", facts_of(found))

    return in_form(
        request,
        page,
        lambda columns: changes_table(request.library, request.kb, request.path["version"], query, columns),
    )


def _outcomes(request: Request) -> Response:
    values = request.values
    query = OutcomesQuery(
        since=values.text("since"),
        outcome=values.csv("outcome"),
        handling=values.csv("handling"),
        types=values.csv("types"),
        hide=values.csv("hide") or (),
        page=values.page(),
        sort=values.sort(),
    )

    def page() -> Response:
        found = outcome_changes(request.library, request.kb, request.path["version"], query)
        return responses.page(request, found.page, "changes", facts_of_outcomes(found))

    return in_form(
        request,
        page,
        lambda columns: outcome_table(request.library, request.kb, request.path["version"], query, columns),
    )


def _remove(request: Request) -> Response:
    removal.remove_release(request.library.database, request.kb, request.path["version"])
    return no_content()


def _truncate(request: Request) -> Response:
    removal.truncate(request.library.database, request.kb)
    return no_content()


def _label(kb: KnowledgeBase) -> str:
    return kb.example.release if kb.example else release_labels.LATEST


INSTALL = (
    Field("version", "version", "The release to install, such as `18.1`.", required=True),
    Field(
        "ignore_embedded_relationships",
        "flag",
        "Generate no relationships from embedded references.",
        default=False,
        example=False,
    ),
    Field(
        "ignore_embedded_relationships_sro",
        "flag",
        "Generate none from the embedded references of relationships.",
        default=False,
        example=False,
    ),
    Field(
        "ignore_embedded_relationships_smo",
        "flag",
        "Generate none from the embedded references of meta objects.",
        default=False,
        example=False,
    ),
    Field("force", "flag", "Install the release again even if it has not changed.", default=False, example=False),
)


def _install_fields(kb: KnowledgeBase) -> tuple[Field, ...]:
    version, *flags = INSTALL
    return (replace(version, example=_label(kb)), *flags)


def _types(kb: KnowledgeBase) -> Parameter:
    return Parameter("types", "csv", "STIX types to return.", example=(kb.example or APT29).stix_id.partition("--")[0])


def _change_filters(kb: KnowledgeBase) -> tuple[Parameter, ...]:
    return (
        Parameter(
            "since",
            "text",
            "The installed release to compare with. Default: the next lower one; if there is none, everything was added.",
            example=_label(kb),
        ),
        Parameter(
            "change", "csv", f"Kinds of changes: {', '.join(f'`{kind}`' for kind in CHANGES)}.", example="added,removed"
        ),
        _types(kb),
        Parameter(
            "view",
            "choice",
            "`object`: what differs in each object. `outcome`: what became of each. Default: `object`, unless `outcome` or"
            " `handling` is given.",
            allowed=("object", "outcome"),
        ),
        Parameter("outcome", "csv", f"Outcomes: {_listed(ROW_WORDS)}.", example="renamed,merged"),
        Parameter("handling", "csv", f"How to handle it: {_listed(HANDLINGS)}.", example="human,look"),
        Parameter(
            "hide",
            "csv",
            "Outcomes to leave out with `view=outcome`. `stale`: what was revoked or deprecated before already.",
            example="stale,unchanged,touched",
        ),
        Parameter("include_objects", "flag", "Include the objects before and after the change.", default=False),
    )


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


_DETAILS = Parameter("details", "flag", "Include where each release comes from.", default=False)
_FORM = Parameter("format", "choice", "Form of the release. Default: what `Accept` prefers.", allowed=("stix", "xlsx"))
_DERIVED = Parameter("include_derived", "flag", "Include generated relationships and links.", default=False)
