"""The order of search hits by relevance.

Exact primary id, exact name, exact alias; then hits in the name before hits in the description. Among these, more mentions in
a shorter text come first, as BM25 saturates and normalises them. Its inverse document frequency is left out: it weighs the
words of a query against each other, and here each hit has all of them. Everything is computed from the text index, so a
common word costs little more than a rare one, and the order is the same on both engines.

numpy takes a while to load: import this module where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ctibutler.answers.library import Library
from ctibutler.answers.pages import Page, PageRequest
from ctibutler.catalog import objects as catalog
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import words_of
from ctibutler.catalog.postings import Marks, Numbers
from ctibutler.catalog.scopes import Scope
from ctibutler.catalog.selections import Selection
from ctibutler.catalog.text_hits import Hits, hits
from ctibutler.stix.objects import RELATIONSHIP

# The usual constants of BM25: k1 and b.
_SATURATION, _LENGTH_WEIGHT = 1.2, 0.75
# Densities are compared as whole numbers, so that the order is the same on all machines.
_STEPS = 1e9
_NO_EXACT_HIT = 3


def ranked(
    library: Library, connection: Connection, selection: Selection, query: str, page: PageRequest, *, anywhere: bool
) -> Page[int]:
    """Return a page of the keys of all hits, best first: objects that match the text, and those whose id, name or alias is
    the query; without any, those that have its words `anywhere`. The selection's releases, types and states count."""
    scope = library.scopes.get(connection, tuple(selection.releases))
    allowed = _allowed(connection, scope, selection)
    exact = _exact_ranks(scope, allowed, catalog.with_exact_name(connection, query))
    in_names, in_descriptions = hits(connection, query)
    found = np.flatnonzero(
        allowed & (_marked(scope, in_names) | _marked(scope, in_descriptions) | (exact < _NO_EXACT_HIT))
    )
    if not len(found):
        return _mentioning(library, connection, selection, query, page) if anywhere else Page(page, [], 0)
    names = _densities(scope, in_names, scope.name_lengths, found)
    descriptions = _densities(scope, in_descriptions, scope.description_lengths, found)
    ranks = np.stack((exact[found], names == 0, -names, -descriptions))
    return Page(page, _best(connection, scope, found, ranks, page), len(found))


def _allowed(connection: Connection, scope: Scope, selection: Selection) -> Marks:
    """Which objects of the scope the selection lets pass."""
    passing = np.ones(len(scope.keys), np.bool_)
    if selection.types is not None:
        passing &= np.isin(scope.types, connection.keys(selection.types))
    if not selection.include_revoked:
        passing &= ~scope.revoked
    if not selection.include_deprecated:
        passing &= ~scope.deprecated
    return passing


def _exact_ranks(scope: Scope, allowed: Marks, ranks: Mapping[int, int]) -> Numbers:
    """The rank of each object's exact name, 0 for the primary id, 1 for the name, 2 for an alias."""
    found = np.full(len(scope.keys), _NO_EXACT_HIT, np.int64)
    places, there = scope.places(np.array(list(ranks), np.int64))
    found[places[there]] = np.array(list(ranks.values()), np.int64)[there]
    return np.where(allowed, found, _NO_EXACT_HIT)


def _marked(scope: Scope, of: Hits) -> Marks:
    """Which objects of the scope match."""
    marks = np.zeros(len(scope.keys), np.bool_)
    places, there = scope.places(of.keys[of.matching])
    marks[places[there]] = True
    return marks


def _densities(scope: Scope, of: Hits, lengths: Numbers, found: Numbers) -> Numbers:
    """How densely each hit holds the words of the query in one property, 0 if it lacks one of them."""
    occurrences = np.zeros(len(scope.keys), np.int64)
    places, there = scope.places(of.keys[of.covered])
    occurrences[places[there]] = of.occurrences[of.covered][there]
    mine, length = occurrences[found], lengths[found]
    average = int(length.sum()) / len(found) or 1.0
    weight = 1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * length / average
    densities: Numbers = np.rint(mine * (_SATURATION + 1) / (mine + _SATURATION * weight) * _STEPS).astype(np.int64)
    return densities


def _best(connection: Connection, scope: Scope, found: Numbers, ranks: Numbers, page: PageRequest) -> Sequence[int]:
    """The keys of a page of hits, by their ranks. Of those with equal ranks, the order is that of ids, then of releases."""
    if not len(found):
        return []
    order = np.lexsort(ranks[::-1])
    ordered = ranks[:, order]
    ties = np.concatenate(([0], np.cumsum((ordered[:, 1:] != ordered[:, :-1]).any(axis=0))))
    shown = ties[page.start : page.start + page.size]
    if not len(shown):
        return []
    start, stop = np.searchsorted(ties, shown[0]), np.searchsorted(ties, shown[-1], "right")
    places = found[order[start:stop]]
    keys = scope.keys[places].tolist()
    ids = catalog.ids_of(connection, keys)
    rows = sorted(
        (tie, ids[key], home, key)
        for tie, key, home in zip(ties[start:stop].tolist(), keys, scope.homes[places].tolist(), strict=True)
    )
    skipped = page.start - int(start)
    return [row[-1] for row in rows[skipped : skipped + page.size]]


def _mentioning(
    library: Library, connection: Connection, selection: Selection, query: str, page: PageRequest
) -> Page[int]:
    """Return a page of the keys of objects that contain the query's words anywhere, such as in the title of a source.
    Those with most mentions come first.

    This is the last resort: `log4j` is in no name and no description, but in the sources of Magic Hound.
    """
    words = list(dict.fromkeys(words_of(query)))
    relationships = RELATIONSHIP in (selection.types or ())
    scope = library.scopes.get(connection, tuple(selection.releases), relationships=relationships)
    mentions = np.zeros(len(scope.keys), np.int64)
    for kind in {False, relationships} if words else ():
        for of_release in library.mentions.get(connection, selection.releases, relationships=kind):
            keys, times = of_release.of(words)
            mentions[scope.places(keys)[0]] = times
    found = np.flatnonzero((mentions > 0) & _allowed(connection, scope, selection))
    return Page(page, _best(connection, scope, found, -mentions[np.newaxis, found], page), len(found))
