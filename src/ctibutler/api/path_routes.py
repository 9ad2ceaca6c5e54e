"""The routes that follow declared relations from one knowledge base to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from starlette.responses import Response

from ctibutler.answers.onward.chains import chain
from ctibutler.answers.onward.coverage import cover
from ctibutler.answers.onward.path_records import MOST_HOPS, MOST_PATHS, MOST_TURNS, PathQuery
from ctibutler.answers.onward.paths import find_paths
from ctibutler.answers.tables.path_tables import (
    CHAIN_COLUMNS,
    COVERAGE_COLUMNS,
    PATH_COLUMNS,
    chain_table,
    coverage_table,
    path_table,
)
from ctibutler.answers.tables.table import names_of
from ctibutler.api import responses
from ctibutler.api.forms import OF_ANSWERS, OF_OBJECTS, in_form, with_forms
from ctibutler.api.object_parameters import including
from ctibutler.forms.paths import facts_of_chain
from ctibutler.http.parameters import Parameter, page_parameters
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.places import relations_of
from ctibutler.knowledge_bases.relations import Widening
from ctibutler.settings import Settings

_TURNS = tuple(str(turns) for turns in range(MOST_TURNS + 1))
_RULES = (
    Parameter(
        "turns",
        "choice",
        "How often a path may turn: where two objects lead to the same technique, say, or both come from it. Default: 0 if one"
        " end leads onward to the other by the kinds of both, else 1.",
        allowed=_TURNS,
    ),
    Parameter(
        "widen",
        "choice",
        "`down` lets a kind of an object stand for it, `up` an object for its kind, which says much less.",
        default="none",
        allowed=("none", "down", "up"),
    ),
    Parameter("hops", "number", "Length of the longest paths to look for.", default=6, maximum=MOST_HOPS),
    Parameter("limit", "number", "How many paths to show. All are counted.", default=100, maximum=MOST_PATHS),
)


def endpoints(knowledge_bases: KnowledgeBases, _settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoints over all knowledge bases."""
    yield with_forms(
        Endpoint(
            "GET",
            "paths/",
            _paths,
            "Find what leads from one object to another",
            "Paths",
            (
                _end("from", "The object that paths start from", "CWE-521"),
                _end("to", "The object that they lead to", "T1110"),
                *_RULES,
                *versions(knowledge_bases),
                *including(False, "Include what is {}: the two objects, and what lies between."),
            ),
            cached=True,
            tag="objects",
            fails=(404,),
            description="""
        Returns all shortest paths between two objects along the relations that lead on: a weakness to the attack patterns that
        it names, these to techniques, these to what counters them; a group to what it uses. A path goes onward or back, and
        says for each hop who states it, where, and how old that is. From one release to another it goes only by links between
        exactly these two; `missing` names those that were not made, with the request that makes them. If there is no path,
        `reach` says how far each end gets.
        """,
        ),
        names_of(PATH_COLUMNS),
        closures=OF_ANSWERS,
    )

    yield with_forms(
        Endpoint(
            "GET",
            "coverage/",
            _coverage,
            "Count what leads from one knowledge base to the next",
            "Coverage",
            tuple(versions(knowledge_bases)),
            cached=True,
            tag="links",
            fails=(404,),
            description="""
        Returns, for each two releases that are linked, how many objects at both ends have links, and how many objects are
        connected over what lies between. `nowhere` lists ids that are named and that the other release does not have, or only
        of revoked or deprecated objects.
        """,
        ),
        names_of(COVERAGE_COLUMNS),
    )


def chain_endpoints(kb: KnowledgeBase, knowledge_bases: KnowledgeBases, settings: Settings) -> Iterator[Endpoint]:
    """Yield the endpoint of one knowledge base that shows chains; none if no path leads over its objects."""
    if kb.slug not in _on_paths(knowledge_bases):
        return
    yield with_forms(
        Endpoint(
            "GET",
            "objects/{id}/chain/",
            _chain,
            f"Count what an object of {kb.title} leads to, and what leads to it",
            "ChainPage",
            (
                *page_parameters(settings.default_page_size, settings.max_page_size),
                Parameter(
                    "stage",
                    "choice",
                    "Return only the objects of this stage. Default: all.",
                    allowed=_stages(knowledge_bases),
                ),
                *versions(knowledge_bases),
                *including(False, "Include what is {}: the object itself, and what lies on the way."),
            ),
            cached=True,
            fails=(404,),
            description="""
        Returns the number of objects in each stage before and after the object, such as patterns, techniques, artifacts and
        countermeasures, and the objects themselves. A chain never turns. What the details of the object name, such as CVEs, is
        in `told`.
        """,
        ),
        names_of(CHAIN_COLUMNS),
        closures=OF_OBJECTS,
    )


def versions(knowledge_bases: KnowledgeBases) -> Iterator[Parameter]:
    """Yield the parameters that choose the releases that paths lead over."""
    on_paths = _on_paths(knowledge_bases)
    named = {kb.version_parameter: kb for kb in knowledge_bases.all if kb.slug in on_paths}
    for name, kb in named.items():
        yield Parameter(
            name,
            "text",
            f"An installed release of {kb.family or kb.slug}. Default: the latest installed one.",
            example=kb.example.release if kb.example else None,
        )


def _on_paths(knowledge_bases: KnowledgeBases) -> set[str]:
    """The knowledge bases that paths lead over."""
    relations = relations_of(knowledge_bases.all)
    return {place.knowledge_base for relation in relations for place in (relation.of, relation.to)}


def _stages(knowledge_bases: KnowledgeBases) -> tuple[str, ...]:
    relations = relations_of(knowledge_bases.all)
    return tuple(dict.fromkeys(place.stop.word for relation in relations for place in (relation.of, relation.to)))


def _versions_of(request: Request) -> dict[str, str | None]:
    values = request.values
    known = request.library.knowledge_bases.all
    return {kb.slug: values.text(kb.version_parameter) for kb in known if values.has(kb.version_parameter)}


def _path_query(request: Request) -> PathQuery:
    """Return how paths may go."""
    values = request.values
    turns = values.text("turns") if values.has("turns") else None
    return PathQuery(
        turns=None if turns is None else int(turns),
        widen=cast("Widening", values.choice("widen")) if values.has("widen") else "none",
        hops=values.number("hops") if values.has("hops") else 6,
        limit=values.number("limit") if values.has("limit") else 100,
        versions=_versions_of(request),
        include_revoked=values.flag("include_revoked"),
        include_deprecated=values.flag("include_deprecated"),
    )


def _paths(request: Request) -> Response:
    values = request.values
    start, end, query = values.text("from") or "", values.text("to") or "", _path_query(request)
    return in_form(
        request,
        lambda: responses.json(find_paths(request.library, start, end, query)),
        lambda columns: path_table(request.library, start, end, query, columns),
    )


def _chain(request: Request) -> Response:
    stage = request.values.text("stage")
    object_id, query = request.path["id"], _path_query(request)

    def page() -> Response:
        found = chain(request.library, request.kb, object_id, query, request.values.page(), stage)
        return responses.page(request, found.page, "objects", facts_of_chain(found))

    return in_form(
        request,
        page,
        lambda columns: chain_table(request.library, request.kb, object_id, query, stage, columns),
    )


def _coverage(request: Request) -> Response:
    versions = _versions_of(request)
    return in_form(
        request,
        lambda: responses.json(cover(request.library, versions)),
        lambda columns: coverage_table(request.library, versions, columns),
    )


def _end(name: str, what: str, example: str) -> Parameter:
    return Parameter(
        name,
        "text",
        f"{what}: its id or STIX id, after its knowledge base and a slash if several have it (`attack-ics/T0859`).",
        required=True,
        example=example,
    )
