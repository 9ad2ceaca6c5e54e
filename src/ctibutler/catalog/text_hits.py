"""Finding a text in the index.

A property of an object matches if all words are in it, either all by their stem or all as the beginning of a word.

numpy takes a while to load: import this module where it is used.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.postings import Marks, Numbers, Postings, decoded
from ctibutler.catalog.text import ALL_WORDS, PROPERTIES, stem, words_asked

# Greater than every word that begins with a text, if it follows the text.
_BEYOND = "\U0010ffff"


class Hits(NamedTuple):
    """Objects that have words of a text in one property, as arrays side by side.

    `occurrences` is how many of its words are like one of the text. `covered` are those that have a word like each of the
    text, `matching` those that have them by the same rule. If none is covered, none is returned.
    """

    keys: Numbers
    occurrences: Numbers
    covered: Marks
    matching: Marks


_NONE, _NO_MARKS = np.zeros(0, np.int64), np.zeros(0, np.bool_)
_NOTHING = Hits(_NONE, _NONE, _NO_MARKS, _NO_MARKS)


def matching_keys(connection: Connection, text: str) -> list[int]:
    """Return the keys of the objects whose name or description matches; none if the text has no words."""
    found = hits(connection, text)
    keys: list[int] = np.union1d(*(each.keys[each.matching] for each in found)).tolist()
    return keys


def hits(connection: Connection, text: str) -> tuple[Hits, Hits]:
    """Return the hits in names and in descriptions."""
    words = words_asked(text)
    rows = _rows(connection, words) if words else []
    name, description = (_hits([row for row in rows if row.property == each], words) for each in PROPERTIES)
    return name, description


def lengths(connection: Connection) -> tuple[Postings, Postings]:
    """Return the number of words of each name and of each description."""
    rows = connection.rows(
        """
        SELECT property, 0 AS list, first_key, holders, counts
          FROM posting
          JOIN term ON term.term_key = posting.term_key
         WHERE term.word = :all_words
         ORDER BY property, first_key
        """,
        all_words=ALL_WORDS,
    )
    name, description = (decoded(row for row in rows if row.property == each) for each in PROPERTIES)
    return name, description


def _rows(connection: Connection, words: Sequence[str]) -> list[Any]:
    """The rows of all lists of words that are like one of these, in order of word."""
    beginnings = "".join(
        f" UNION SELECT term_key FROM term WHERE word >= :word_{place} AND word < :beyond_{place}"
        for place in range(len(words))
    )
    rows = connection.rows(
        f"""
        SELECT term.word, term.stem, posting.property, posting.first_key, posting.holders, posting.counts
          FROM (SELECT term_key FROM term WHERE stem IN {connection.in_list("stems", "text")}{beginnings}) AS alike
          JOIN term    ON term.term_key = alike.term_key
          JOIN posting ON posting.term_key = alike.term_key
        """,
        stems=sorted(set(map(stem, words))),
        **{f"word_{place}": word for place, word in enumerate(words)},
        **{f"beyond_{place}": word + _BEYOND for place, word in enumerate(words)},
    )
    return sorted(rows, key=lambda row: (row.property, row.word, row.first_key))


class _Part(NamedTuple):
    """A row of `posting`, of the list that has this number among those found."""

    list: int
    first_key: int
    holders: bytes
    counts: bytes


def _hits(rows: Sequence[Any], words: Sequence[str]) -> Hits:
    """The hits among the rows of one property."""
    found = list(dict.fromkeys(row.word for row in rows))
    with_stem: dict[str, list[int]] = {}
    for number, its_stem in enumerate({row.word: row.stem for row in rows}.values()):
        with_stem.setdefault(its_stem, []).append(number)
    alike = [
        (bisect_left(found, word), bisect_left(found, word + _BEYOND), with_stem.get(stem(word), [])) for word in words
    ]
    if not all(start < stop or stemmed for start, stop, stemmed in alike):
        return _NOTHING
    numbers = {word: number for number, word in enumerate(found)}
    postings = decoded(_Part(numbers[row.word], row.first_key, row.holders, row.counts) for row in rows)
    cuts = np.searchsorted(postings.lists, np.arange(len(found) + 1))
    keys, places = np.unique(postings.keys, return_inverse=True)

    def holding(start: int, stop: int) -> Marks:
        marks = np.zeros(len(keys), np.bool_)
        marks[places[cuts[start] : cuts[stop]]] = True
        return marks

    by_start = [holding(start, stop) for start, stop, _ in alike]
    by_stem = [
        np.logical_or.reduce([holding(number, number + 1) for number in stemmed] or [holding(0, 0)])
        for _, _, stemmed in alike
    ]
    covered = np.logical_and.reduce([start | stemmed for start, stemmed in zip(by_start, by_stem, strict=True)])
    return Hits(
        keys,
        np.bincount(places, postings.counts, len(keys)).astype(np.int64),
        covered,
        np.logical_and.reduce(by_start) | np.logical_and.reduce(by_stem),
    )
