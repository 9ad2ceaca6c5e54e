"""How the hits of a search are distributed over knowledge bases and types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ctibutler.answers.library import Library
from ctibutler.answers.pages import Sort
from ctibutler.answers.search import RELEVANCE, SearchQuery, hit_keys, searched_releases
from ctibutler.catalog import members


@dataclass(frozen=True, slots=True)
class Facets:
    """Of a search: slug of a knowledge base, or STIX type → number of hits, the most first. Each leaves out its own filter."""

    knowledge_bases: Mapping[str, int]
    types: Mapping[str, int]


def facets_of(library: Library, query: SearchQuery) -> Facets:
    """Count the hits of a search by knowledge base, whichever are chosen, and by STIX type, whichever are.

    Raises InvalidRequest without a text.
    """
    everything = replace(query, types=None, knowledge_bases=None, sort=Sort(RELEVANCE, descending=True))
    with library.database.read() as connection:
        among = searched_releases(library, connection, everything)
        keys = hit_keys(library, connection, everything, among)
        numbers = members.numbers_of(connection, [release.key for release in among], keys)
    slugs = {release.key: release.knowledge_base for release in among}
    wanted = library.knowledge_bases
    chosen = None if query.knowledge_bases is None else {kb.slug for kb in wanted.selected(query.knowledge_bases)}
    bases: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for (release_key, stix_type), number in numbers.items():
        slug = slugs[release_key]
        if query.types is None or stix_type in query.types:
            bases[slug] += number
        if chosen is None or slug in chosen:
            types[stix_type] += number
    return Facets(dict(bases.most_common()), dict(types.most_common()))
