"""The routes of one knowledge base about its releases: which there are, each of them, bringing in, taking out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b

from starlette.responses import Response

from ctibutler.answers import changes, exports, releases
from ctibutler.answers.changes import ChangesQuery
from ctibutler.api import responses
from ctibutler.forms.changes import facts_of, rows_of
from ctibutler.forms.jobs import job_form
from ctibutler.http.bodies import Field
from ctibutler.http.parameters import Parameter, page_parameters, sort_parameter
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.http.validators import matches
from ctibutler.importing import removal
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.requesting import InstallRequest, request_install
from ctibutler.settings import Settings


def endpoints(kb: KnowledgeBase, settings: Settings) -> Iterator[Endpoint]:
    """The endpoints of this knowledge base that are about its releases."""
    pages = page_parameters(settings.default_page_size, settings.max_page_size)
    yield Endpoint(
        "POST", "", _install, f"Install a release of {kb.title}", "Job", fields=INSTALL, right="write", status=201
    )
    for path, alias_of in (("versions/installed/", None), ("versions/", "versions/installed/")):
        yield Endpoint(
            "GET", path, _installed, "The installed releases", "InstalledReleases", cached=True, alias_of=alias_of
        )
    yield Endpoint(
        "GET",
        "versions/available/",
        _available,
        "Releases that can be installed",
        "AvailableReleases",
        (_DETAILS,),
        cached=True,
    )
    yield Endpoint("GET", "versions/{version}/", _about, "About one release", "Release", cached=True, fails=(404,))
    yield Endpoint(
        "GET",
        "versions/{version}/bundle/",
        _export,
        "A release as one STIX bundle",
        "Bundle",
        (_TYPES, _DERIVED),
        media_type=responses.STIX,
        streams=True,
        fails=(404,),
    )
    yield Endpoint(
        "GET",
        "versions/{version}/changes/",
        _changes,
        "What a release changed since another one",
        "ChangePage",
        (*pages, sort_parameter(("id", "type", "name", "change"), "id_ascending"), *_CHANGE_FILTERS),
        cached=True,
        fails=(404,),
    )
    yield Endpoint(
        "DELETE",
        "versions/{version}/",
        _remove,
        "Remove one release",
        "",
        right="write",
        status=204,
        fails=(404, 409),
    )
    yield Endpoint("DELETE", "truncate/", _truncate, "Remove all releases", "", right="write", status=204, fails=(409,))


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
    return responses.json(releases.available(request.library, request.kb, request.values.flag("details"), order))


def _about(request: Request) -> Response:
    return responses.json(releases.about(request.library, request.kb, request.path["version"]))


def _export(request: Request) -> Response:
    types, derived = request.values.csv("types"), request.values.flag("include_derived")
    bundle = exports.release_bundle(request.library, request.kb, request.path["version"], types, derived)
    variant = blake2b(
        f"{bundle.digest} {request.values.query()} {request.encoding}".encode(), digest_size=16
    ).hexdigest()
    tag = f'"{variant}"'
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(datetime.fromtimestamp(bundle.installed_at // 1_000_000, UTC), usegmt=True),
        "Cache-Control": "no-cache",
    }
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    headers |= responses.attachment(bundle.file_name)
    return responses.stream(bundle.chunks, responses.STIX, headers, request.is_head)


def _changes(request: Request) -> Response:
    values = request.values
    query = ChangesQuery(
        since=values.text("since"),
        change=values.csv("change"),
        types=values.csv("types"),
        page=values.page(),
        sort=values.sort(),
    )
    found = changes.changes(request.library, request.kb, request.path["version"], query)
    rows = rows_of(found, include_objects=values.flag("include_objects"))
    return responses.page(request, rows, "changes", facts_of(found))


def _remove(request: Request) -> Response:
    removal.remove_release(request.library.database, request.kb, request.path["version"])
    return responses.no_content()


def _truncate(request: Request) -> Response:
    removal.truncate(request.library.database, request.kb)
    return responses.no_content()


INSTALL = (
    Field("version", "version", "Label of the release, such as `16.0`.", required=True),
    Field("ignore_embedded_relationships", "flag", "No relationships from embedded references.", default=False),
    Field("ignore_embedded_relationships_sro", "flag", "None from those of relationships.", default=False),
    Field("ignore_embedded_relationships_smo", "flag", "None from those of meta objects.", default=False),
    Field("force", "flag", "Install again even if the same content is there.", default=False),
)
_DETAILS = Parameter("details", "flag", "Whether to say of each where it comes from.", default=False)
_TYPES = Parameter("types", "csv", "STIX types, with commas.")
_DERIVED = Parameter("include_derived", "flag", "Whether relationships that we made are added.", default=False)
_CHANGE_FILTERS = (
    Parameter("since", "text", "Label of the installed release to compare with; default: the next lower one."),
    Parameter("change", "csv", "Changes, with commas: added, modified, removed, revoked, deprecated."),
    _TYPES,
    Parameter("include_objects", "flag", "Whether to add the objects before and after.", default=False),
)
