"""The query parameters of pages."""

from __future__ import annotations

from ctibutler.answers.search import MOST_WORDS
from ctibutler.http.parameters import Parameter, page_parameters, sort_parameter
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.settings import Settings

RELATIONS_ON_A_PAGE = 100


def of_list(kb: KnowledgeBase, settings: Settings) -> tuple[Parameter, ...]:
    """Return the parameters of a list of objects. They mean what the API's of the same name mean."""
    declared = [
        Parameter(item.parameter, "csv" if item.kind == "exact" else "text", item.description) for item in kb.filters
    ]
    kinds = [] if kb.type_parameter is None else [Parameter(kb.type_parameter, "csv", "Kinds of objects.")]
    return (
        *page_parameters(settings.default_page_size, settings.max_page_size),
        sort_parameter(kb.sort_keys, "name_ascending"),
        Parameter("name", "text", "Part of the name."),
        Parameter("text", "text", "Words of the name or the description."),
        Parameter("types", "csv", "STIX types."),
        *kinds,
        *declared,
        *including(kb),
    )


def including(kb: KnowledgeBase) -> tuple[Parameter, Parameter]:
    """Return the parameters for revoked and deprecated objects."""
    revoked, deprecated = (
        Parameter(f"include_{word}", "flag", f"Show {word} objects too.", default=not kb.hides_dead)
        for word in ("revoked", "deprecated")
    )
    return revoked, deprecated


def of_relations(settings: Settings) -> tuple[Parameter, ...]:
    """Return the parameters of the relations of an object."""
    return (
        *page_parameters(RELATIONS_ON_A_PAGE, settings.max_page_size),
        Parameter("relationship_type", "text", "Part of the relationship type."),
        Parameter(
            "relationship_direction", "choice", "The end that the object is.", allowed=("source_ref", "target_ref")
        ),
        Parameter("include_embedded_refs", "flag", "Show references from properties too.", default=True),
    )


def of_search(settings: Settings) -> tuple[Parameter, ...]:
    """Return the parameters of the search."""
    return (
        *page_parameters(settings.default_page_size, settings.max_page_size),
        Parameter("text", "text", f"Ids, names or words, at most {MOST_WORDS}."),
        Parameter("knowledge_bases", "csv", "Where to search."),
        Parameter("types", "csv", "STIX types."),
        Parameter("dead", "flag", "Find revoked and deprecated objects too.", default=False),
    )
