"""The routes of `objects/`: one view over all knowledge bases, each id once."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from ctibutler.answers.across import ids, lists
from ctibutler.answers.across.lists import ListQuery
from ctibutler.api import responses
from ctibutler.api.knowledge_base_routes import (
    BUNDLE_FILTERS,
    RELATIONSHIP_FILTERS,
    bundle_query,
    relationship_query,
)
from ctibutler.api.search_routes import SHOW_KNOWLEDGE_BASE
from ctibutler.http.parameters import Parameter, page_parameters, sort_parameter
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint, Handler
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.settings import Settings


def endpoints(knowledge_bases: KnowledgeBases, settings: Settings) -> Iterator[Endpoint]:
    """The endpoints below `objects/`."""
    pages = page_parameters(settings.default_page_size, settings.max_page_size)
    for path, kind, title, sort, filters in (
        ("smos/", "smos", "Meta objects", _sort("created", "type", default="created_ascending"), (_TYPES,)),
        ("scos/", "scos", "Cyber-observable objects", _sort("type", default="type_ascending"), _OBSERVABLE_FILTERS),
        ("sdos/", "sdos", "Domain objects", _SDO_SORT, _domain_filters(knowledge_bases)),
        (
            "sdos/knowledgebases/",
            "knowledgebases",
            "Domain objects of the kinds that knowledge bases are made of",
            _SDO_SORT,
            _domain_filters(knowledge_bases),
        ),
        (
            "sros/",
            "sros",
            "Relationships",
            _sort("created", "modified", default="created_ascending"),
            _RELATIONSHIP_FILTERS,
        ),
    ):
        yield Endpoint(
            "GET",
            f"objects/{path}",
            _lister(kind),
            f"{title} of all knowledge bases",
            "ObjectPage",
            (*pages, sort, *filters, SHOW_KNOWLEDGE_BASE),
            cached=True,
            tag="objects",
        )
    recent = sort_parameter(("modified", "created"), "modified_descending")
    yield Endpoint(
        "GET",
        "objects/{id}/",
        _one,
        "One object, wherever it is",
        "StixObject",
        (_VISIBLE_TO,),
        cached=True,
        tag="objects",
        fails=(404,),
    )
    yield Endpoint(
        "GET",
        "objects/{id}/bundle/",
        _bundle,
        "An object with its relationships and neighbours",
        "ObjectPage",
        (*pages, recent, *BUNDLE_FILTERS, _VISIBLE_TO, _CREATED_BY),
        cached=True,
        tag="objects",
        fails=(404,),
    )
    yield Endpoint(
        "GET",
        "objects/{id}/relationships/",
        _relationships,
        "Relationships from and to an object",
        "RelationshipPage",
        (*pages, recent, *RELATIONSHIP_FILTERS),
        cached=True,
        tag="objects",
        fails=(404,),
    )
    yield Endpoint(
        "GET",
        "objects/{id}/versions/",
        _versions,
        "The knowledge bases and releases that hold an object",
        "EverywhereVersions",
        cached=True,
        tag="objects",
        fails=(404,),
    )


def _lister(kind: str) -> Handler:
    def answer(request: Request) -> Response:
        return responses.page(request, lists.list_across(request.library, kind, _query(request)), "objects")  # type: ignore[arg-type]

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
    found = ids.relationships_across(request.library, request.path["id"], relationship_query(request))
    return responses.page(request, found, "relationships")


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
        ttp_type=csv("ttp_type"),
        ttp_object_type=csv("ttp_object_type"),
        ttp_id=text("ttp_id"),
        source_refs=csv("source_ref"),
        target_refs=csv("target_ref"),
        source_types=csv("source_ref_type"),
        target_types=csv("target_ref_type"),
        relationship_type=text("relationship_type"),
        include_embedded_refs=flag("include_embedded_refs", otherwise=True),
        show_knowledgebase=flag("show_knowledgebase", otherwise=False),
    )


def _sort(*keys: str, default: str) -> Parameter:
    return sort_parameter(keys, default)


def _domain_filters(knowledge_bases: KnowledgeBases) -> tuple[Parameter, ...]:
    kinds = ", ".join(kb.object_filter_word for kb in knowledge_bases.all if kb.object_filter_word)
    words = dict.fromkeys(word.word for kb in knowledge_bases.all for word in kb.type_words)
    return (
        _TYPES,
        Parameter("name", "text", "Part of the name."),
        Parameter("labels", "text", "Part of a label."),
        _VISIBLE_TO,
        Parameter("ttp_type", "csv", f"Knowledge bases, with commas: {kinds}."),
        Parameter("ttp_object_type", "csv", f"Forms of object, with commas: {', '.join(words)}."),
        Parameter("ttp_id", "text", "Id, in any case."),
    )


_SDO_SORT = _sort("name", "created", "modified", "type", default="name_ascending")
_TYPES = Parameter("types", "csv", "STIX types, with commas.")
_VISIBLE_TO = Parameter("visible_to", "text", "STIX id of an identity: only what it may see by TLP and creator.")
_CREATED_BY = Parameter("created_by_refs", "csv", "STIX ids of creators, with commas; the named object stays.")
_OBSERVABLE_FILTERS = (
    _TYPES,
    Parameter("value", "text", "Part of a value."),
    Parameter("value_exact", "flag", "Whether the whole value must be equal, in any case.", default=False),
    Parameter("post_id", "ignored", "Accepted, without meaning here."),
)
_RELATIONSHIP_FILTERS = (
    Parameter("source_ref", "csv", "STIX ids of sources, with commas."),
    Parameter("target_ref", "csv", "STIX ids of targets, with commas."),
    Parameter("source_ref_type", "csv", "STIX types of sources, with commas."),
    Parameter("target_ref_type", "csv", "STIX types of targets, with commas."),
    Parameter("relationship_type", "text", "Part of the relationship type."),
    Parameter(
        "include_embedded_refs", "flag", "Whether relationships made from embedded references count.", default=True
    ),
    _VISIBLE_TO,
)
