"""The pages as an edge: addresses and their views, a loop over the declared knowledge bases."""

from __future__ import annotations

from collections.abc import Iterator

import ctibutler
from ctibutler.http.access import AccessRule
from ctibutler.http.metrics import Metrics
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import ErrorWriter
from ctibutler.http.routing import Edge, Endpoint, Handler, Route
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.pages import (
    addresses,
    api_pages,
    changes,
    compare,
    data,
    desk,
    differences,
    graph,
    help_pages,
    histories,
    home,
    matrix,
    object_pages,
    palette,
    parameters,
    release_pages,
    searching,
    sign_in_pages,
    static_files,
)
from ctibutler.pages.errors import error_writer
from ctibutler.pages.sign_ins import authorize_page, client_of
from ctibutler.pages.templating import has_matrix
from ctibutler.settings import Settings

HTML = "text/html"


def make_edge(knowledge_bases: KnowledgeBases, settings: Settings, _: Metrics, *, for_programs: ErrorWriter) -> Edge:
    """Return the pages over these knowledge bases; an edge without any where the settings turn pages off.

    `for_programs` writes errors for clients that do not prefer HTML.
    """
    if not settings.pages:
        return Edge(prefixes=(), routes=(), write_error=for_programs)
    own = (
        *_at_root(settings),
        *data.endpoints(),
        *sign_in_pages.endpoints(),
        *help_pages.endpoints(),
        *api_pages.endpoints(),
        *desk.endpoints(settings),
    )
    routes = [Route(endpoint, f"/{endpoint.path}") for endpoint in own]
    for kb in knowledge_bases.all:
        routes += [Route(endpoint, f"/{kb.slug}/{endpoint.path}", kb) for endpoint in _of(kb, settings)]
        routes += [Route(it, f"/{name}/{it.path}", kb) for name in kb.aliases for it in _of(kb, settings)]
    return Edge(
        prefixes=("",),
        routes=routes,
        write_error=error_writer(for_programs),
        cors=addresses.is_for_programs_too,
        access=AccessRule(client_of, authorize_page),
        depends_on=(ctibutler.__version__, static_files.digest(), settings.default_page_size, settings.max_page_size),
    )


def _page(path: str, handler: Handler, taken: tuple[Parameter, ...] = ()) -> Endpoint:
    """A page, or another form of one. Its errors are HTML for whoever names HTML: they are told apart as two variants."""
    return Endpoint("GET", path, handler, "", "", taken, variants=(HTML,), even=True, cached=True)


def _at_root(settings: Settings) -> Iterator[Endpoint]:
    yield _page("", home.home)
    yield _page("index.json/", home.index)
    yield _page("search/", searching.results, parameters.of_search(settings))
    yield _page("search.json/", searching.as_api, parameters.of_search(settings))
    yield _page("search.csv/", searching.as_api_csv, parameters.of_search(settings))
    yield _page("palette.json/", palette.palette, palette.PARAMETERS)
    yield Endpoint("GET", "static/{digest}/{file}/", static_files.answer, "", "", right="open", media_type="text/css")
    yield _page("{word}/", home.resolve)


def _of(kb: KnowledgeBase, settings: Settings) -> Iterator[Endpoint]:
    listed = parameters.of_list(kb, settings)
    related = parameters.of_relations(settings)
    yield _page("", release_pages.latest)
    yield _page("{place}/", object_pages.release_or_id)
    yield _page("{place}/objects/", release_pages.objects, listed)
    for extension in release_pages.LIST_FORMS:
        yield _page(f"{{place}}/objects{extension}/", release_pages.objects_as(extension), listed)
    yield _page("{place}/changes/", changes.the_changes, changes.parameters(settings))
    for extension in changes.forms_of(kb):
        yield _page(f"{{place}}/changes{extension}/", changes.changes_as(extension), changes.parameters(settings))
    for extension in ("", *matrix.FORMS) if has_matrix(kb) else ():
        yield _page(f"{{place}}/matrix{extension}/", matrix.the_matrix(extension), matrix.PARAMETERS)
    for extension in ("", *compare.FORMS) if has_matrix(kb) else ():
        yield _page(f"{{place}}/compare{extension}/", compare.the_comparison(extension), matrix.SETS)
    yield _page("{place}/{id}/", object_pages.the_object)
    yield _page("{place}/{id}/relations/", object_pages.relations, related)
    yield _page("{place}/{id}/relations.json/", object_pages.relations_json, related)
    yield _page("{place}/{id}/relations.csv/", object_pages.relations_csv, related)
    yield _page("{place}/{id}/graph/", graph.the_graph, graph.PARAMETERS)
    for extension, answer in graph.the_forms.items():
        taken = () if extension == ".stix.json" else graph.PARAMETERS
        yield _page(f"{{place}}/{{id}}/graph{extension}/", answer, taken)
    yield _page("{place}/{id}/history/", histories.the_history)
    for extension, handler in histories.history_as.items():
        yield _page(f"{{place}}/{{id}}/history{extension}/", handler)
    yield _page("{place}/{id}/diff/", differences.the_differences, differences.PARAMETERS)
    for extension, handler in differences.differences_as.items():
        yield _page(f"{{place}}/{{id}}/diff{extension}/", handler, differences.PARAMETERS)
    yield _page("{place}/{id}/stix/", object_pages.stix)
    yield _page("{place}/{id}/stix.json/", object_pages.stix_json)
