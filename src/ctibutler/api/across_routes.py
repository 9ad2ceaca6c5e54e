"""The routes of `objects/`: one view over all knowledge bases, each id once."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from ctibutler.answers.across import ids, lists
from ctibutler.answers.across.lists import Kind, ListQuery
from ctibutler.answers.tables.object_tables import ACROSS_COLUMNS, across_table
from ctibutler.answers.tables.relationship_tables import (
    RELATIONSHIP_COLUMNS,
    object_across_table,
    relationships_across_table,
)
from ctibutler.answers.tables.table import names_of
from ctibutler.api import responses
from ctibutler.api.forms import OF_OBJECTS, in_form, with_forms
from ctibutler.api.object_parameters import BUNDLE_FILTERS, EMBEDDED, ENDS, RELATIONSHIP_TYPE, relationship_filters
from ctibutler.api.object_queries import bundle_query, relationship_query
from ctibutler.api.search_routes import SHOW_KNOWLEDGE_BASE
from ctibutler.http.parameters import Parameter, page_parameters, sort_parameter
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint, Handler
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.attack import APT29
from ctibutler.settings import Settings


def endpoints(knowledge_bases: KnowledgeBases, settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints below `objects/`."""
    pages = page_parameters(settings.default_page_size, settings.max_page_size)
    listed: tuple[tuple[str, Kind, str, str, Parameter, tuple[Parameter, ...]], ...] = (
        (
            "smos/",
            "smos",
            "List the meta objects of all knowledge bases",
            "Returns marking definitions, extension definitions and language contents.",
            _sort("created", "type", default="created_ascending"),
            (_types("marking-definition"),),
        ),
        (
            "scos/",
            "scos",
            "List the cyber-observable objects of all knowledge bases",
            "Returns STIX cyber-observable objects. Most releases have none.",
            _sort("type", default="type_ascending"),
            _OBSERVABLE_FILTERS,
        ),
        (
            "sdos/",
            "sdos",
            "List the domain objects of all knowledge bases",
            "Returns STIX domain objects: techniques, groups, weaknesses, countries and so on.",
            _SDO_SORT,
            _domain_filters(knowledge_bases),
        ),
        (
            "sdos/knowledgebases/",
            "knowledgebases",
            "List what all knowledge bases are about",
            "Returns the domain objects that knowledge bases are about, such as techniques, groups and weaknesses.",
            _SDO_SORT,
            _domain_filters(knowledge_bases),
        ),
        (
            "sros/",
            "sros",
            "List the relationships of all knowledge bases",
            "Returns STIX relationships, generated ones and links between knowledge bases included.",
            _sort("created", "modified", default="created_ascending"),
            _RELATIONSHIP_FILTERS,
        ),
    )
    for path, kind, title, about, sort, filters in listed:
        yield with_forms(
            Endpoint(
                "GET",
                f"objects/{path}",
                _lister(kind),
                title,
                "ObjectPage",
                (*pages, sort, *filters, SHOW_KNOWLEDGE_BASE),
                cached=True,
                tag="objects",
                description=f"{about} They come from the latest installed release of each knowledge base, each id once.",
            ),
            names_of(RELATIONSHIP_COLUMNS) if kind == "sros" else names_of(ACROSS_COLUMNS),
            closures=OF_OBJECTS,
        )
    recent = sort_parameter(("modified", "created"), "modified_descending")
    yield Endpoint(
        "GET",
        "objects/{id}/",
        _one,
        "Get an object of any knowledge base",
        "StixObject",
        (_VISIBLE_TO,),
        cached=True,
        tag="objects",
        fails=(404,),
        description="""
        Returns the object itself, without a page around it. It comes from the latest release of its knowledge base, or from an
        older one if only that has it. Generated relationships can be fetched like any other object. An id that nothing has is
        read as people write ids: `attack.t1059.001`, `T1059/001`, `cwe79`, a link to the publisher's page, a name or an alias.
        """,
    )
    yield Endpoint(
        "GET",
        "objects/{id}/bundle/",
        _bundle,
        "Get an object of any knowledge base with its relationships and neighbours",
        "ObjectPage",
        (*pages, recent, *BUNDLE_FILTERS, _VISIBLE_TO, _CREATED_BY),
        cached=True,
        tag="objects",
        fails=(404,),
        description="Returns the object, its relationships and the objects at their other ends, as a page of objects.",
    )
    yield with_forms(
        Endpoint(
            "GET",
            "objects/{id}/relationships/",
            _relationships,
            "List the relationships of an object of any knowledge base",
            "RelationshipPage",
            (*pages, recent, *relationship_filters()),
            cached=True,
            tag="objects",
            fails=(404,),
            description="Returns the relationships from and to the object, generated ones and links included.",
        ),
        names_of(RELATIONSHIP_COLUMNS),
        closures=OF_OBJECTS,
    )
    yield Endpoint(
        "GET",
        "objects/{id}/versions/",
        _versions,
        "List the versions of an object in all knowledge bases",
        "EverywhereVersions",
        cached=True,
        tag="objects",
        fails=(404,),
        description="Returns every version of the object, newest first, each with its knowledge base and releases.",
    )


def _lister(kind: Kind) -> Handler:
    def answer(request: Request) -> Response:
        query = _query(request)
        return in_form(
            request,
            lambda: responses.page(request, lists.list_across(request.library, kind, query), "objects"),
            lambda columns: (
                relationships_across_table(request.library, query, columns)
                if kind == "sros"
                else across_table(request.library, kind, query, columns)
            ),
        )

    return answer


def _one(request: Request) -> Response:
    return responses.json(ids.find_across(request.library, request.path["id"], request.values.text("visible_to")))


def _bundle(request: Request) -> Response:
    found = ids.bundle_across(
        request.library,
        request.path["id"],
        bundle_query(request),
        request.values.sort(),
        request.values.text("visible_to"),
        request.values.csv("created_by_refs"),
    )
    return responses.page(request, found, "objects")


def _relationships(request: Request) -> Response:
    object_id, query = request.path["id"], relationship_query(request)
    return in_form(
        request,
        lambda: responses.page(request, ids.relationships_across(request.library, object_id, query), "relationships"),
        lambda columns: object_across_table(request.library, object_id, query, columns),
    )


def _versions(request: Request) -> Response:
    return responses.json(ids.versions_across(request.library, request.path["id"]))


def _query(request: Request) -> ListQuery:
    values = request.values

    def csv(name: str) -> list[str] | None:
        return values.csv(name) if values.has(name) else None

    def text(name: str) -> str | None:
        return values.text(name) if values.has(name) else None

    def flag(name: str, otherwise: bool) -> bool:
        return values.flag(name) if values.has(name) else otherwise

    return ListQuery(
        page=values.page(),
        sort=values.sort(),
        types=csv("types"),
        name=text("name"),
        labels=text("labels"),
        value=text("value"),
        value_exact=flag("value_exact", otherwise=False),
        visible_to=text("visible_to"),
        knowledge_bases=csv("ttp_type"),
        type_words=csv("ttp_object_type"),
        external_id=text("ttp_id"),
        source_refs=csv("source_ref"),
        target_refs=csv("target_ref"),
        source_types=csv("source_ref_type"),
        target_types=csv("target_ref_type"),
        relationship_type=text("relationship_type"),
        include_embedded_refs=flag("include_embedded_refs", otherwise=True),
        show_knowledge_base=flag("show_knowledgebase", otherwise=False),
    )


def _sort(*keys: str, default: str) -> Parameter:
    return sort_parameter(keys, default)


def _domain_filters(knowledge_bases: KnowledgeBases) -> tuple[Parameter, ...]:
    kinds = ", ".join(f"`{kb.object_filter_word}`" for kb in knowledge_bases.all if kb.object_filter_word)
    words = dict.fromkeys(word.word for kb in knowledge_bases.all for word in kb.type_words)
    return (
        _types("intrusion-set"),
        Parameter("name", "text", "Part of the name, in any case.", example=APT29.name),
        Parameter("labels", "text", "Part of a label, in any case.", example="element"),
        _VISIBLE_TO,
        Parameter("ttp_type", "csv", f"Knowledge bases: {kinds}.", example="enterprise-attack,cwe"),
        Parameter(
            "ttp_object_type",
            "csv",
            f"Kinds of objects: {', '.join(f'`{word}`' for word in words)}.",
            example="Group,Software",
        ),
        Parameter("ttp_id", "text", "Id, in any case.", example=APT29.id),
    )


def _types(example: str) -> Parameter:
    return Parameter("types", "csv", "STIX types to return.", example=example)


_SDO_SORT = _sort("name", "created", "modified", "type", default="name_ascending")
_MITRE = "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5"
_VISIBLE_TO = Parameter(
    "visible_to",
    "text",
    "STIX id of an identity. Only objects that it may see are returned, judged by their TLP marking and creator.",
    example=_MITRE,
)
_CREATED_BY = Parameter(
    "created_by_refs",
    "csv",
    "STIX ids of creators. Only what they created is returned, and the named object.",
    example=_MITRE,
)
_OBSERVABLE_FILTERS = (
    _types("file"),
    Parameter("value", "text", "Part of a value, in any case.", example="powershell"),
    Parameter("value_exact", "flag", "Compare the whole value, in any case.", default=False),
    Parameter(
        "post_id",
        "ignored",
        "Accepted from older clients, and ignored.",
        example="report--0c5d3e9b-b1d1-4d15-8b26-bf0c6f3d2f4e",
    ),
)
_RELATIONSHIP_FILTERS = (*ENDS, RELATIONSHIP_TYPE, EMBEDDED, _VISIBLE_TO)
