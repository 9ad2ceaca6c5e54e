"""The routes that list, check and search all knowledge bases."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from ctibutler.answers import releases, updates
from ctibutler.answers.search import RELEVANCE, SearchQuery, search, search_by_relevance
from ctibutler.answers.tables.object_tables import ACROSS_COLUMNS, search_table
from ctibutler.answers.tables.table import names_of
from ctibutler.api import responses
from ctibutler.api.forms import OF_OBJECTS, in_form, with_forms
from ctibutler.api.object_parameters import LISTED, TEXT, including
from ctibutler.forms.knowledge_bases import knowledge_bases_form
from ctibutler.http.parameters import Parameter, page_parameters, sort_parameter
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.settings import Settings

KEYS = ("modified", "created", "name", "type")


def endpoints(knowledge_bases: KnowledgeBases, settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints over these knowledge bases."""
    yield Endpoint(
        "GET",
        "knowledge-bases/",
        _knowledge_bases,
        "List the knowledge bases",
        "KnowledgeBases",
        cached=True,
        tag="knowledge bases",
        description="Returns every knowledge base with its names, parameters, installed releases and number of objects.",
    )
    yield Endpoint(
        "GET",
        "updates/",
        _updates,
        "Describe the last check for newer releases",
        "Updates",
        tag="knowledge bases",
        description="Returns when a worker last looked for releases newer than the installed ones, what it found, the jobs that"
        " install them, which sources did not answer, and for each source what is newest there and what is wrong with it.",
    )
    yield with_forms(
        Endpoint(
            "GET",
            "search/",
            _search,
            "Search all knowledge bases",
            "ObjectPage",
            (
                *page_parameters(settings.default_page_size, settings.max_page_size),
                _sort(),
                Parameter("text", "text", f"{TEXT} Default: all objects.", example="fancy bear"),
                Parameter("types", "csv", "STIX types to return.", example="intrusion-set"),
                _where(knowledge_bases),
                *including(False, LISTED),
                SHOW_KNOWLEDGE_BASE,
            ),
            cached=True,
            tag="search",
            description="""
        Searches the latest installed release of every knowledge base. `sort=relevance_descending` returns the best match first,
        and also finds objects whose id, name or alias is the text itself.
        """,
        ),
        names_of(ACROSS_COLUMNS),
        closures=OF_OBJECTS,
    )


def _knowledge_bases(request: Request) -> Response:
    return responses.json(knowledge_bases_form(releases.knowledge_base_list(request.library)))


def _updates(request: Request) -> Response:
    return responses.json(updates.last_check(request.library, request.settings.update_days))


def _search(request: Request) -> Response:
    values = request.values
    query = SearchQuery(
        text=values.text("text"),
        types=values.csv("types"),
        knowledge_bases=values.csv("knowledge_bases"),
        include_revoked=values.flag("include_revoked"),
        include_deprecated=values.flag("include_deprecated"),
        show_knowledge_base=values.flag("show_knowledgebase"),
        sort=values.sort(),
        page=values.page(),
    )
    find = search_by_relevance if query.sort.key == RELEVANCE else search
    return in_form(
        request,
        lambda: responses.page(request, find(request.library, query), "objects"),
        lambda columns: search_table(request.library, query, columns),
    )


def _sort() -> Parameter:
    plain = sort_parameter(KEYS, "modified_descending")
    return Parameter(
        plain.name,
        plain.kind,
        f"{plain.description} `{RELEVANCE}_descending` needs a `text`: exact ids, names and aliases come first.",
        default=plain.default,
        allowed=(*plain.allowed, f"{RELEVANCE}_descending"),
    )


def _where(knowledge_bases: KnowledgeBases) -> Parameter:
    families = dict.fromkeys(kb.family for kb in knowledge_bases.all if kb.family)
    names = ", ".join(f"`{name}`" for name in (*families, *(kb.slug for kb in knowledge_bases.all)))
    return Parameter("knowledge_bases", "csv", f"Where to search: {names}.", example="attack,capec")


SHOW_KNOWLEDGE_BASE = Parameter(
    "show_knowledgebase",
    "flag",
    "Add `knowledgebase_name` to each object: the knowledge base it is from.",
    default=False,
)
