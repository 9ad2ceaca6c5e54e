"""The order of search hits by relevance.

Exact primary id, exact name, exact alias; then hits in the name before hits in the description. Among these, more mentions in
a shorter text come first, as BM25 saturates and normalises them. Its inverse document frequency is left out: it weighs the
words of a query against each other, and here each hit has all of them. The ranks of the two engines' text indexes differ, and
SQLite's needs an index twice the size; made here, the order is the same on both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ctibutler.catalog import objects as catalog
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import words_of
from ctibutler.catalog.selections import Selection
from ctibutler.catalog.text import stem
from ctibutler.stix.objects import decode, text

# The usual constants of BM25: k1 and b.
_SATURATION, _LENGTH_WEIGHT = 1.2, 0.75
_NO_EXACT_HIT = 3
_PORTION = 1000


def ranked(connection: Connection, selection: Selection, query: str) -> list[int]:
    """Return the keys of all hits, best first: objects that match the text, and those whose id, name or alias is the query."""
    exact = _exact(connection, selection, query)
    matching = catalog.select_all(connection, selection)
    keys = list(dict.fromkeys([*exact, *matching]))
    if not keys:
        return _mentioning(connection, selection, query)
    scores = _scores(connection, keys, query)
    ties = _ties(connection, selection, keys)
    return sorted(keys, key=lambda key: (exact.get(key, _NO_EXACT_HIT), *scores[key], *ties[key]))


def _ties(connection: Connection, selection: Selection, keys: Sequence[int]) -> dict[int, tuple[str, int]]:
    """Object key → STIX id and place of the release: the order of objects that match equally well."""
    ids = catalog.ids_of(connection, keys)
    places = {release: place for place, release in enumerate(selection.releases)}
    homes = catalog.releases_of(connection, keys, selection.releases)
    return {key: (ids[key], places[homes[key]]) for key in keys}


def _exact(connection: Connection, selection: Selection, query: str) -> dict[int, int]:
    """Object key → best rank among its exact names: 0 for the primary id, 1 for the name, 2 for an alias."""
    ranks = catalog.with_exact_name(connection, query)
    if not ranks:
        return {}
    ids = catalog.ids_of(connection, list(ranks))
    wanted = replace(selection, text=None, ids=sorted(set(ids.values())))
    allowed = catalog.select_all(connection, wanted)
    return {key: ranks[key] for key in allowed if key in ranks}


def _mentioning(connection: Connection, selection: Selection, query: str) -> list[int]:
    """Objects that contain the query's words anywhere, such as in the title of a source; most mentions first.

    This reads every object, so it is the last resort: `log4j` is in no name and no description, but in the sources of
    Magic Hound.
    """
    asked = words_of(query)
    if not asked:
        return []
    keys = catalog.select_all(connection, replace(selection, text=None))
    mentions: dict[int, int] = {}
    for start in range(0, len(keys), _PORTION):
        portion = keys[start : start + _PORTION]
        for key, content in zip(portion, catalog.contents(connection, portion), strict=True):
            lower = content.lower()
            if all(word.encode() in lower for word in asked):
                words = words_of(content.decode())
                counts = [sum(1 for word in words if word.startswith(want)) for want in asked]
                if all(counts):
                    mentions[key] = min(counts)
    ties = _ties(connection, selection, list(mentions))
    return sorted(mentions, key=lambda key: (-mentions[key], *ties[key]))


def _scores(connection: Connection, keys: Sequence[int], query: str) -> dict[int, tuple[int, float, float]]:
    """Object key → (0 for a hit in the name, else 1; -density in the name; -density in the description). Smaller is better."""
    asked = words_of(query)
    stems = {stem(word) for word in asked}
    texts = []
    for content in catalog.contents(connection, keys):
        properties = decode(content)
        texts.append((words_of(text(properties, "name") or ""), words_of(text(properties, "description") or "")))
    names = _densities([name for name, _ in texts], asked, stems)
    descriptions = _densities([description for _, description in texts], asked, stems)
    return {key: (0 if names[place] > 0 else 1, -names[place], -descriptions[place]) for place, key in enumerate(keys)}


def _densities(texts: Sequence[Sequence[str]], asked: Sequence[str], stems: set[str]) -> list[float]:
    """Return for each text (as words) how densely it holds the words of the query, 0 if it lacks one of them.

    Rounded, so that the order is the same on all machines.
    """
    average = sum(map(len, texts)) / len(texts) or 1.0
    densities = []
    for words in texts:
        hits = sum(1 for word in words if word in asked or stem(word) in stems or any(map(word.startswith, asked)))
        covered = sum(1 for want in asked if any(word.startswith(want) or stem(word) == stem(want) for word in words))
        if not hits or covered < len(set(asked)):
            densities.append(0.0)
            continue
        length = 1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * len(words) / average
        densities.append(round(hits * (_SATURATION + 1) / (hits + _SATURATION * length), 9))
    return densities
