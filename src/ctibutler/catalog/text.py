"""The text index: which objects hold a word in their name or description, and how often.

It is ours, not the engines', so both find the same: `term` has every word with its stem, `posting` the lists. A third list, of
the empty word, counts the words of each text, so that ranking needs no text.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any

import Stemmer

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.keys import next_key
from ctibutler.catalog.folding import words_of
from ctibutler.errors import InvalidRequest

if TYPE_CHECKING:
    from ctibutler.catalog.postings import Postings, Row

# PostgreSQL indexes no more than 2,704 bytes of a row. Of longer words, the beginning is indexed.
LONGEST_WORD = 100
# The longest name that a publisher wrote has 18 words.
MOST_WORDS = 64
NAME, DESCRIPTION = PROPERTIES = (0, 1)
ALL_WORDS = ""

_POSTING_COLUMNS = ("term_key", "property", "first_key", "holders", "counts")
# How many terms are read at once: this bounds the memory of a removal.
_TERMS_AT_ONCE = 2000

_stemmer = Stemmer.Stemmer("english")


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return the English Snowball ("Porter2") stem of a folded word."""
    return str(_stemmer.stemWord(word))


def words_asked(text: str) -> list[str]:
    """Return the words of a query as the index has them, each once.

    Raises InvalidRequest if there are more than MOST_WORDS.
    """
    words = list(dict.fromkeys(word[:LONGEST_WORD] for word in words_of(text)))
    if len(words) > MOST_WORDS:
        raise InvalidRequest.of("text", f"Must have no more than {MOST_WORDS} different words.")
    return words


def index_texts(connection: Connection, rows: Iterable[tuple[int, str, str]]) -> None:
    """Add the name and description of objects that are not in the index: rows of object key, name, description."""
    counter = count()
    numbers: defaultdict[str, int] = defaultdict(lambda: next(counter), {ALL_WORDS: next(counter)})
    number_of = numbers.__getitem__
    texts = []
    for key, *pair in rows:
        for kind, text in zip(PROPERTIES, pair, strict=True):
            found = array("q", map(number_of, words_of(text)))
            if found:
                texts.append((key, kind, found))
    if texts:
        _add(connection, _occurring(_ensure_terms(connection, numbers), texts))


def forget_texts(connection: Connection, object_keys: list[int]) -> None:
    """Remove objects from the index."""
    import numpy as np

    from ctibutler.catalog.postings import decoded, encoded

    for rows in _some_terms(connection):
        present = decoded(rows)
        goes = np.isin(present.keys, object_keys)
        changed = np.unique(present.lists[goes] >> 1)
        if len(changed):
            _delete_lists(connection, changed.tolist())
            stays = ~goes & np.isin(present.lists >> 1, changed)
            _insert(connection, encoded(present.where(stays)))
            _delete_unused(connection, changed.tolist())


def counted_words(text: str) -> Counter[str]:
    """Return what the index holds of a text: how often each word occurs, and how many words there are."""
    words = [word[:LONGEST_WORD] for word in words_of(text)]
    return Counter(words) + Counter({ALL_WORDS: len(words)})


def entries(connection: Connection) -> Iterator[tuple[int, int, str, int]]:
    """Yield the whole index, to check it: object key, property, word, and how often.

    Raises ValueError if it is damaged.
    """
    from ctibutler.catalog.postings import decoded

    words = {row.term_key: row.word for row in connection.rows("SELECT term_key, word FROM term")}
    for rows in _some_terms(connection):
        for number, key, times in zip(*(column.tolist() for column in decoded(rows)), strict=True):
            yield key, number & 1, words.get(number >> 1, "?"), times


# A list has one number: its term and its property.
_LIST = "term_key * 2 + property"


def _some_terms(connection: Connection) -> Iterator[list[Any]]:
    """The rows of all lists, those of _TERMS_AT_ONCE terms at a time."""
    for start in range(0, next_key(connection, "posting", "term_key"), _TERMS_AT_ONCE):
        yield connection.rows(
            f"""
            SELECT {_LIST} AS list, first_key, holders, counts
              FROM posting
             WHERE term_key >= :start AND term_key < :stop
             ORDER BY term_key, property, first_key
            """,
            start=start,
            stop=start + _TERMS_AT_ONCE,
        )


def _occurring(keys_of_words: list[int], texts: list[tuple[int, int, array[int]]]) -> Postings:
    """The postings of texts: object key, property, and the words as numbers of `keys_of_words`."""
    import numpy as np

    from ctibutler.catalog.postings import Postings, counted, merged

    keys, properties, sizes = (
        np.array(column, np.int64)
        for column in zip(*((key, kind, len(found)) for key, kind, found in texts), strict=True)
    )
    words = np.frombuffer(b"".join(found.tobytes() for _, _, found in texts), np.int64)
    terms = np.array(keys_of_words, np.int64)
    of_words = counted(terms[words] * 2 + np.repeat(properties, sizes), np.repeat(keys, sizes))
    lengths = Postings(keys_of_words[0] * 2 + properties, keys, sizes)
    return merged(of_words, lengths)


def _ensure_terms(connection: Connection, words: Iterable[str]) -> list[int]:
    """The keys of these words, in this order; those that are missing are inserted. Needs a transaction that writes."""
    short = [word[:LONGEST_WORD] for word in words]
    wanted = set(short)
    found: dict[str, int] = {
        row.word: row.term_key
        for row in connection.rows(
            f"SELECT word, term_key FROM term WHERE word IN {connection.in_list('words', 'text')}", words=sorted(wanted)
        )
    }
    missing = sorted(wanted - found.keys())
    first = next_key(connection, "term", "term_key")
    made = [(first + place, word, stem(word)) for place, word in enumerate(missing)]
    connection.insert("term", ("term_key", "word", "stem"), made)
    found |= {word: key for key, word, _ in made}
    return [found[word] for word in short]


def _add(connection: Connection, postings: Postings) -> None:
    """Add postings of objects that are in no list yet, and whose keys are greater than those that are."""
    from ctibutler.catalog.postings import decoded, encoded, merged

    last_rows = f"""
        (term_key, property, first_key) IN (
            SELECT term_key, property, max(first_key)
              FROM posting
             WHERE term_key IN {connection.in_list("terms")}
             GROUP BY term_key, property)
    """
    terms = sorted(set((postings.lists >> 1).tolist()))
    tails = connection.rows(
        f"""
        SELECT {_LIST} AS list, first_key, holders, counts
          FROM posting
         WHERE {last_rows}
         ORDER BY term_key, property
        """,
        terms=terms,
    )
    if tails:
        connection.run(f"DELETE FROM posting WHERE {last_rows}", terms=terms)
        postings = merged(decoded(tails), postings)
    _insert(connection, encoded(postings))


def _insert(connection: Connection, rows: Iterable[Row]) -> None:
    connection.insert("posting", _POSTING_COLUMNS, [(row.list >> 1, row.list & 1, *row[1:]) for row in rows])


def _delete_lists(connection: Connection, terms: list[int]) -> None:
    connection.run(f"DELETE FROM posting WHERE term_key IN {connection.in_list('terms')}", terms=terms)


def _delete_unused(connection: Connection, terms: list[int]) -> None:
    connection.run(
        f"""
        DELETE FROM term
         WHERE term_key IN {connection.in_list("terms")}
           AND NOT EXISTS (SELECT 1 FROM posting WHERE posting.term_key = term.term_key)
        """,
        terms=terms,
    )
