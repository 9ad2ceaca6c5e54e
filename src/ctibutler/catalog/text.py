"""The text index: words, their stems and their beginnings, found alike by both engines.

The engines neither split nor stem. The index holds each word of a property as it is and, behind a mark, its stem if that is
another word. So a stem is found by its mark or, for words that are their own stem, as the word.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import Stemmer

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import words_of

# No word holds this sign, and to the tokenisers it is a letter like any other beyond ASCII.
STEM_MARK = "§"
LONGEST_WORD = 100
# PostgreSQL holds less than 1 MiB of distinct words of one text, and a character can be four bytes.
MOST_CHARACTERS = 250_000
PROPERTIES = ("name", "description")

_stemmer = Stemmer.Stemmer("english")


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Return the English Snowball ("Porter2") stem of a folded word."""
    return str(_stemmer.stemWord(word))


def tokens(text: str) -> list[str]:
    """Return the index entries of a text: its distinct words, and the marked stems of those that are not their own stem.

    Of a text with more than MOST_CHARACTERS, only the first words are indexed.
    """
    found: set[str] = set()
    room = MOST_CHARACTERS
    for short in dict.fromkeys(word[:LONGEST_WORD] for word in dict.fromkeys(words_of(text))):
        stemmed = stem(short)
        room -= len(short) + len(stemmed) + 1
        if room < 0:
            break
        found.add(short)
        if stemmed != short:
            found.add(STEM_MARK + stemmed)
    return sorted(found)


def index_texts(connection: Connection, rows: Iterable[tuple[int, str, str]]) -> None:
    """Add the name and description of objects: rows of object key, name, description."""
    prepared = [
        (key, as_stored(connection, name), as_stored(connection, description)) for key, name, description in rows
    ]
    connection.insert("text_index", ("rowid", *PROPERTIES), prepared)


def as_stored(connection: Connection, text: str) -> str:
    """Return the words of a text as the engine takes them."""
    return " ".join(tokens(text)) if connection.engine == "sqlite" else _vector(tokens(text))


def forget_texts(connection: Connection, object_keys: list[int]) -> None:
    """Remove objects from the index."""
    connection.run(
        f"DELETE FROM text_index WHERE rowid IN {connection.in_list('object_keys')}",
        object_keys=object_keys,
    )


def matching(connection: Connection, text: str) -> tuple[str, dict[str, object]] | None:
    """Return a query for the keys of objects whose name or description matches, as SQL and its parameters.

    All words must be in one property, either all by stem or all as beginnings of words. Return None if the text has no words:
    nothing matches.
    """
    words = list(dict.fromkeys(word[:LONGEST_WORD] for word in words_of(text)))
    if not words:
        return None
    if connection.engine == "sqlite":
        by_stem = " AND ".join(_either(_quoted(term) for term in _stem_terms(word)) for word in words)
        by_start = " AND ".join(f"{_quoted(word)} *" for word in words)
        asked = " OR ".join(f"({{{name}}} : ({by_stem})) OR ({{{name}}} : ({by_start}))" for name in PROPERTIES)
        return "SELECT rowid FROM text_index WHERE text_index MATCH :asked_text", {"asked_text": asked}
    by_stem = " & ".join("(" + " | ".join(_lexeme(term) for term in _stem_terms(word)) + ")" for word in words)
    by_start = " & ".join(f"{_lexeme(word)}:*" for word in words)
    conditions = " OR ".join(
        f"{name} @@ CAST(:by_stem AS tsquery) OR {name} @@ CAST(:by_start AS tsquery)" for name in PROPERTIES
    )
    return f"SELECT rowid FROM text_index WHERE {conditions}", {"by_stem": by_stem, "by_start": by_start}


def _stem_terms(word: str) -> list[str]:
    """The index entries of texts that contain a word with the same stem."""
    stemmed = stem(word)
    return [STEM_MARK + stemmed, *([stemmed] if stem(stemmed) == stemmed else [])]


def _either(terms: Iterable[str]) -> str:
    return "(" + " OR ".join(terms) + ")"


def _quoted(term: str) -> str:
    return f'"{term}"'


def _lexeme(term: str) -> str:
    return f"'{term}'"


def _vector(terms: list[str]) -> str:
    return " ".join(_lexeme(term) for term in terms)
